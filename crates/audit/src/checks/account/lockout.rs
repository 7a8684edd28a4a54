//! Wrong passwords lock an account for a while.

use super::pam;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-lockout",
    safeguard: Safeguard::BruteForce,
    severity: Severity::Medium,
    title: "wrong passwords lock an account for a while",
    why: "Without a lock a password can be guessed as often as the line allows. Five tries and \
              fifteen minutes stop that.",
    remedy: "`pam_faillock.so` in common-auth, `deny = 5` and `unlock_time = 900` in \
              /etc/security/faillock.conf.",
    controls: &["CIS 5.3.3.1.1", "PCI 8.3.4", "ISO 8.5", "ASVS 6.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/pam.d/common-auth", "auth required pam_unix.so\n")],
        pass: &[File(
            "/etc/pam.d/common-auth",
            "auth required pam_faillock.so preauth\nauth required pam_unix.so\n",
        )],
        unknown: &[Denied("/etc/pam.d/common-auth"), Mode("/etc/pam.d/common-auth", 0o600)],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = pam(facts, rows);
    let Some(first) = all.iter().find(|line| line.kind == "auth") else { return };
    let locks: Vec<_> = all
        .iter()
        .filter(|line| {
            line.kind == "auth"
                && ["pam_faillock.so", "pam_tally2.so", "pam_abl.so"]
                    .contains(&line.module.as_str())
        })
        .collect();
    let Some(lock) = locks.first() else {
        rows.lacks(
            "PAM never locks an account after wrong passwords: no pam_faillock",
            Evidence::at(&first.place, "no pam_faillock.so in the auth stack"),
        );
        return;
    };
    let conf =
        rows.take(facts.settings("/etc/security/faillock.conf", ini::LOOSE)).unwrap_or_default();
    let deny = locks
        .iter()
        .find_map(|line| {
            line.argument("deny")
                .map(|value| (value.to_owned(), Evidence::at(&line.place, line.line())))
        })
        .or_else(|| {
            ini::last(&conf, None, "deny").map(|setting| {
                (
                    setting.value.clone(),
                    Evidence::at(&setting.place, format!("deny = {}", setting.value)),
                )
            })
        });
    match deny {
        Some((value, evidence))
            if value.parse::<u32>().map_or(true, |tries| tries == 0 || tries > 10) =>
        {
            rows.fail(
                format!("an account is locked only after {value} wrong passwords (faillock deny)"),
                evidence,
            );
        }
        Some((_, evidence)) => rows.looked(evidence),
        None => rows.looked(Evidence::at(&lock.place, lock.line())),
    }
}
