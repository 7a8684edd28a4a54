//! What no rule names is dropped.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-accepts-by-default",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "what no rule names is dropped",
    why: "With `policy accept` the rules only list what somebody thought of, and everything \
              else is open. Default deny turns that round.",
    remedy: "`policy drop;` in the input chain, after the rules for what is needed.",
    controls: &["CIS 4.3.8", "PCI 1.3.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy accept;\ntcp dport 22 accept\n} }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "# policy accept\ntable inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport 22 accept\n} }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (name, filter) in filters(facts, rows) {
        for family in [4, 6] {
            if filter.sees(family) && !filter.drops(family) {
                let place = filter
                    .inputs
                    .iter()
                    .find(|(own, ..)| *own == 0 || *own == family)
                    .map(|(_, _, place)| place);
                rows.fail(
                    format!("the {name} firewall's input policy is accept (nft, IPv{family})"),
                    place.map_or_else(
                        || beginning(filter, "policy accept"),
                        |place| Evidence::at(place, "an input chain with policy accept"),
                    ),
                );
                break;
            }
        }
        rows.looked(beginning(filter, "policies were looked at"));
    }
}
