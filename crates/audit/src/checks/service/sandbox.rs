//! Own services are shut in.

use super::own_service;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-sandbox",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "own services are shut in",
    why: "systemd can take away what a service never needs: other homes, devices, new rights, \
              kernel settings. Then a hole in it leads nowhere.",
    remedy: "`NoNewPrivileges=yes`, `ProtectSystem=strict`, `ProtectHome=yes`, `PrivateTmp=yes`; \
              `systemd-analyze security UNIT` shows the rest.",
    controls: &["PCI 2.2.6", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/systemd/system/x.service", "[Service]\nExecStart=/opt/x/run\nUser=shop\n"),
            Link(
                "/etc/systemd/system/multi-user.target.wants/x.service",
                "/etc/systemd/system/x.service",
            ),
        ],
        pass: &[
            File(
                "/etc/systemd/system/x.service",
                "[Service]\nExecStart=/opt/x/run\nNoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\n",
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
    for unit in units.iter().filter(|unit| own_service(facts, unit)) {
        let wanted = ["NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp"];
        let missing: Vec<&str> = wanted
            .into_iter()
            .filter(|key| {
                unit.value("Service", key).is_none_or(|setting| crate::facts::is_no(&setting.value))
            })
            .collect();
        if missing.is_empty() {
            rows.looked(Evidence::path(&unit.path, "shut in"));
        } else {
            let severity =
                if missing.len() == wanted.len() { Severity::Medium } else { Severity::Low };
            rows.fail_as(
                severity,
                format!(
                    "the service {} is not shut in (no hardening, no sandbox): {} not set",
                    unit.name,
                    missing.join(", ")
                ),
                Evidence::path(&unit.path, format!("not set: {}", missing.join(", "))),
            );
        }
    }
}
