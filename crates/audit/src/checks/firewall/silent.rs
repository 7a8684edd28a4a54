//! What is dropped is logged.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-silent",
    safeguard: Safeguard::Firewall,
    severity: Severity::Low,
    title: "what is dropped is logged",
    why: "Dropped packets are the first sign of somebody trying doors. A limited log line \
              costs nothing.",
    remedy: "`limit rate 5/minute log prefix \"drop \"` as the last rule.",
    controls: &["PCI 10.2.1", "ISO 8.16"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\nlimit rate 5/minute log prefix \"drop \"\n} }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (name, filter) in filters(facts, rows) {
        if filter.logs {
            rows.looked(beginning(filter, "logs"));
        } else {
            rows.fail(
                format!("the {name} firewall logs nothing of what it drops"),
                beginning(filter, "no log"),
            );
        }
    }
}
