//! Sshd bounds connections that are not logged in.

use super::setting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-max-startups",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Low,
    title: "sshd bounds connections that are not logged in",
    why: "Without a bound anybody can fill the machine with half-open logins. The built-in \
              bound drops some of them early.",
    remedy: "Set `MaxStartups 10:30:60`.",
    controls: &["CIS 5.1.18", "ISO 8.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "MaxStartups 10000\n")],
        pass: &[File("/etc/ssh/sshd_config", "MaxStartups 10:30:60\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    setting(
        facts,
        rows,
        "MaxStartups",
        "10:30:100",
        |value| {
            value
                .rsplit(':')
                .next()
                .and_then(|most| most.parse::<u32>().ok())
                .is_none_or(|most| most == 0 || most > 200)
        },
        "too many connections may wait for a login",
    );
}
