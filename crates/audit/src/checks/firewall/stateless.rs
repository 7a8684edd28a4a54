//! Answers to own connections are let in by their state.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-stateless",
    safeguard: Safeguard::Firewall,
    severity: Severity::Low,
    title: "answers to own connections are let in by their state",
    why: "Without `ct state established` answers need wide rules for high ports, which let in \
              much else. State is exact.",
    remedy: "`ct state established,related accept` in front.",
    controls: &["CIS 4.3.6", "PCI 1.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport 1024-65535 accept\n} }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\nct state established,related accept\n} }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (name, filter) in filters(facts, rows) {
        if filter.is_stateful || !filter.drops(4) {
            rows.looked(beginning(filter, "keeps state"));
        } else {
            rows.fail(
                format!("the {name} firewall keeps no state"),
                beginning(filter, "no ct state established"),
            );
        }
    }
}
