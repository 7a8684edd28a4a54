//! Only root's processes have root's rights.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-process-capabilities",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "only root's processes have root's rights",
    why: "A process that is not root and holds `CAP_SYS_ADMIN` or `CAP_SETUID` is root in one \
              step. Lists of users do not show it.",
    remedy: "Take the capability out of the unit or of the file that gave it.",
    controls: &["PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File(
                "/proc/7/status",
                "Name:\tx\nPPid:\t1\nUid:\t33\t33\t33\t33\nCapEff:\t0000000000200000\n",
            ),
        ],
        pass: &[
            Running,
            File(
                "/proc/7/status",
                "Name:\tx\nPPid:\t1\nUid:\t33\t33\t33\t33\nCapEff:\t0000000000000400\n",
            ),
        ],
        unknown: &[Running, Folder("/proc"), Denied("/proc")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if !facts.is_running() {
        return;
    }
    let Some(processes) = rows.take(facts.processes().as_ref().map_err(Clone::clone)) else {
        return;
    };
    let strong: [(u32, &str); 8] = [
        (0, "CAP_CHOWN"),
        (1, "CAP_DAC_OVERRIDE"),
        (2, "CAP_DAC_READ_SEARCH"),
        (6, "CAP_SETGID"),
        (7, "CAP_SETUID"),
        (16, "CAP_SYS_MODULE"),
        (19, "CAP_SYS_PTRACE"),
        (21, "CAP_SYS_ADMIN"),
    ];
    for process in processes {
        let held: Vec<&str> = strong
            .iter()
            .filter(|(bit, _)| process.capabilities >> bit & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        if process.uid != 0 && !held.is_empty() {
            rows.fail(
                format!(
                    "{} is not root and has rights of root's: {}",
                    process.name,
                    held.join(", ")
                ),
                Evidence::text(held.join(", ")).with_process(process.label(facts)),
            );
        } else {
            rows.looked(Evidence::text("no strong capability").with_process(process.label(facts)));
        }
    }
}
