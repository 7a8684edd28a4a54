//! Sudo asks for a password.

use super::sudo::gives_all;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-sudo-nopasswd",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "sudo asks for a password",
    why: "With `NOPASSWD` whoever gets into the account is root at once, also by a stolen key \
              or a hole in a program. The password is the second lock.",
    remedy: "Remove `NOPASSWD`, or bind it to the one command that needs it.",
    controls: &["CIS 5.2.4", "PCI 8.4.1", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/sudoers", "@includedir /etc/sudoers.d\n"),
            File("/etc/sudoers.d/x", "d ALL=(ALL) NOPASSWD: ALL\n"),
        ],
        pass: &[File("/etc/sudoers", "# d ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) ALL\n")],
        unknown: &[Denied("/etc/sudoers")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.sudo().as_ref().map_err(Clone::clone)) else { return };
    for rule in all {
        let commands = rule.commands();
        let wide = commands
            .iter()
            .any(|command| command == "ALL" || gives_all(command) || command.contains('*'));
        if rule.is_grant() && rule.has_tag("NOPASSWD") && rule.who != "root" && wide {
            rows.fail(
                format!(
                    "sudo asks {} for no password (NOPASSWD) for {}",
                    rule.who,
                    commands.join(", ")
                ),
                Evidence::at(&rule.place, rule.line()),
            );
        } else if rule.is_default() && rule.line().contains("!authenticate") {
            rows.fail(
                "sudo asks nobody for a password (!authenticate instead of NOPASSWD)",
                Evidence::at(&rule.place, rule.line()),
            );
        } else {
            rows.looked(Evidence::at(&rule.place, rule.line()));
        }
    }
}
