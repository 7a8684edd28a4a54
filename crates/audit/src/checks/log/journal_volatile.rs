//! The journal survives a restart.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-journal-volatile",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "the journal survives a restart",
    why: "A journal in memory is gone with the next start, and an intruder can restart the \
              machine. On the disk it stays.",
    remedy: "`Storage=persistent` in /etc/systemd/journald.conf, or rsyslog beside it.",
    controls: &["CIS 6.2.2.4", "PCI 10.5.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/systemd/journald.conf", "[Journal]\nStorage=volatile\n")],
        pass: &[File(
            "/etc/systemd/journald.conf",
            "[Journal]\n#Storage=volatile\nStorage=persistent\n",
        )],
        unknown: &[File("/etc/systemd/journald.conf", ""), Denied("/etc/systemd/journald.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.journald()) else { return };
    let storage = ini::last(&all, None, "Storage");
    let other = ini::last(&all, None, "ForwardToSyslog")
        .is_some_and(|setting| crate::facts::is_no(&setting.value));
    let syslog = facts.exists("/etc/rsyslog.conf") && !other;
    match storage {
        Some(setting) if setting.value == "none" || setting.value == "volatile" => rows.fail(
            format!("the journal is not kept: Storage={}", setting.value),
            Evidence::at(&setting.place, format!("Storage={}", setting.value)),
        ),
        Some(setting) => {
            rows.looked(Evidence::at(&setting.place, format!("Storage={}", setting.value)));
        }
        None if !facts.exists("/etc/systemd") => {}
        None if syslog || facts.exists("/var/log/journal") => rows.looked(Evidence::path(
            Path::new("/etc/systemd/journald.conf"),
            "Storage is auto, and the journal or rsyslog keeps it",
        )),
        None => rows.fail(
            "the journal is not kept: Storage is auto, and /var/log/journal is not there",
            Evidence::path(Path::new("/etc/systemd/journald.conf"), "Storage is not set"),
        ),
    }
}
