//! Logs leave the host.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-no-remote",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "logs leave the host",
    why: "Who takes the machine takes its logs, and removes what he did. A copy on another \
              machine stays.",
    remedy: "A `omfwd` action over TLS in rsyslog, or `systemd-journal-upload`.",
    controls: &["CIS 6.2.3.6", "PCI 10.3.3", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/rsyslog.conf", "# *.* @@logs.example\n*.* /var/log/syslog\n")],
        pass: &[File("/etc/rsyslog.conf", "*.* @@logs.example:6514\n")],
        unknown: &[Denied("/etc/rsyslog.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let any = [
        "/etc/rsyslog.conf",
        "/etc/systemd/journald.conf",
        "/etc/syslog-ng/syslog-ng.conf",
        "/var/log",
    ]
    .iter()
    .any(|path| facts.exists(path));
    let Some(forwards) = rows.take(facts.forwards()).filter(|_| any) else { return };
    let agents = [
        "/etc/filebeat/filebeat.yml",
        "/etc/fluent-bit/fluent-bit.conf",
        "/etc/td-agent/td-agent.conf",
        "/etc/promtail/config.yml",
        "/etc/vector/vector.toml",
        "/etc/vector/vector.yaml",
        "/var/ossec/etc/ossec.conf",
        "/opt/splunkforwarder/etc/system/local/outputs.conf",
        "/etc/otelcol/config.yaml",
        "/etc/nxlog/nxlog.conf",
    ];
    let agent = agents.iter().find(|path| facts.exists(path));
    let ng =
        rows.take(facts.lines("/etc/syslog-ng/syslog-ng.conf")).flatten().is_some_and(|lines| {
            lines.iter().any(|line| {
                let text = line.text.trim();
                !text.starts_with('#')
                    && (text.contains("network(")
                        || text.contains("syslog(")
                        || text.contains("tcp("))
                    && text.contains("destination")
            })
        });
    match (forwards.first(), agent) {
        (Some(forward), _) => rows.looked(Evidence::at(&forward.place, &forward.text)),
        (None, Some(path)) => rows.looked(Evidence::path(Path::new(path), "an agent sends logs")),
        (None, None) if ng => {
            rows.looked(Evidence::path(Path::new("/etc/syslog-ng"), "sends logs"));
        }
        (None, None) => rows.lacks(
            "no log leaves the host: nothing sends logs to another host",
            Evidence::path(
                Path::new("/etc/rsyslog.conf"),
                "no action that forwards, no journal-upload",
            ),
        ),
    }
}
