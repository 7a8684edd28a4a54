//! PAM lets nobody in without a password.

use super::pam;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-pam-nullok",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "PAM lets nobody in without a password",
    why: "`nullok` accepts an account with an empty password field. One slip with an editor \
              then opens an account.",
    remedy: "Take `nullok` out of the `auth … pam_unix.so` line in /etc/pam.d/common-auth.",
    controls: &["CIS 5.3.3.4.1", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok\n",
        )],
        pass: &[File(
            "/etc/pam.d/common-auth",
            "# auth pam_unix.so nullok\nauth [success=1 default=ignore] pam_unix.so\n",
        )],
        unknown: &[Denied("/etc/pam.d/common-auth"), Mode("/etc/pam.d/common-auth", 0o600)],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for line in
        pam(facts, rows).iter().filter(|line| line.module == "pam_unix.so" && line.kind == "auth")
    {
        match line.arguments.iter().find(|word| word.starts_with("nullok")) {
            Some(word) => rows.fail(
                format!("PAM accepts empty passwords: {word} in {}", line.place.path.display()),
                Evidence::at(&line.place, line.line()),
            ),
            None => rows.looked(Evidence::at(&line.place, line.line())),
        }
    }
}
