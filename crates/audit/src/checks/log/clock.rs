//! The clock is set from the network.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-clock",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "the clock is set from the network",
    why: "Logs of several machines fit together only when their clocks agree. Certificates and \
              one-time codes need it as well.",
    remedy: "`apt install chrony` (or systemd-timesyncd) and leave it enabled.",
    controls: &["CIS 2.3.1.1", "PCI 10.6.1", "ISO 8.17"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nVersion: 1\n",
        )],
        pass: &[File(
            "/var/lib/dpkg/status",
            "Package: chrony\nStatus: install ok installed\nVersion: 1\n",
        )],
        unknown: &[File("/var/lib/dpkg/status", ""), Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    if packages.is_empty() {
        return;
    }
    match ["chrony", "systemd-timesyncd", "ntpsec", "ntp", "openntpd", "ntpd-rs"]
        .iter()
        .find(|name| packages.has(name))
    {
        Some(name) => rows.looked(Evidence::path(&packages.source, *name)),
        None => rows.lacks(
            "nothing sets the clock: no chrony, timesyncd or ntp is installed",
            Evidence::path(&packages.source, "none of them"),
        ),
    }
}
