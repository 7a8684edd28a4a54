//! Nobody's password is his own name.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-guessable",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::High,
    title: "nobody's password is his own name",
    why: "The own name and the most common passwords are tried first, by hand and by bots. An \
              account with one is open.",
    remedy: "`passwd NAME` with a sound password, and look at the log for logins by strangers.",
    controls: &["PCI 8.3.6", "ISO 5.17", "ASVS 6.2.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/shadow",
            "tester:$6$h3Kq$Amkt5iWBIlb8Vb9.2z9wsIXNfr587p1JsfX5T5JOSu0ZtNJdjMhZwEEkJVPjJEpw81yUlBwLuggeRdt7sJ/hJ.:19800:0:365:7:::\n",
        )],
        pass: &[File(
            "/etc/shadow",
            "other:$6$h3Kq$Amkt5iWBIlb8Vb9.2z9wsIXNfr587p1JsfX5T5JOSu0ZtNJdjMhZwEEkJVPjJEpw81yUlBwLuggeRdt7sJ/hJ.:19800:0:365:7:::\n",
        )],
        unknown: &[Denied("/etc/shadow")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for line in shadow(facts, rows).iter().filter(|line| line.is_open()) {
        match crate::facts::is_guessable(&line.name, &line.hash) {
            Some(true) => rows.fail(format!("the account {} has a password that is guessed at once (its own name or a common one): a weak password", line.name), Evidence::at(&line.place, format!("{}: the hash was opened by one of the first guesses", line.name))),
            Some(false) => rows.looked(Evidence::at(&line.place, format!("{}: not among the first guesses", line.name))),
            None => {}
        }
    }
}
