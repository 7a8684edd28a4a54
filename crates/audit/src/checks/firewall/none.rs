//! A packet filter is configured.

use super::beginning;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-none",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "a packet filter is configured",
    why: "Without one every service that starts is open to everybody, also the one that was \
              meant for a minute. The filter is what makes a mistake harmless.",
    remedy: "`apt install nftables`, a rule set with `policy drop` in /etc/nftables.conf, \
              `systemctl enable --now nftables`.",
    controls: &["CIS 4.1.1", "PCI 1.2.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\n")],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop; } }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    match facts.filter() {
        Ok(Some(filter)) => rows.looked(beginning(filter, "a rule set")),
        Ok(None) if facts.exists("/etc/burgrave/burgrave.toml") => rows.looked(Evidence::path(
            Path::new("/etc/burgrave/burgrave.toml"),
            "the rule set is made from it",
        )),
        Ok(None) => rows.lacks(
            "no packet filter is configured: neither nftables, iptables nor ufw has rules",
            Evidence::path(Path::new("/etc/nftables.conf"), "no chain with an input hook"),
        ),
        Err(blind) => rows.unknown(blind.clone()),
    }
}
