//! Remedies of sshd, its client and sudo.

use super::lines::{forward_agent, host_keys, sudo_forgets};
use super::row;
use crate::remedies::Remedy;
use crate::remedies::sshd::Guard;
use crate::remedies::way::Way;
use burgrave_model::Program;

const fn sshd(
    id: &'static str,
    key: &'static str,
    value: &'static str,
    risk: &'static str,
) -> Remedy {
    row(id, Way::Sshd { key, value, guard: Guard::None }, risk)
}

const fn sshd_if(
    id: &'static str,
    (key, value): (&'static str, &'static str),
    guard: Guard,
    risk: &'static str,
) -> Remedy {
    row(id, Way::Sshd { key, value, guard }, risk)
}

const fn algorithms(id: &'static str, weak: &'static [&'static str]) -> Remedy {
    row(id, Way::SshdList { weak }, "clients of before 2014 cannot connect any more")
}

pub(super) const SSH: &[Remedy] = &[
    sshd(
        "ssh-agent-forwarding",
        "AllowAgentForwarding",
        "no",
        "who hops on from here with a forwarded agent cannot",
    ),
    algorithms("ssh-ciphers", &["cbc", "3des", "arcfour", "blowfish", "cast128", "des"]),
    sshd(
        "ssh-empty-passwords",
        "PermitEmptyPasswords",
        "no",
        "accounts without a password cannot log in any more",
    ),
    sshd(
        "ssh-gateway-ports",
        "GatewayPorts",
        "no",
        "ports that users forward are open to this machine only",
    ),
    sshd(
        "ssh-host-based",
        "HostbasedAuthentication",
        "no",
        "hosts that were trusted need a key of the user",
    ),
    sshd(
        "ssh-idle",
        "ClientAliveInterval",
        "300",
        "sessions whose client is gone end after a quarter of an hour",
    ),
    algorithms("ssh-key-algorithms", &["ssh-rsa", "ssh-dss"]),
    algorithms("ssh-key-exchange", &["sha1", "group1-"]),
    sshd_if(
        "ssh-keyboard-interactive",
        ("KbdInteractiveAuthentication", "no"),
        Guard::Key,
        "who logs in by a password through PAM cannot any more",
    ),
    sshd("ssh-log-level", "LogLevel", "VERBOSE", "the log grows by a few lines a login"),
    sshd("ssh-login-grace", "LoginGraceTime", "60", "a login must be done within a minute"),
    algorithms("ssh-macs", &["md5", "sha1", "-96", "umac-64", "ripemd"]),
    sshd(
        "ssh-max-auth-tries",
        "MaxAuthTries",
        "4",
        "clients that offer more than four keys must name the right one",
    ),
    sshd("ssh-max-sessions", "MaxSessions", "10", "one connection carries ten sessions at most"),
    sshd(
        "ssh-max-startups",
        "MaxStartups",
        "10:30:60",
        "under a flood of logins some must try again",
    ),
    sshd_if(
        "ssh-password-authentication",
        ("PasswordAuthentication", "no"),
        Guard::Key,
        "who has no key cannot log in any more",
    ),
    sshd("ssh-protocol", "Protocol", "2", "none: servers of today know no other"),
    sshd(
        "ssh-rhosts",
        "IgnoreRhosts",
        "yes",
        "hosts that `.rhosts` trusted need a key of the user",
    ),
    sshd_if(
        "ssh-root-login",
        ("PermitRootLogin", "prohibit-password"),
        Guard::Other,
        "root logs in by a key only",
    ),
    sshd(
        "ssh-socket-forwarding",
        "AllowStreamLocalForwarding",
        "no",
        "tools that forward sockets, such as remote editors, cannot",
    ),
    sshd(
        "ssh-strict-modes",
        "StrictModes",
        "yes",
        "keys in files that others can write are refused",
    ),
    sshd(
        "ssh-tcp-forwarding",
        "AllowTcpForwarding",
        "no",
        "tunnels and jumps through this machine end",
    ),
    sshd("ssh-tunnel", "PermitTunnel", "no", "networks that were joined by ssh are apart"),
    sshd("ssh-use-pam", "UsePAM", "yes", "limits and locks of PAM count for logins too"),
    sshd(
        "ssh-user-environment",
        "PermitUserEnvironment",
        "no",
        "`.ssh/environment` is not read any more",
    ),
    sshd(
        "ssh-x11-forwarding",
        "X11Forwarding",
        "no",
        "graphical programs cannot be shown from here",
    ),
    sshd("version-sshd", "DebianBanner", "no", "none"),
    row(
        "ssh-client-forwards-agent",
        Way::Lines {
            edit: forward_agent,
            words: "sets `ForwardAgent no` in its place",
            program: None,
        },
        "who hops on from here must say so for the host",
    ),
    row(
        "ssh-client-host-keys",
        Way::Lines {
            edit: host_keys,
            words: "sets `StrictHostKeyChecking ask` in its place",
            program: None,
        },
        "scripts that meet a new host stop until its key is known",
    ),
    row(
        "account-sudo-pty",
        Way::SudoDefault("Defaults use_pty"),
        "programs left in the background end with the session",
    ),
    row(
        "account-sudo-log",
        Way::SudoDefault("Defaults logfile=/var/log/sudo.log"),
        "a log that must be rotated",
    ),
    row("account-sudo-nopasswd", Way::SudoPassword, "scripts that relied on it stop and ask"),
    row(
        "account-sudo-forgets",
        Way::Lines {
            edit: sudo_forgets,
            words: "sets `timestamp_timeout=5`, and puts lines that hand the environment on out of force",
            program: Some(Program::Sudo),
        },
        "sudo asks again after five minutes",
    ),
];
