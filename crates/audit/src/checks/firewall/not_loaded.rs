//! A packet filter is loaded.

use super::beginning;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-not-loaded",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "a packet filter is loaded",
    why: "What stands in a file filters nothing before it is loaded. A start that failed, or a \
              `flush`, leaves the machine open without a word.",
    remedy: "`systemctl restart nftables`, and look at why it was not loaded.",
    controls: &["CIS 4.1.1", "PCI 1.2.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Running, Prints("/usr/sbin/nft", &["list", "ruleset"], "")],
        pass: &[
            Running,
            Prints(
                "/usr/sbin/nft",
                &["list", "ruleset"],
                "table inet f {\n chain i {\n type filter hook input priority 0; policy drop;\n }\n}\n",
            ),
        ],
        unknown: &[Running, File("/usr/sbin/nft", "")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    match facts.loaded() {
        Ok(Some(filter)) if filter.inputs.is_empty() => rows.fail(
            "no packet filter is loaded: the firewall's ruleset is empty",
            Evidence::text("nft list ruleset: no chain with an input hook"),
        ),
        Ok(Some(filter)) => rows.looked(beginning(filter, "loaded")),
        Ok(None) => {}
        Err(blind) => rows.unknown(blind.clone()),
    }
}
