//! Commands of sudo's rules give no shell.

use super::sudo::gives_all;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-sudo-escape",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "commands of sudo's rules give no shell",
    why: "An editor, a pager, an interpreter or a wild card in a rule is root in one step. The \
              rule looks narrow and is not.",
    remedy: "Name one program with fixed arguments, or `sudoedit` for files.",
    controls: &["PCI 7.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sudoers", "d ALL=(root) /usr/bin/vim /etc/x\n")],
        pass: &[File("/etc/sudoers", "d ALL=(root) /usr/bin/systemctl restart shop\n")],
        unknown: &[Denied("/etc/sudoers")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.sudo().as_ref().map_err(Clone::clone)) else { return };
    for rule in all.iter().filter(|rule| rule.is_grant() && rule.who != "root") {
        let bad: Vec<String> = rule
            .commands()
            .into_iter()
            .filter(|command| command != "ALL" && (gives_all(command) || command.contains('*')))
            .collect();
        let writable = rule
            .commands()
            .iter()
            .filter_map(|command| command.split_whitespace().next().map(PathBuf::from))
            .find(|path| {
                path.is_absolute()
                    && facts
                        .followed(path)
                        .ok()
                        .flatten()
                        .is_some_and(|(_, m)| m.uid != 0 || m.mode & 0o022 != 0)
            });
        if let Some(path) = writable {
            rows.fail(
                format!(
                    "sudo runs {} as root for {}, and others than root can change it",
                    path.display(),
                    rule.who
                ),
                Evidence::at(&rule.place, rule.line()),
            );
        } else if bad.is_empty() {
            rows.looked(Evidence::at(&rule.place, rule.line()));
        } else {
            rows.fail(
                format!("sudo gives {} a way to a root shell: {}", rule.who, bad.join(", ")),
                Evidence::at(&rule.place, rule.line()),
            );
        }
    }
}
