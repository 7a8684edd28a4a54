//! Services' messages are kept.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-service-output",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "services' messages are kept",
    why: "What a service writes to its output is its log where it has no other. \
              `StandardOutput=null` throws it away.",
    remedy: "`StandardOutput=journal` and `StandardError=journal`, the built-in values.",
    controls: &["PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/bin/x\nStandardOutput=null\n",
        )],
        pass: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/bin/x\nStandardOutput=journal\n",
        )],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units
        .iter()
        .filter(|unit| unit.is_local() && unit.name.ends_with(".service") && !unit.is_masked)
    {
        for key in ["StandardOutput", "StandardError"] {
            match unit.value("Service", key) {
                Some(setting) if setting.value == "null" || setting.value.contains("/dev/null") => {
                    rows.fail(
                        format!(
                            "the messages of {} are thrown away: {key}={}",
                            unit.name, setting.value
                        ),
                        Evidence::at(&setting.place, format!("{key}={}", setting.value)),
                    );
                }
                Some(setting) => rows.looked(Evidence::at(&setting.place, &setting.value)),
                None => rows.looked(Evidence::path(&unit.path, "the journal keeps them")),
            }
        }
    }
}
