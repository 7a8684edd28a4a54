//! The rescue mode asks for root's password.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-rescue-shell",
    safeguard: Safeguard::Physical,
    severity: Severity::Medium,
    title: "the rescue mode asks for root's password",
    why: "Single-user mode without a password gives root to whoever restarts the machine at \
              its keyboard. The built-in units ask.",
    remedy: "Remove the override of rescue.service and emergency.service and \
              `SYSTEMD_SULOGIN_FORCE`.",
    controls: &["CIS 1.4.3", "ISO 7.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/systemd/system/rescue.service", "[Service]\nExecStart=-/bin/bash\n")],
        pass: &[File(
            "/usr/lib/systemd/system/rescue.service",
            "[Service]\nExecStart=-/usr/lib/systemd/systemd-sulogin-shell rescue\n",
        )],
        unknown: &[
            File("/etc/systemd/system/rescue.service", ""),
            Denied("/etc/systemd/system/rescue.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units.iter().filter(|unit| {
        ["rescue.service", "emergency.service", "debug-shell.service"].contains(&unit.name.as_str())
    }) {
        let command = unit
            .values("Service", "ExecStart")
            .first()
            .map(|setting| (setting.value.clone(), Evidence::at(&setting.place, &setting.value)));
        let forced =
            unit.settings.iter().find(|setting| setting.value.contains("SYSTEMD_SULOGIN_FORCE=1"));
        match (command, forced) {
            (_, Some(setting)) => rows.fail(
                format!("{} gives a shell without a password", unit.name),
                Evidence::at(&setting.place, &setting.value),
            ),
            (Some((text, evidence)), None)
                if unit.name != "debug-shell.service" && !text.contains("sulogin") =>
            {
                rows.fail(
                    format!("{} gives a shell without a password: {text}", unit.name),
                    evidence,
                );
            }
            (Some((_, evidence)), None)
                if unit.name == "debug-shell.service" && unit.is_enabled =>
            {
                rows.fail_as(
                    Severity::Critical,
                    "debug-shell gives root on tty9 without a password",
                    evidence,
                );
            }
            (Some((_, evidence)), None) => rows.looked(evidence),
            (None, None) => {}
        }
    }
}
