//! The newest installed kernel runs.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-old-kernel",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "the newest installed kernel runs",
    why: "The running kernel keeps the holes of its day however new the installed one is. Only \
              a restart changes that.",
    remedy: "Restart in the next window.",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n"),
            Folder("/lib/modules/6.1.0-9-amd64"),
            Folder("/lib/modules/6.1.0-20-amd64"),
        ],
        pass: &[
            Running,
            File("/proc/sys/kernel/osrelease", "6.1.0-20-amd64\n"),
            Folder("/lib/modules/6.1.0-9-amd64"),
            Folder("/lib/modules/6.1.0-20-amd64"),
        ],
        unknown: &[
            Running,
            File("/proc/sys/kernel/osrelease", ""),
            Denied("/proc/sys/kernel/osrelease"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if !facts.is_running() {
        return;
    }
    let Some(Some(bytes)) = rows.take(facts.bytes("/proc/sys/kernel/osrelease", 4_096)) else {
        return;
    };
    let running = crate::facts::text_of(&bytes).trim().to_owned();
    let installed = rows.take(facts.list("/lib/modules")).unwrap_or_default();
    let names: Vec<String> = installed
        .iter()
        .filter_map(|entry| entry.path.file_name()?.to_str().map(str::to_owned))
        .collect();
    if !names.contains(&running) {
        return;
    }
    let newest = names.iter().max_by(|a, b| crate::facts::compare_versions(a, b));
    match newest {
        Some(newest) if *newest != running => rows.fail(
            format!("the kernel {running} runs, {newest} is installed: a restart is owed"),
            Evidence::path(Path::new("/proc/sys/kernel/osrelease"), &running),
        ),
        _ => rows.looked(Evidence::path(Path::new("/proc/sys/kernel/osrelease"), &running)),
    }
}
