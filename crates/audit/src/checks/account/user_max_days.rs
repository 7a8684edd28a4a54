//! Every account's password gets old at some time.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-user-max-days",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "every account's password gets old at some time",
    why: "The default counts for new accounts only; those that were made before keep their own \
              value. Each line of shadow has to say it.",
    remedy: "`chage -M 365 NAME`.",
    controls: &["CIS 5.4.1.1", "PCI 8.3.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shadow", "olga:$y$j9T$a$b:19800:0:99999:7:::\n")],
        pass: &[File("/etc/shadow", "olga:$y$j9T$a$b:19800:0:365:7:::\n")],
        unknown: &[Denied("/etc/shadow")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for line in shadow(facts, rows).iter().filter(|line| line.is_open() && !line.hash.is_empty()) {
        if line.max_days.is_none_or(|days| !(0..=366).contains(&days)) {
            rows.fail(
                format!("the password of {} never expires", line.name),
                Evidence::at(
                    &line.place,
                    format!(
                        "{}: maximum {}",
                        line.name,
                        line.max_days.map_or("none".to_owned(), |days| format!("{days} days"))
                    ),
                ),
            );
        } else {
            rows.looked(Evidence::at(&line.place, &line.name));
        }
    }
}
