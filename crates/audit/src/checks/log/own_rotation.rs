//! The application's own logs are rotated.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-own-rotation",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "the application's own logs are rotated",
    why: "A log that grows for ever fills the disk on a bad day. It also keeps what should \
              have been forgotten.",
    remedy: "A file in /etc/logrotate.d for it.",
    controls: &["PCI 10.5.1", "ISO 8.10"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/usr/lib/systemd/system/logrotate.timer", "[Timer]\n"), Folder("/var/log")],
        pass: &[
            File("/usr/lib/systemd/system/logrotate.timer", "[Timer]\n"),
            Link("/etc/systemd/system/timers.target.wants/logrotate.timer", "/x"),
            Folder("/var/log"),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    rows.looked(Evidence::path(Path::new("/var/log"), "sizes were looked at"));
    for node in index.nodes.iter().filter(|node| {
        node.is_file()
            && (node.name().ends_with(".log") || node.path.starts_with("/var/log"))
            && !node.path.starts_with("/var/log/journal")
            && !["lastlog", "faillog"].contains(&node.name())
    }) {
        if node.metadata.len > 1_000_000_000 {
            rows.fail(
                format!("the log {} is over a gigabyte: nothing rotates it", node.path.display()),
                Evidence::path(&node.path, format!("{} bytes", node.metadata.len)),
            );
        }
    }
    let Some(units) = rows.take(facts.unit_named("logrotate.timer")) else { return };
    if let Some(unit) = units.filter(|unit| unit.is_masked || !unit.is_enabled) {
        rows.fail(
            "logrotate's timer does not run",
            Evidence::path(&unit.path, if unit.is_masked { "masked" } else { "not enabled" }),
        );
    }
}
