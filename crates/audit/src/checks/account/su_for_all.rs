//! Only administrators can try su.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-su-for-all",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "only administrators can try su",
    why: "Without `pam_wheel` any taken-over account can guess root's password at leisure. A \
              group ends that.",
    remedy: "`auth required pam_wheel.so use_uid group=sudo` in /etc/pam.d/su.",
    controls: &["CIS 5.2.7", "PCI 7.2.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/pam.d/su", "auth sufficient pam_rootok.so\n")],
        pass: &[File("/etc/pam.d/su", "auth required pam_wheel.so use_uid\n")],
        unknown: &[Denied("/etc/pam.d/su"), Mode("/etc/pam.d/su", 0o600)],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = match facts.pam() {
        Ok(all) => all,
        Err(blind) => return rows.unknown(blind.clone()),
    };
    let own: Vec<_> =
        all.iter().filter(|line| line.service == "su" && line.kind == "auth").collect();
    let Some(first) = own.first() else { return };
    match own.iter().find(|line| line.module == "pam_wheel.so") {
        Some(line) => rows.looked(Evidence::at(&line.place, line.line())),
        None => rows.lacks(
            "every account may try su: no pam_wheel",
            Evidence::at(&first.place, "no pam_wheel.so in /etc/pam.d/su"),
        ),
    }
}
