//! What passes through is dropped unless named.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-forwards",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "what passes through is dropped unless named",
    why: "A host that forwards for containers or tunnels is a router, and an open forward \
              chain joins its networks. Default deny belongs there too.",
    remedy: "`policy drop;` in the forward chain.",
    controls: &["CIS 4.3.8", "PCI 1.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook forward priority 0; policy accept; } }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (name, filter) in filters(facts, rows) {
        rows.looked(beginning(filter, "forward chains were looked at"));
        for (_, drops, place) in &filter.forwards {
            if !drops {
                rows.fail(
                    format!("the {name} firewall forwards everything (policy accept)"),
                    Evidence::at(place, "a forward chain with policy accept"),
                );
            }
        }
    }
}
