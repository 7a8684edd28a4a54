//! Containers are kept apart from the machine.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-containers",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "containers are kept apart from the machine",
    why: "A privileged container, or one with the host's socket or disk in it, is root on the \
              machine. A hole in what runs inside is enough.",
    remedy: "Take `privileged`, `docker.sock` and `/` out of the compose file; drop capabilities.",
    controls: &["PCI 2.2.6", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/opt/x/docker-compose.yml", "services:\n  web:\n    privileged: true\n")],
        pass: &[File("/opt/x/docker-compose.yml", "services:\n  web:\n    image: x\n")],
        unknown: &[File("/opt/x/docker-compose.yml", ""), Denied("/opt/x/docker-compose.yml")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = Vec::new();
    for pattern in [
        "/opt/*/docker-compose.y*ml",
        "/srv/*/docker-compose.y*ml",
        "/etc/docker/*/docker-compose.y*ml",
        "/root/docker-compose.y*ml",
        "/opt/*/compose.y*ml",
        "/srv/*/compose.y*ml",
        "/home/*/docker-compose.y*ml",
        "/opt/docker-compose.y*ml",
    ] {
        files.extend(rows.take(facts.glob(pattern)).unwrap_or_default());
    }
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its services were looked at"));
        for setting in crate::facts::yaml(&lines) {
            let last = setting.key.rsplit('.').next().unwrap_or_default();
            let privileged = last == "privileged" && crate::facts::is_yes(&setting.value);
            let host = ["network_mode", "pid", "ipc"].contains(&last) && setting.value == "host";
            let mounts = setting.key.contains("volumes")
                && (setting.value.starts_with("/var/run/docker.sock")
                    || setting.value.starts_with("/run/docker.sock")
                    || setting.value.starts_with("/:")
                    || setting.value.starts_with("/etc:")
                    || setting.value.starts_with("/root"));
            if privileged || mounts || host {
                rows.fail_as(
                    if host { Severity::Medium } else { Severity::High },
                    format!(
                        "a container of {} is as good as root on the machine: {} {}",
                        path.display(),
                        last,
                        setting.value
                    ),
                    Evidence::at(&setting.place, format!("{}: {}", setting.key, setting.value)),
                );
            }
        }
    }
}
