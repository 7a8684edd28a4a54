//! Logs are sent encrypted.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-remote-in-clear",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "logs are sent encrypted",
    why: "On the way they can be read, held back or forged by whoever is on the network. The \
              channel has to be TLS with a checked name.",
    remedy: "`StreamDriver=\"gtls\"`, `StreamDriverMode=\"1\"`, \
              `StreamDriverAuthMode=\"x509/name\"`.",
    controls: &["CIS 6.2.3.6", "PCI 4.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/rsyslog.conf", "*.* @logs.example:514\n")],
        pass: &[File(
            "/etc/rsyslog.conf",
            "global(DefaultNetstreamDriver=\"gtls\")\naction(type=\"omfwd\" target=\"logs.example\" StreamDriver=\"gtls\" StreamDriverMode=\"1\")\n",
        )],
        unknown: &[Denied("/etc/rsyslog.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(forwards) = rows.take(facts.forwards()) else { return };
    for forward in forwards {
        if forward.is_encrypted {
            rows.looked(Evidence::at(&forward.place, &forward.text));
        } else {
            rows.fail(
                format!("logs are sent to {} in clear", forward.target),
                Evidence::at(&forward.place, &forward.text),
            );
        }
    }
}
