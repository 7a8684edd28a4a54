//! The packet filter is loaded at every start.

use super::beginning;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-not-at-start",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "the packet filter is loaded at every start",
    why: "Rules that were loaded by hand are gone with the next restart, and restarts come at \
              night. The machine is then open.",
    remedy: "`systemctl enable nftables` (or netfilter-persistent, ufw).",
    controls: &["CIS 4.3.9", "PCI 1.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/etc/nftables.conf",
                "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
            ),
            File("/usr/lib/systemd/system/nftables.service", "[Service]\nExecStart=/x\n"),
        ],
        pass: &[
            File(
                "/etc/nftables.conf",
                "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
            ),
            File("/usr/lib/systemd/system/nftables.service", "[Service]\nExecStart=/x\n"),
            Link("/etc/systemd/system/sysinit.target.wants/nftables.service", "/x"),
        ],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(filter) =
        rows.take(facts.filter().as_ref().map_err(Clone::clone)).and_then(Option::as_ref)
    else {
        return;
    };
    let file = filter.place.as_ref().map(|place| place.path.to_path_buf()).unwrap_or_default();
    let name = if file.starts_with("/etc/iptables") {
        "netfilter-persistent.service"
    } else if file.starts_with("/etc/ufw") || file.starts_with("/etc/default") {
        "ufw.service"
    } else {
        "nftables.service"
    };
    match rows.take(facts.unit_named(name)) {
        Some(Some(unit)) if unit.is_enabled => rows.looked(Evidence::path(&unit.path, "enabled")),
        Some(Some(unit)) => rows.fail(
            format!("the firewall is not loaded at the start: {name} is not enabled"),
            Evidence::path(&unit.path, if unit.is_masked { "masked" } else { "nothing wants it" }),
        ),
        Some(None)
            if rows
                .take(facts.units().as_ref().map_err(Clone::clone))
                .is_some_and(|units| !units.is_empty()) =>
        {
            rows.fail(
                format!("the firewall is not loaded at the start: there is no {name}"),
                beginning(filter, "no unit loads it"),
            );
        }
        Some(None) | None => {}
    }
}
