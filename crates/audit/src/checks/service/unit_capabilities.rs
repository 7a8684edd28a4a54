//! Own services have no rights of root's.

use super::own_service;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-unit-capabilities",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "own services have no rights of root's",
    why: "A service with `CAP_SYS_ADMIN` or all capabilities is root under another name. \
              Listening below 1024 needs one small capability only.",
    remedy: "Remove `AmbientCapabilities=` or leave `CAP_NET_BIND_SERVICE` alone; \
              `CapabilityBoundingSet=` the same.",
    controls: &["PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/etc/systemd/system/x.service",
                "[Service]\nExecStart=/opt/x/run\nAmbientCapabilities=CAP_SYS_ADMIN\n",
            ),
            Link(
                "/etc/systemd/system/multi-user.target.wants/x.service",
                "/etc/systemd/system/x.service",
            ),
        ],
        pass: &[
            File(
                "/etc/systemd/system/x.service",
                "[Service]\nExecStart=/opt/x/run\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n",
            ),
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
    let strong = [
        "CAP_SYS_ADMIN",
        "CAP_DAC_OVERRIDE",
        "CAP_SETUID",
        "CAP_SYS_PTRACE",
        "CAP_SYS_MODULE",
        "CAP_DAC_READ_SEARCH",
        "CAP_CHOWN",
        "CAP_FOWNER",
        "CAP_SYS_RAWIO",
        "CAP_SETGID",
    ];
    for unit in units.iter().filter(|unit| own_service(facts, unit)) {
        for setting in unit.values("Service", "AmbientCapabilities") {
            let bad: Vec<&str> = setting
                .value
                .split_whitespace()
                .filter(|name| strong.contains(name) || name.starts_with('~'))
                .collect();
            if bad.is_empty() {
                rows.looked(Evidence::at(&setting.place, &setting.value));
            } else {
                rows.fail(
                    format!("the service {} has rights of root's: {}", unit.name, bad.join(" ")),
                    Evidence::at(&setting.place, format!("AmbientCapabilities={}", setting.value)),
                );
            }
        }
        rows.looked(Evidence::path(&unit.path, "its capabilities were looked at"));
    }
}
