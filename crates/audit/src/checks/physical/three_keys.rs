//! Three keys on the console do not restart the machine.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-three-keys",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "three keys on the console do not restart the machine",
    why: "Ctrl-Alt-Del restarts a server by a hand that wanted another one, or by somebody who \
              wants the boot menu. Nothing is logged.",
    remedy: "`systemctl mask ctrl-alt-del.target` and `CtrlAltDelBurstAction=none` in \
              system.conf.",
    controls: &["ISO 7.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/usr/lib/systemd/system/ctrl-alt-del.target", "[Unit]\nDescription=x\n")],
        pass: &[Link("/etc/systemd/system/ctrl-alt-del.target", "/dev/null")],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    let unit = units.iter().find(|unit| unit.name == "ctrl-alt-del.target");
    match unit {
        Some(unit) if unit.is_masked => rows.looked(Evidence::path(&unit.path, "masked")),
        Some(unit) => {
            rows.fail(
                "Ctrl-Alt-Del restarts the machine",
                Evidence::path(&unit.path, "not masked"),
            );
        }
        None => {}
    }
}
