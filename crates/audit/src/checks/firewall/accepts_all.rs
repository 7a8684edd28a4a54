//! No rule accepts everything.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-accepts-all",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "no rule accepts everything",
    why: "A rule without a port and an address in front of the others makes the rest of the \
              list a decoration. It was put there to try something.",
    remedy: "Remove the rule.",
    controls: &["PCI 1.3.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\nip saddr 0.0.0.0/0 accept\n} }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\niif lo accept\nct state established,related accept\nip saddr 10.0.0.0/8 accept\n} }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (name, filter) in filters(facts, rows) {
        rows.looked(beginning(filter, "rules were looked at"));
        for opening in filter.openings.iter().filter(|opening| opening.from_anywhere) {
            let wide = opening.ports.is_some_and(|(from, to)| to.saturating_sub(from) > 10_000);
            if opening.ports.is_none() || wide {
                rows.fail(
                    format!("a {name} rule accepts every address on every port: {}", opening.rule),
                    Evidence::at(&opening.place, &opening.rule),
                );
            }
        }
    }
}
