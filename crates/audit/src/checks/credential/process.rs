//! No password stands on a command line.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-process",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "no password stands on a command line",
    why: "Every account sees every command line with `ps`. Monitoring writes it down as well.",
    remedy: "Hand the password over in a file or by standard input, and change it.",
    controls: &["PCI 8.6.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File("/proc/7/status", "Name:\tx\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
            File("/proc/7/cmdline", "/bin/x\0--password=kV7-quartz-19\0"),
        ],
        pass: &[
            Running,
            File("/proc/7/status", "Name:\tx\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
            File("/proc/7/cmdline", "/bin/x\0-a\0"),
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
    for process in processes {
        let line = process.command.join(" ");
        match crate::facts::secret_in(&line) {
            Some(name) => rows.fail(
                format!("the command line of {} shows a password: {name}", process.name),
                Evidence::text(format!("{name} on its command line"))
                    .with_process(process.label(facts)),
            ),
            None => rows.looked(
                Evidence::text("nothing on its command line").with_process(process.label(facts)),
            ),
        }
    }
}
