//! Memory dumps go to no strange program.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-core-pattern",
    safeguard: Safeguard::UnknownSoftware,
    severity: Severity::High,
    title: "memory dumps go to no strange program",
    why: "The program behind `core_pattern` is run as root whenever any program crashes, and \
              anybody can make one crash. One in a scratch directory is a back door.",
    remedy: "Set `kernel.core_pattern` to `core` or to systemd-coredump, and look at what the \
              program was.",
    controls: &["PCI 11.5.2", "ISO 8.7"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Running, File("/proc/sys/kernel/core_pattern", "|/tmp/.core %p\n")],
        pass: &[File("/etc/sysctl.d/1.conf", "kernel.core_pattern = core\n")],
        unknown: &[Denied("/etc/sysctl.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for running in [true, false] {
        let (value, evidence) = if running {
            let Some(Some(value)) = rows.take(facts.sysctl_running("kernel.core_pattern")) else {
                continue;
            };
            let evidence = Evidence::path(Path::new("/proc/sys/kernel/core_pattern"), &value);
            (value, evidence)
        } else {
            let Some(Some(setting)) = rows.take(facts.sysctl_configured("kernel.core_pattern"))
            else {
                continue;
            };
            (
                setting.value.clone(),
                Evidence::at(&setting.place, format!("kernel.core_pattern = {}", setting.value)),
            )
        };
        let known = [
            "/usr/lib/systemd/systemd-coredump",
            "/lib/systemd/systemd-coredump",
            "/usr/share/apport/apport",
            "/bin/false",
            "/usr/libexec/abrt-hook-ccpp",
            "/bin/true",
        ];
        match value.trim().strip_prefix('|') {
            Some(program)
                if !known.contains(&program.split_whitespace().next().unwrap_or_default()) =>
            {
                let first = Path::new(program.split_whitespace().next().unwrap_or_default());
                let severity = if crate::facts::is_scratch(first) || !facts.exists(first) {
                    Severity::High
                } else {
                    Severity::Medium
                };
                rows.fail_as(
                    severity,
                    format!("core_pattern runs {} as root when a program crashes", first.display()),
                    evidence,
                );
            }
            _ => rows.looked(evidence),
        }
    }
}
