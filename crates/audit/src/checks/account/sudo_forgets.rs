//! Sudo asks again after a while.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-sudo-forgets",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "sudo asks again after a while",
    why: "A password that counts for hours or for ever serves whoever finds the open session. \
              Five minutes are usual.",
    remedy: "`Defaults timestamp_timeout=5`.",
    controls: &["CIS 5.2.6", "PCI 8.2.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/sudoers", "Defaults timestamp_timeout=-1\n")],
        pass: &[File("/etc/sudoers", "Defaults timestamp_timeout=5\n")],
        unknown: &[Denied("/etc/sudoers")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.sudo().as_ref().map_err(Clone::clone)) else { return };
    for rule in all.iter().filter(|rule| rule.is_default()) {
        let value = rule.what.split(',').find_map(|part| {
            part.trim()
                .strip_prefix("timestamp_timeout")?
                .trim()
                .strip_prefix('=')?
                .trim()
                .parse::<f64>()
                .ok()
        });
        if value.is_some_and(|minutes| !(0.0..=30.0).contains(&minutes)) {
            rows.fail(
                "sudo remembers a password for too long (timestamp_timeout)",
                Evidence::at(&rule.place, rule.line()),
            );
        } else if rule.what.contains("!env_reset")
            || rule.what.contains("setenv") && !rule.what.contains("!setenv")
        {
            rows.fail(
                "sudo hands the caller's environment to root's programs",
                Evidence::at(&rule.place, rule.line()),
            );
        } else if rule.what.contains("env_keep")
            && ["LD_", "PYTHON", "PERL5", "BASH_ENV"].iter().any(|name| rule.what.contains(name))
        {
            rows.fail(
                "sudo keeps variables that change what root's programs load",
                Evidence::at(&rule.place, rule.line()),
            );
        } else {
            rows.looked(Evidence::at(&rule.place, rule.line()));
        }
    }
}
