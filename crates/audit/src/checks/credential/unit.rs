//! Units hold no passwords.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-unit",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "units hold no passwords",
    why: "systemd shows the variables of a unit to every account, also where the file is \
              closed. `EnvironmentFile=` and `LoadCredential=` keep them to root.",
    remedy: "Move the variable to a file with mode 600 and name it by `EnvironmentFile=`, then \
              change the password.",
    controls: &["PCI 8.6.2", "ISO 8.3", "ASVS 13.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/bin/x\nEnvironment=\"DB_PASSWORD=kV7-quartz-19\"\n",
        )],
        pass: &[File(
            "/etc/systemd/system/x.service",
            "[Service]\nExecStart=/bin/x\nEnvironmentFile=/etc/x.env\n",
        )],
        unknown: &[Denied("/etc/systemd/system/x.service")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units {
        rows.looked(Evidence::path(&unit.path, "its settings were looked at"));
        for setting in unit.settings.iter().filter(|setting| {
            setting.key == "Environment"
                || setting.key.starts_with("Exec")
                || setting.key == "SetCredential"
        }) {
            if let Some(name) = crate::facts::secret_in(&setting.value) {
                rows.fail(
                    format!("the unit {} holds a password: {name}", unit.name),
                    Evidence::at(&setting.place, format!("{}=… {name}", setting.key)),
                );
            }
        }
    }
}
