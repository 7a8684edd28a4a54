//! Only programs that a package brought run as their owner.

use super::{ground, mode, packages};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-suid",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "only programs that a package brought run as their owner",
    why: "A set-uid program runs as root whoever starts it; a copy of a shell or an \
              interpreter with the bit is root for everybody. Intruders leave one behind to come \
              back.",
    remedy: "`chmod u-s` it or remove it, and find out who made it.",
    controls: &["CIS 7.1.13", "PCI 2.2.4", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/usr/lib/.x", ""),
            Mode("/usr/lib/.x", 0o4755),
            File("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
        ],
        pass: &[Folder("/usr")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let (Some((index, accounts)), Some(packages)) = (ground(facts, rows), packages(facts, rows))
    else {
        return;
    };
    for node in index.nodes.iter().filter(|node| node.is_file() && node.metadata.mode & 0o4000 != 0)
    {
        let text = mode(node, accounts);
        let usual = node.metadata.uid != 0;
        match packages.owner(&node.path) {
            None if !packages.is_empty() => rows.fail_as(
                if usual { Severity::High } else { Severity::Critical },
                format!(
                    "{} runs as {} whoever starts it (setuid), and no package brought it",
                    node.path.display(),
                    accounts.owner(node.metadata.uid)
                ),
                Evidence::path(&node.path, text),
            ),
            _ if SHELLS.contains(&node.name()) => rows.fail(
                format!("{} has the setuid bit, which gives everybody root", node.path.display()),
                Evidence::path(&node.path, text),
            ),
            _ if node.metadata.mode & 0o022 != 0 => rows.fail(
                format!("the setuid program {} can be changed by others", node.path.display()),
                Evidence::path(&node.path, text),
            ),
            _ => rows.looked(Evidence::path(&node.path, text)),
        }
    }
    rows.looked(Evidence::path(Path::new("/"), "set-uid programs were looked at"));
}

/// Programs with which root is everybody's when the bit is set.
const SHELLS: &[&str] = &[
    "bash",
    "sh",
    "dash",
    "zsh",
    "ksh",
    "busybox",
    "python3",
    "perl",
    "find",
    "vim",
    "cp",
    "env",
    "nmap",
    "tar",
    "less",
    "awk",
    "php",
    "node",
    "ruby",
    "gdb",
    "docker",
    "mv",
    "dd",
    "tee",
    "cat",
    "chmod",
    "chown",
    "systemctl",
    "nano",
    "rsync",
    "socat",
    "openssl",
    "curl",
    "wget",
    "ip",
    "strace",
    "xxd",
    "base64",
    "date",
    "git",
    "ed",
    "more",
    "head",
    "tail",
    "cut",
    "sort",
    "sed",
    "mawk",
    "gawk",
    "python3.11",
    "vi",
    "vim.basic",
    "vim.tiny",
];
