//! Which check is mended how. One row a check; ids are those of the checks.

use super::Remedy;
use super::sshd::Guard;
use super::texts::commented;
use super::way::{Line, Owner, Way};
use super::web::Web;
use crate::facts::ini::{Dialect, INI, LOOSE, SPACED};
use burgrave_model::Program;

/// Every remedy.
pub fn all() -> impl Iterator<Item = &'static Remedy> {
    [SSH, KERNEL, MODES, FILES, WEB, LEFTOVERS].into_iter().flatten()
}

const fn row(id: &'static str, way: Way, risk: &'static str) -> Remedy {
    Remedy { id, risk, way }
}

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

const SSH: &[Remedy] = &[
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

const fn sysctl(
    id: &'static str,
    all: &'static [(&'static str, &'static str)],
    risk: &'static str,
) -> Remedy {
    row(id, Way::Sysctl(all), risk)
}

const NO_RISK: &str = "nothing that a server needs";

const KERNEL: &[Remedy] = &[
    sysctl(
        "kernel-accept-redirects",
        &[
            ("net.ipv4.conf.all.accept_redirects", "0"),
            ("net.ipv4.conf.default.accept_redirects", "0"),
            ("net.ipv6.conf.all.accept_redirects", "0"),
            ("net.ipv6.conf.default.accept_redirects", "0"),
        ],
        NO_RISK,
    ),
    sysctl("kernel-aslr", &[("kernel.randomize_va_space", "2")], NO_RISK),
    sysctl(
        "kernel-bpf-jit",
        &[("net.core.bpf_jit_harden", "2")],
        "filters in BPF run a little slower",
    ),
    sysctl(
        "kernel-broadcast-echo",
        &[
            ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
            ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-core-pattern",
        &[("kernel.core_pattern", "core")],
        "crash reports of the program that is named are not made any more",
    ),
    sysctl(
        "kernel-dmesg-restrict",
        &[("kernel.dmesg_restrict", "1")],
        "only root reads the kernel's messages",
    ),
    sysctl(
        "kernel-forwarding",
        &[("net.ipv4.ip_forward", "0"), ("net.ipv6.conf.all.forwarding", "0")],
        "a router, a VPN server or a host of virtual machines needs it: leave it there",
    ),
    sysctl(
        "kernel-kexec",
        &[("kernel.kexec_load_disabled", "1")],
        "another kernel, also that of a crash, cannot be loaded until the next start",
    ),
    sysctl(
        "kernel-kptr-restrict",
        &[("kernel.kptr_restrict", "2")],
        "profilers of the kernel show no names",
    ),
    sysctl(
        "kernel-line-disciplines",
        &[("dev.tty.ldisc_autoload", "0")],
        "old serial devices need their module loaded by root",
    ),
    sysctl(
        "kernel-martians",
        &[("net.ipv4.conf.all.log_martians", "1"), ("net.ipv4.conf.default.log_martians", "1")],
        "the kernel's log grows on noisy networks",
    ),
    sysctl(
        "kernel-mmap-min",
        &[("vm.mmap_min_addr", "65536")],
        "emulators of 16-bit programs do not run",
    ),
    sysctl("kernel-perf-events", &[("kernel.perf_event_paranoid", "3")], "only root profiles"),
    sysctl(
        "kernel-protected-files",
        &[("fs.protected_fifos", "2"), ("fs.protected_regular", "2")],
        NO_RISK,
    ),
    sysctl("kernel-protected-hardlinks", &[("fs.protected_hardlinks", "1")], NO_RISK),
    sysctl("kernel-protected-symlinks", &[("fs.protected_symlinks", "1")], NO_RISK),
    sysctl(
        "kernel-ptrace-scope",
        &[("kernel.yama.ptrace_scope", "1")],
        "debuggers attach only to their own children",
    ),
    sysctl(
        "kernel-reverse-path",
        &[("net.ipv4.conf.all.rp_filter", "1"), ("net.ipv4.conf.default.rp_filter", "1")],
        "where answers go another way than questions came, packets are lost: use 2 there",
    ),
    sysctl(
        "kernel-secure-redirects",
        &[
            ("net.ipv4.conf.all.secure_redirects", "0"),
            ("net.ipv4.conf.default.secure_redirects", "0"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-send-redirects",
        &[("net.ipv4.conf.all.send_redirects", "0"), ("net.ipv4.conf.default.send_redirects", "0")],
        "a router no longer tells shorter ways",
    ),
    sysctl(
        "kernel-source-route",
        &[
            ("net.ipv4.conf.all.accept_source_route", "0"),
            ("net.ipv4.conf.default.accept_source_route", "0"),
            ("net.ipv6.conf.all.accept_source_route", "0"),
            ("net.ipv6.conf.default.accept_source_route", "0"),
        ],
        NO_RISK,
    ),
    sysctl(
        "kernel-suid-dumpable",
        &[("fs.suid_dumpable", "0")],
        "set-uid programs leave no core dump",
    ),
    sysctl("kernel-syncookies", &[("net.ipv4.tcp_syncookies", "1")], NO_RISK),
    sysctl(
        "kernel-sysrq",
        &[("kernel.sysrq", "0")],
        "a hung machine cannot be rescued from its console",
    ),
    sysctl(
        "kernel-unprivileged-bpf",
        &[("kernel.unprivileged_bpf_disabled", "1")],
        "only root loads BPF, until the next start whatever is said later",
    ),
    sysctl(
        "kernel-userfaultfd",
        &[("vm.unprivileged_userfaultfd", "0")],
        "some emulators and virtual machines need a right more",
    ),
    row(
        "kernel-file-systems",
        Way::Modules(&["cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf"]),
        "disks of these kinds cannot be mounted",
    ),
    row(
        "kernel-protocols",
        Way::Modules(&["dccp", "sctp", "rds", "tipc"]),
        "programs of telephony and clusters that speak these need them",
    ),
    row(
        "physical-usb",
        Way::Modules(&["usb-storage", "uas"]),
        "disks and sticks at the USB ports are not seen",
    ),
    row(
        "physical-direct-memory",
        Way::Modules(&["firewire-core", "thunderbolt"]),
        "devices at FireWire and Thunderbolt ports are not seen",
    ),
];

const fn modes(id: &'static str, clear: u32, owner: Owner, risk: &'static str) -> Remedy {
    row(id, Way::Modes { clear, owner }, risk)
}

const LOSES: &str =
    "an account that read or wrote it without being its owner or in its group cannot any more";

const MODES: &[Remedy] = &[
    modes("account-keys-mode", 0o022, Owner::Home, NO_RISK),
    modes("backup-readable", 0o027, Owner::Kept, LOSES),
    modes("backup-script-writable", 0o022, Owner::Root, LOSES),
    modes("credential-backup-key", 0o037, Owner::Kept, LOSES),
    modes("credential-client-file", 0o077, Owner::Kept, LOSES),
    modes(
        "credential-configuration",
        0o007,
        Owner::Kept,
        "a service that runs under an account that neither owns it nor is in its group cannot read it",
    ),
    modes(
        "credential-environment-file",
        0o007,
        Owner::Kept,
        "an application that runs under an account that neither owns it nor is in its group cannot read it",
    ),
    modes(
        "credential-script",
        0o007,
        Owner::Kept,
        "accounts beside its owner and group cannot run it",
    ),
    modes(
        "log-folder",
        0o002,
        Owner::Root,
        "a service that made its logs there under its own account needs a folder of its own",
    ),
    modes("log-world-readable", 0o004, Owner::Kept, "who reads logs needs the group `adm`"),
    modes(
        "log-world-writable",
        0o002,
        Owner::Kept,
        "a service that wrote it without owning it cannot any more",
    ),
    modes(
        "permission-config-of-web-user",
        0o022,
        Owner::RootReadable,
        "an application that changes its own configuration cannot any more",
    ),
    modes("permission-cron", 0o022, Owner::Root, NO_RISK),
    modes(
        "permission-cron-closed",
        0o077,
        Owner::Kept,
        "accounts cannot look at the system's jobs",
    ),
    modes(
        "permission-home",
        0o027,
        Owner::Home,
        "what a web server serves from a home is not reachable any more",
    ),
    modes("permission-home-files", 0o022, Owner::Home, NO_RISK),
    modes(
        "permission-key-folder",
        0o007,
        Owner::Kept,
        "a service that reads keys there needs the folder's group",
    ),
    modes("permission-loader", 0o022, Owner::Root, LOSES),
    row(
        "permission-no-sticky",
        Way::Sticky,
        "accounts can no longer remove each other's files there",
    ),
    modes("permission-passwd", 0o022, Owner::Root, NO_RISK),
    modes(
        "permission-private-keys",
        0o037,
        Owner::Kept,
        "a service that read the key as anybody needs the file's group; a key that was open should be replaced",
    ),
    modes("permission-search-path", 0o022, Owner::Root, LOSES),
    modes(
        "permission-service-programs",
        0o022,
        Owner::Root,
        "an application that updates itself under its own account cannot any more",
    ),
    modes(
        "permission-sgid",
        0o2000,
        Owner::Kept,
        "the program runs with the group of who starts it",
    ),
    modes("permission-shadow", 0o037, Owner::Root, NO_RISK),
    modes("permission-start-up-files", 0o022, Owner::Root, LOSES),
    modes("permission-sudoers", 0o027, Owner::Root, NO_RISK),
    modes(
        "permission-suid",
        0o4022,
        Owner::Kept,
        "the program runs with the rights of who starts it",
    ),
    modes("permission-units", 0o022, Owner::Root, LOSES),
    modes(
        "permission-web-programs",
        0o022,
        Owner::RootReadable,
        "an application that updates itself cannot any more",
    ),
    modes(
        "permission-web-root-owner",
        0o022,
        Owner::RootReadable,
        "an application that writes into its own root, uploads included, cannot any more: give it a folder of its own",
    ),
    modes(
        "permission-web-world-writable",
        0o002,
        Owner::Kept,
        "an application that wrote there as anybody needs the folder's owner or group",
    ),
    modes("permission-world-writable-files", 0o002, Owner::Kept, LOSES),
    modes("physical-boot-files", 0o077, Owner::Root, NO_RISK),
    modes("ssh-config-mode", 0o022, Owner::Root, NO_RISK),
    modes("ssh-host-key-mode", 0o077, Owner::Root, NO_RISK),
];

const fn set(
    id: &'static str,
    (file, dialect): (&'static str, Dialect),
    section: &'static str,
    (key, value): (&'static str, &'static str),
    risk: &'static str,
) -> Remedy {
    row(id, Way::Set { file, dialect, section, key, value, program: None }, risk)
}

const fn login(
    id: &'static str,
    key: &'static str,
    value: &'static str,
    risk: &'static str,
) -> Remedy {
    set(id, ("/etc/login.defs", SPACED), "", (key, value), risk)
}

const fn lines(id: &'static str, edit: Line, words: &'static str, risk: &'static str) -> Remedy {
    row(id, Way::Lines { edit, words, program: None }, risk)
}

const fn line(
    id: &'static str,
    (file, line, mode): (&'static str, &'static str, u32),
    risk: &'static str,
) -> Remedy {
    row(id, Way::Line { file, line, mode, program: None }, risk)
}

const OUT: &str = "puts the line out of force, as a comment";

const FILES: &[Remedy] = &[
    login(
        "account-encrypt-method",
        "ENCRYPT_METHOD",
        "YESCRYPT",
        "hashes of new passwords cannot be read by systems of before 2021",
    ),
    login(
        "account-hash-rounds",
        "SHA_CRYPT_MIN_ROUNDS",
        "65536",
        "a login takes a few hundredths of a second longer",
    ),
    login("account-max-days", "PASS_MAX_DAYS", "365", "passwords of new accounts end after a year"),
    login("account-min-days", "PASS_MIN_DAYS", "1", "a new password stays for a day"),
    login("account-warn-days", "PASS_WARN_AGE", "14", "none"),
    lines(
        "account-pam-nullok",
        no_nullok,
        "takes `nullok` out of PAM's line",
        "accounts without a password cannot log in any more",
    ),
    set(
        "account-password-quality",
        ("/etc/security/pwquality.conf", LOOSE),
        "",
        ("minlen", "14"),
        "new passwords need fourteen letters",
    ),
    lines(
        "permission-umask",
        umask,
        "sets the umask 027 in its place",
        "new files of applications are closed to other accounts",
    ),
    line(
        "permission-cron-allow",
        ("/etc/cron.allow", "root", 0o640),
        "accounts other than root have no jobs until they are named there",
    ),
    line(
        "physical-idle-shell",
        ("/etc/profile.d/burgrave-idle.sh", "readonly TMOUT=900\nexport TMOUT", 0o644),
        "a shell that waits for a quarter of an hour ends",
    ),
    line(
        "kernel-core-dumps",
        ("/etc/security/limits.d/99-burgrave.conf", "* hard core 0", 0o644),
        "crashed programs leave nothing to look into",
    ),
    row(
        "log-audit-open",
        Way::Line {
            file: "/etc/audit/rules.d/99-burgrave.rules",
            line: "-e 2",
            mode: 0o640,
            program: None,
        },
        "the audit's rules change only with a restart of the machine",
    ),
    lines("log-history-off", commented, OUT, "none"),
    row(
        "log-journal-limits",
        Way::Lines { edit: commented, words: OUT, program: Some(Program::Journald) },
        "the journal needs more of the disk",
    ),
    row(
        "log-journal-volatile",
        Way::Line {
            file: "/etc/systemd/journald.conf.d/99-burgrave.conf",
            line: "[Journal]\nStorage=persistent",
            mode: 0o644,
            program: Some(Program::Journald),
        },
        "the journal takes up to a tenth of the disk",
    ),
    row(
        "log-file-mode",
        Way::Lines {
            edit: file_create_mode,
            words: "sets the mode 0640 in its place",
            program: Some(Program::Rsyslog),
        },
        "who reads logs needs the group `adm`",
    ),
    lines(
        "log-rotation",
        rotation,
        "keeps twelve old logs where none, or fewer than a week's, were kept, and makes new ones with the mode 0640",
        "old logs take more of the disk",
    ),
    row("patch-unattended", Way::Unattended, "services restart when their security updates come"),
    row(
        "service-sandbox",
        Way::Sandbox,
        "a service that writes below `/usr`, `/boot` or `/etc`, reads homes or shares files in `/tmp` fails: its log says so",
    ),
    row(
        "permission-docker-socket",
        Way::Lines {
            edit: socket_mode,
            words: "sets `SocketMode=0660` in its place",
            program: Some(Program::Systemd),
        },
        "accounts need the group `docker`",
    ),
    set("version-php", ("", INI), "PHP", ("expose_php", "Off"), "none"),
    set(
        "environment-php-errors",
        ("", INI),
        "PHP",
        ("display_errors", "Off"),
        "errors are seen in the log only",
    ),
    lines(
        "service-php-settings",
        php_off,
        "sets the value to `Off` in its place, and puts files that are run in front of each page out of force",
        "an application that includes programs from other machines does not run",
    ),
    lines("version-banner", plain_banner, "writes `Authorized users only.` in its place", "none"),
    lines(
        "version-message-of-the-day",
        plain_banner,
        "writes `Authorized users only.` in its place",
        "none",
    ),
    lines("version-greetings", plain_greeting, "greets without product and version", "none"),
];

const MODERN: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

const fn web(
    id: &'static str,
    names: &'static [&'static str],
    value: &'static str,
    apache: Option<Line>,
    risk: &'static str,
) -> Remedy {
    row(id, Way::Web(Web { names, value, apache, apache_lacks: None }), risk)
}

const WEB: &[Remedy] = &[
    web("version-nginx-tokens", &["server_tokens"], "off", None, "none"),
    row(
        "version-apache-tokens",
        Way::Web(Web {
            names: &[],
            value: "",
            apache: Some(apache_tokens),
            apache_lacks: Some("ServerTokens Prod"),
        }),
        "none",
    ),
    web(
        "version-headers",
        &["add_header", "more_set_headers", "proxy_pass_header", "fastcgi_pass_header"],
        "",
        Some(commented),
        "monitoring that reads the header",
    ),
    web(
        "tls-protocols",
        &["ssl_protocols", "proxy_ssl_protocols"],
        "TLSv1.2 TLSv1.3",
        Some(apache_protocols),
        "browsers and devices of before 2014 cannot connect",
    ),
    web(
        "tls-ciphers",
        &["ssl_ciphers"],
        MODERN,
        Some(apache_ciphers),
        "browsers and devices of before 2014 cannot connect",
    ),
    web(
        "tls-no-hsts",
        &["add_header Strict-Transport-Security"],
        "\"max-age=63072000\" always",
        None,
        "browsers that were here refuse the site without TLS for two years",
    ),
    web(
        "service-unguarded-headers",
        &["add_header X-Content-Type-Options"],
        "nosniff always",
        None,
        "files with a wrong type are not shown",
    ),
    web(
        "cleanup-listing",
        &["autoindex"],
        "off",
        Some(apache_options),
        "folders without a page of their own answer 403",
    ),
    web(
        "service-server-user",
        &["user"],
        "www-data",
        Some(apache_user),
        "files that only root reads are not served any more",
    ),
];

const fn leftover(id: &'static str, risk: &'static str) -> Remedy {
    row(id, Way::Quarantine, risk)
}

const LEFTOVERS: &[Remedy] = &[
    leftover("cleanup-admin-tool", "who works with the tool needs another way to the database"),
    leftover("cleanup-archive", "a download that is meant answers 404"),
    leftover("cleanup-backup-copy", "the copy is in the quarantine"),
    leftover(
        "cleanup-development-files",
        "a deployment or a site that reads them at run time fails",
    ),
    leftover("cleanup-dump", "a download that is meant answers 404"),
    leftover("cleanup-editor-copy", "an editor that is open loses its way back"),
    leftover("cleanup-installer", "a site that was not set up yet cannot be any more"),
    leftover("cleanup-log-file", "an application that writes its log there makes a new one"),
    leftover("cleanup-php-info", "none"),
    leftover(
        "cleanup-private-key",
        "a service that reads its key from there fails; a key that was open must be replaced",
    ),
    leftover("cleanup-shell-history", "none"),
    leftover("cleanup-system-files", "none"),
    leftover("cleanup-test-page", "a page that is meant answers 404"),
    leftover("cleanup-version-control", "a deployment by `git pull` in the web root fails"),
];

/// The line's key with another value, its indentation kept.
fn valued(line: &str, value: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    let key = bare.split(|c: char| c.is_whitespace() || c == '=').next()?;
    Some(format!("{indent}{key} {value}"))
}

fn forward_agent(line: &str) -> Option<String> {
    valued(line, "no")
}

fn host_keys(line: &str) -> Option<String> {
    valued(line, "ask")
}

fn sudo_forgets(line: &str) -> Option<String> {
    if !line.contains("timestamp_timeout") {
        return commented(line);
    }
    let parts: Vec<String> = line
        .split(',')
        .map(|part| match part.find("timestamp_timeout") {
            Some(at) => format!("{}timestamp_timeout=5", part.get(..at).unwrap_or_default()),
            None => part.to_owned(),
        })
        .collect();
    Some(parts.join(","))
}

fn no_nullok(line: &str) -> Option<String> {
    let kept = line.split_inclusive(char::is_whitespace);
    let kept: String = kept.filter(|word| !word.trim().starts_with("nullok")).collect();
    Some(kept.trim_end().to_owned())
}

fn umask(line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let at = lower.find("umask")?;
    let (head, rest) = line.split_at_checked(at + "umask".len())?;
    let digits = rest.trim_start();
    let gap = rest.strip_suffix(digits)?;
    let tail = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    (tail.len() < digits.len()).then(|| format!("{head}{gap}027{tail}"))
}

fn file_create_mode(line: &str) -> Option<String> {
    let at = line.to_ascii_lowercase().find("filecreatemode")? + "filecreatemode".len();
    let (head, rest) = line.split_at_checked(at)?;
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    let gap = rest.strip_suffix(digits)?;
    let tail = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    Some(format!("{head}{gap}0640{tail}"))
}

fn rotation(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let indent = line.strip_suffix(line.trim_start())?;
    match words.as_slice() {
        ["rotate", _] => Some(format!("{indent}rotate 12")),
        ["maxage", _] => Some(format!("{indent}maxage 365")),
        ["create", _, rest @ ..] => {
            Some(format!("{indent}create 0640 {}", rest.join(" ")).trim_end().to_owned())
        }
        _ => None,
    }
}

fn socket_mode(line: &str) -> Option<String> {
    line.trim_start().starts_with("SocketMode").then(|| "SocketMode=0660".to_owned())
}

fn php_off(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    if key.trim().starts_with("auto_") {
        return Some(format!("; {}", line.trim_start()));
    }
    Some(format!("{}= Off", if key.ends_with(' ') { key.to_owned() } else { format!("{key} ") }))
}

fn plain_banner(_: &str) -> Option<String> {
    Some("Authorized users only.".to_owned())
}

fn plain_greeting(line: &str) -> Option<String> {
    let bare = line.trim_start();
    if bare.starts_with("smtpd_banner") {
        return Some("smtpd_banner = $myhostname ESMTP".to_owned());
    }
    let indent = line.strip_suffix(bare)?;
    bare.starts_with("version ").then(|| format!("{indent}version \"none\";"))
}

fn apache_tokens(line: &str) -> Option<String> {
    let lower = line.trim_start().to_ascii_lowercase();
    let value = if lower.starts_with("servertokens") { "Prod" } else { "Off" };
    valued(line, value)
}

fn apache_protocols(line: &str) -> Option<String> {
    valued(line, "-all +TLSv1.2 +TLSv1.3")
}

fn apache_ciphers(line: &str) -> Option<String> {
    valued(line, MODERN)
}

fn apache_user(line: &str) -> Option<String> {
    valued(line, "www-data")
}

/// `Options` that list folders: with signs the option is taken away, without it is left out.
fn apache_options(line: &str) -> Option<String> {
    let bare = line.trim_start();
    let indent = line.strip_suffix(bare)?;
    let mut words = bare.split_whitespace();
    let key = words.next().filter(|key| key.eq_ignore_ascii_case("options"))?;
    let all: Vec<&str> = words.collect();
    if all.iter().any(|word| word.eq_ignore_ascii_case("all")) {
        return Some(format!("{indent}{key} FollowSymLinks"));
    }
    let mut kept: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| !word.trim_start_matches('+').eq_ignore_ascii_case("indexes"))
        .collect();
    if kept.is_empty() {
        kept.push(if all.iter().any(|word| word.starts_with('+')) { "-Indexes" } else { "None" });
    }
    Some(format!("{indent}{key} {}", kept.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_changed_in_their_own_form() {
        for (edit, old, wanted) in [
            (umask as Line, "umask 000", "umask 027"),
            (umask, "UMASK\t\t022 # x", "UMASK\t\t027 # x"),
            (
                no_nullok,
                "auth [a=1 b] pam_unix.so nullok_secure try",
                "auth [a=1 b] pam_unix.so try",
            ),
            (file_create_mode, "$FileCreateMode 0666", "$FileCreateMode 0640"),
            (file_create_mode, "a(fileCreateMode=\"0666\" b)", "a(fileCreateMode=\"0640\" b)"),
            (rotation, "\tcreate 666 root adm", "\tcreate 0640 root adm"),
            (rotation, " rotate 0", " rotate 12"),
            (
                sudo_forgets,
                "Defaults env_reset, timestamp_timeout=-1, x",
                "Defaults env_reset, timestamp_timeout=5, x",
            ),
            (sudo_forgets, "Defaults !env_reset", "# Defaults !env_reset"),
            (php_off, "enable_dl = On", "enable_dl = Off"),
            (php_off, "auto_prepend_file = /tmp/x", "; auto_prepend_file = /tmp/x"),
            (apache_options, "  Options Indexes FollowSymLinks", "  Options FollowSymLinks"),
            (apache_options, "Options +Indexes", "Options -Indexes"),
            (apache_options, "Options Indexes", "Options None"),
            (apache_tokens, " ServerSignature On", " ServerSignature Off"),
            (plain_greeting, "\tversion \"9.1\";", "\tversion \"none\";"),
        ] {
            assert_eq!(edit(old).as_deref(), Some(wanted), "{old}");
        }
    }
}
