//! Nothing runs from directories that everybody writes.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-mount-options",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "nothing runs from directories that everybody writes",
    why: "`nosuid`, `nodev` and `noexec` on /tmp take the first step from many an attack. \
              /var/tmp, /dev/shm and /home deserve the same.",
    remedy: "Add the options in /etc/fstab and `mount -o remount`.",
    controls: &["CIS 1.1.2.1.2", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "tmpfs /tmp tmpfs defaults 0 0\n")],
        pass: &[File(
            "/etc/fstab",
            "tmpfs /tmp tmpfs nodev,nosuid,noexec 0 0\ntmpfs /dev/shm tmpfs nodev,nosuid,noexec 0 0\n",
        )],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if facts.fstab().as_ref().is_ok_and(Option::is_none) && !facts.is_running() {
        return;
    }
    for (target, options) in [
        ("/tmp", &["nosuid", "nodev", "noexec"][..]),
        ("/var/tmp", &["nosuid", "nodev", "noexec"]),
        ("/dev/shm", &["nosuid", "nodev", "noexec"]),
        ("/home", &["nosuid", "nodev"]),
        ("/var", &["nosuid", "nodev"]),
        ("/var/log", &["nosuid", "nodev", "noexec"]),
    ] {
        let Some(mount) = rows.take(facts.mount_at(target)) else { continue };
        let Some(mount) = mount else {
            if ["/tmp", "/dev/shm"].contains(&target) && !facts.is_running() {
                rows.lacks(
                    format!("{target} has no mount of its own with {}", options.join(", ")),
                    Evidence::path(Path::new("/etc/fstab"), format!("no line for {target}")),
                );
            }
            continue;
        };
        if mount.has("bind") || mount.kind == "overlay" {
            continue;
        }
        let missing: Vec<&str> = options
            .iter()
            .copied()
            .filter(|option| !mount.has(option) && !promised(facts, target, option))
            .collect();
        if missing.is_empty() {
            rows.looked(Evidence::at(&mount.place, mount.line()));
        } else {
            rows.fail(
                format!("{target} is mounted without {}", missing.join(", ")),
                Evidence::at(&mount.place, mount.line()),
            );
        }
    }
}

/// Whether fstab promises an option that the mount does not have yet. What everybody can write to
/// (`/tmp` and the like) has to have it now.
fn promised(facts: &Facts<'_>, target: &str, option: &str) -> bool {
    let shared = ["/tmp", "/var/tmp", "/dev/shm"].contains(&target);
    let all = facts.fstab().as_ref().ok().and_then(|all| all.as_deref()).unwrap_or_default();
    !shared && all.iter().any(|mount| mount.target == Path::new(target) && mount.has(option))
}
