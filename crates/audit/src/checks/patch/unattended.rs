//! Security updates come by themselves.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-unattended",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "security updates come by themselves",
    why: "Between a fix and its exploit lie days, and people are on holiday. Unattended \
              upgrades take security updates only, on Debian.",
    remedy: "`apt install unattended-upgrades` and both periods to \"1\" in \
              /etc/apt/apt.conf.d/20auto-upgrades.",
    controls: &["CIS 1.2.2.1", "PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/apt/apt.conf.d/20auto-upgrades",
            "APT::Periodic::Unattended-Upgrade \"0\";\n",
        )],
        pass: &[
            File(
                "/etc/apt/apt.conf.d/20auto-upgrades",
                "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n",
            ),
            File(
                "/var/lib/dpkg/status",
                "Package: unattended-upgrades\nStatus: install ok installed\nVersion: 1\n",
            ),
        ],
        unknown: &[
            File("/etc/apt/apt.conf.d/20auto-upgrades", ""),
            Denied("/etc/apt/apt.conf.d/20auto-upgrades"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if !facts.exists("/etc/apt") {
        return;
    }
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    let mut on = true;
    for key in [
        "APT::Periodic::Enable",
        "APT::Periodic::Update-Package-Lists",
        "APT::Periodic::Unattended-Upgrade",
    ] {
        match rows.take(facts.apt_value(key)) {
            Some(Some(setting))
                if ["0", "false", "no", "never", ""].contains(&setting.value.as_str()) =>
            {
                rows.fail(
                    format!("unattended upgrades are off: {key} is \"{}\"", setting.value),
                    Evidence::at(&setting.place, format!("{key} \"{}\"", setting.value)),
                );
                on = false;
            }
            Some(Some(setting)) => {
                rows.looked(Evidence::at(&setting.place, format!("{key} \"{}\"", setting.value)));
            }
            Some(None) if key.ends_with("Enable") => {}
            Some(None) => {
                rows.lacks(
                    format!("unattended upgrades are off: {key} is not set"),
                    Evidence::path(Path::new("/etc/apt/apt.conf.d"), format!("{key} is not set")),
                );
                on = false;
            }
            None => on = false,
        }
    }
    if on && !packages.is_empty() && !packages.has("unattended-upgrades") {
        rows.lacks(
            "unattended upgrades are configured and the package is not installed",
            Evidence::path(Path::new("/var/lib/dpkg/status"), "no unattended-upgrades"),
        );
    }
    for name in ["apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"] {
        if let Some(Some(unit)) = rows.take(facts.unit_named(name))
            && (unit.is_masked || !unit.is_enabled && name != "unattended-upgrades.service")
        {
            rows.fail(
                format!("automatic updates cannot run: {name} is masked or not enabled"),
                Evidence::path(
                    &unit.path,
                    if unit.is_masked { "masked" } else { "nothing wants it" },
                ),
            );
        }
    }
}
