//! The log writer takes nothing from the network.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-open-receiver",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "the log writer takes nothing from the network",
    why: "Anybody can then fill the disk or write lines that look like this host's. Only a log \
              server needs it, with TLS and names.",
    remedy: "Remove `imudp` and `imtcp` from rsyslog.conf.",
    controls: &["CIS 6.2.3.7", "PCI 10.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/rsyslog.conf",
            "module(load=\"imudp\")\ninput(type=\"imudp\" port=\"514\")\n",
        )],
        pass: &[File(
            "/etc/rsyslog.conf",
            "#input(type=\"imudp\" port=\"514\")\n*.* /var/log/syslog\n",
        )],
        unknown: &[Denied("/etc/rsyslog.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.rsyslog().as_ref().map_err(Clone::clone)) else { return };
    for line in all {
        let lower = line.value.to_ascii_lowercase();
        let listens = lower.starts_with("input(")
            && (lower.contains("\"imudp\"") || lower.contains("\"imtcp\""))
            || lower.starts_with("$udpserverrun")
            || lower.starts_with("$inputtcpserverrun");
        if listens && !lower.contains("127.0.0.1") {
            rows.fail(
                "rsyslog takes logs from everybody on the network",
                Evidence::at(&line.place, &line.value),
            );
        } else {
            rows.looked(Evidence::at(&line.place, &line.value));
        }
    }
}
