//! Own services do not run as root.

use super::own_service;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-runs-as-root",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "own services do not run as root",
    why: "A hole in a service that runs as root is the whole machine, where an account of its \
              own loses only what it may read. systemd gives each its account in one line.",
    remedy: "`User=NAME` (or `DynamicUser=yes`) in the unit.",
    controls: &["PCI 2.2.6", "PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x/run\n"),
            Link(
                "/etc/systemd/system/multi-user.target.wants/x.service",
                "/etc/systemd/system/x.service",
            ),
        ],
        pass: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x/run\nUser=shop\n"),
            Link(
                "/etc/systemd/system/multi-user.target.wants/x.service",
                "/etc/systemd/system/x.service",
            ),
        ],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units.iter().filter(|unit| own_service(facts, unit)) {
        let user = unit.value("Service", "User");
        let dynamic = unit
            .value("Service", "DynamicUser")
            .is_some_and(|setting| crate::facts::is_yes(&setting.value));
        let oneshot =
            unit.value("Service", "Type").is_some_and(|setting| setting.value == "oneshot");
        match user {
            _ if dynamic || oneshot => {
                rows.looked(Evidence::path(&unit.path, "an account of its own, or runs once"));
            }
            Some(setting) if setting.value != "root" && setting.value != "0" => {
                rows.looked(Evidence::at(&setting.place, format!("User={}", setting.value)));
            }
            Some(setting) => rows.fail(
                format!("the service {} runs as root (User={})", unit.name, setting.value),
                Evidence::at(&setting.place, format!("User={}", setting.value)),
            ),
            None => rows.fail(
                format!("the service {} runs as root: its unit names no User", unit.name),
                Evidence::path(&unit.path, "no User="),
            ),
        }
    }
}
