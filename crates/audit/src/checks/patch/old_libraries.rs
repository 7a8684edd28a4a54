//! Programs use the libraries that are installed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-old-libraries",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "programs use the libraries that are installed",
    why: "A library that was replaced on the disk stays in the memory of what was started \
              before, with its hole. Nothing but a restart of the service ends that.",
    remedy: "Restart the services named (`needrestart -r a`).",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File("/proc/7/status", "Name:\tx\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
            File("/proc/7/maps", "1-2 r-xp 0 08:01 5 /usr/lib/libssl.so.3 (deleted)\n"),
        ],
        pass: &[
            Running,
            File("/proc/7/status", "Name:\tx\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
            File("/proc/7/maps", "1-2 r-xp 0 08:01 5 /usr/lib/libssl.so.3\n"),
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
        let gone: Vec<&String> = process
            .mapped
            .iter()
            .filter(|path| {
                path.ends_with(" (deleted)")
                    && path.contains(".so")
                    && ["/usr/", "/lib", "/opt/"].iter().any(|top| path.starts_with(top))
            })
            .collect();
        match gone.first() {
            Some(path) => rows.fail(
                format!(
                    "{} still uses a library that was deleted or replaced: {path}",
                    process.name
                ),
                Evidence::text(path).with_process(process.label(facts)),
            ),
            None => {
                rows.looked(
                    Evidence::text("no deleted library").with_process(process.label(facts)),
                );
            }
        }
    }
}
