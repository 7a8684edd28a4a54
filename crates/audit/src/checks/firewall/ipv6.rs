//! IPv6 is filtered as IPv4 is.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-ipv6",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "IPv6 is filtered as IPv4 is",
    why: "A rule set for IPv4 alone leaves every service open over IPv6, and every host has an \
              address of it today. Nobody notices, because IPv4 looks closed.",
    remedy: "`table inet` instead of `table ip`, or the same rules in `table ip6` and rules.v6.",
    controls: &["CIS 4.4.3.1", "PCI 1.2.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table ip f { chain i { type filter hook input priority 0; policy drop; } }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let off = rows
        .take(facts.sysctl_running("net.ipv6.conf.all.disable_ipv6"))
        .flatten()
        .is_some_and(|value| value == "1")
        || rows
            .take(facts.sysctl_configured("net.ipv6.conf.all.disable_ipv6"))
            .flatten()
            .is_some_and(|setting| setting.value == "1");
    for (name, filter) in filters(facts, rows) {
        if filter.sees(4) && !filter.sees(6) && !off {
            rows.fail(
                format!("the {name} firewall filters IPv4 only: nothing filters IPv6"),
                beginning(filter, "no input chain of inet or ip6"),
            );
        } else {
            rows.looked(beginning(filter, "both families"));
        }
    }
    let v6 =
        |listener: &&crate::facts::Listener| listener.kind.ends_with('6') && listener.is_public();
    let unfiltered = facts
        .loaded()
        .as_ref()
        .is_ok_and(|loaded| loaded.as_ref().is_some_and(|filter| !filter.sees(6)));
    for listener in
        facts.listeners().as_ref().into_iter().flatten().filter(v6).filter(|_| unfiltered)
    {
        let evidence = Evidence::text("nothing filters IPv6")
            .with_port(listener.socket())
            .with_process(listener.program());
        rows.fail_as(
            Severity::Medium,
            format!(
                "{} listens on {} while nothing filters IPv6",
                listener.program(),
                listener.socket()
            ),
            evidence,
        );
    }
}
