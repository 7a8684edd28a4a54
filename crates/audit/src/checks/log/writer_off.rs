//! Something writes the system's log.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-writer-off",
    safeguard: Safeguard::Logs,
    severity: Severity::High,
    title: "something writes the system's log",
    why: "Without rsyslog or a kept journal nothing of what happened is there to be read. An \
              intruder switches it off first.",
    remedy: "`systemctl enable --now rsyslog`, or `Storage=persistent` for the journal.",
    controls: &["CIS 6.2.3.2", "PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/usr/lib/systemd/system/rsyslog.service", "[Service]\nExecStart=/x\n"),
            Link("/etc/systemd/system/rsyslog.service", "/dev/null"),
        ],
        pass: &[
            File("/usr/lib/systemd/system/rsyslog.service", "[Service]\nExecStart=/x\n"),
            Link("/etc/systemd/system/multi-user.target.wants/rsyslog.service", "/x"),
        ],
        unknown: &[File("/etc/systemd/system/x.service", ""), Denied("/etc/systemd/system")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    let writers: Vec<_> = units
        .iter()
        .filter(|unit| ["rsyslog.service", "syslog-ng.service"].contains(&unit.name.as_str()))
        .collect();
    for unit in &writers {
        if unit.is_masked {
            rows.fail(
                format!("the log writer {} is masked", unit.name),
                Evidence::path(&unit.path, "masked"),
            );
        } else if unit.is_enabled {
            rows.looked(Evidence::path(&unit.path, "enabled"));
        } else {
            rows.fail(
                format!("the log writer {} is not enabled", unit.name),
                Evidence::path(&unit.path, "nothing wants it"),
            );
        }
    }
    if let Some(unit) =
        units.iter().find(|unit| unit.name == "systemd-journald.service" && unit.is_masked)
    {
        rows.fail("the journal is masked", Evidence::path(&unit.path, "masked"));
    }
    if writers.is_empty() && !units.is_empty() {
        rows.looked(Evidence::path(Path::new("/etc/systemd"), "the journal alone"));
    }
}
