//! What rules of sudo really give, and the keys that open accounts.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Line};
use std::path::Path;

/// Programs from which a shell is one step away when root runs them.
const SHELLS: [&str; 52] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "fish",
    "su",
    "vi",
    "vim",
    "vim.basic",
    "vim.tiny",
    "view",
    "nano",
    "emacs",
    "ed",
    "less",
    "more",
    "most",
    "man",
    "python",
    "python3",
    "perl",
    "ruby",
    "php",
    "node",
    "lua",
    "awk",
    "gawk",
    "mawk",
    "find",
    "env",
    "tar",
    "zip",
    "rsync",
    "nmap",
    "ftp",
    "gdb",
    "strace",
    "docker",
    "tee",
    "cp",
    "mv",
    "dd",
    "chmod",
    "chown",
    "xargs",
    "script",
    "screen",
    "tmux",
    "mount",
    "git",
    "apt",
];

/// Whether a command of a rule, run as root, gives everything.
pub(super) fn gives_all(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let name = words.next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    if !SHELLS.contains(&name) {
        return false;
    }
    // Programs that only do what their arguments say are harmless where the arguments are fixed.
    let fixed = words.next().is_some() && !command.contains('*');
    let by_arguments = [
        "cp", "mv", "dd", "chmod", "chown", "tee", "rsync", "tar", "zip", "mount", "git", "apt",
        "env", "docker", "nmap", "xargs",
    ];
    !(fixed && by_arguments.contains(&name))
}

/// A setting that should be on for all.
pub(super) fn default(facts: &Facts<'_>, rows: &mut Rows, name: &str, words: &str) {
    let Some(all) = rows.take(facts.sudo().as_ref().map_err(Clone::clone)) else { return };
    if all.is_empty() {
        return;
    }
    let set = all.iter().filter(|rule| rule.who == "Defaults").find(|rule| {
        rule.what.split(',').any(|part| {
            part.trim() == name
                || part
                    .trim()
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.trim_start().starts_with('='))
        })
    });
    match set {
        Some(rule) => rows.looked(Evidence::at(&rule.place, rule.line())),
        None => rows.fail(
            words,
            Evidence::path(Path::new("/etc/sudoers"), format!("no `Defaults {name}`")),
        ),
    }
}

/// The lines of every account's key files, with the account's name.
pub(super) fn authorized_keys(facts: &Facts<'_>, rows: &mut Rows) -> Vec<(Line, String)> {
    let mut out = Vec::new();
    for (user, home) in rows.take(facts.homes()).unwrap_or_default() {
        for name in [".ssh/authorized_keys", ".ssh/authorized_keys2"] {
            let lines = rows.take(facts.lines(home.join(name))).flatten();
            let all = lines.iter().flat_map(|lines| lines.iter());
            let keys = all
                .filter(|line| !line.text.trim().is_empty() && !line.text.trim().starts_with('#'));
            out.extend(keys.map(|line| (line.clone(), user.name.clone())));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_commands_are_told_from_wide_ones() {
        for (command, wanted) in [
            ("/usr/bin/vim /etc/x", true),
            ("/bin/bash", true),
            ("/usr/bin/cp", true),
            ("/usr/bin/cp /a /b", false),
            ("/usr/bin/cp /a/* /b", true),
            ("/usr/bin/systemctl restart x", false),
            ("/usr/bin/find", true),
        ] {
            assert_eq!(gives_all(command), wanted, "{command}");
        }
    }
}
