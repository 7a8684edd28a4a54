//! The container service's socket is not everybody's.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-docker-socket",
    safeguard: Safeguard::Permissions,
    severity: Severity::Critical,
    title: "the container service's socket is not everybody's",
    why: "Who can write to it starts a container with the whole disk in it and is root. It is \
              as good as root's password.",
    remedy: "`chmod 660` it with an empty group, or use rootless containers; in a unit \
              `SocketMode=0660`.",
    controls: &["PCI 7.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/docker.socket",
            "[Socket]\nListenStream=/run/docker.sock\nSocketMode=0666\n",
        )],
        pass: &[File(
            "/etc/systemd/system/docker.socket",
            "[Socket]\nListenStream=/run/docker.sock\nSocketMode=0660\n",
        )],
        unknown: &[File("/run/docker.sock", ""), Denied("/run")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let sockets = [
        "/run/docker.sock",
        "/var/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/run/podman/podman.sock",
        "/run/crio/crio.sock",
    ];
    for path in sockets {
        let Some(Some((real, metadata))) = rows.take(facts.followed(path)) else { continue };
        let text =
            format!("mode {:04o}, uid {}, gid {}", metadata.mode, metadata.uid, metadata.gid);
        if metadata.mode & 0o002 != 0 {
            rows.fail(
                format!("{path} is world-writable (mode {:04o}): any user is root", metadata.mode),
                Evidence::path(&real, text),
            );
        } else {
            rows.looked(Evidence::path(&real, text));
        }
    }
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units.iter().filter(|unit| {
        ["docker.socket", "containerd.socket", "podman.socket", "crio.socket"]
            .contains(&unit.name.as_str())
    }) {
        match unit.value("Socket", "SocketMode") {
            Some(setting)
                if u32::from_str_radix(&setting.value, 8).is_ok_and(|mode| mode & 0o002 != 0) =>
            {
                rows.fail(
                    format!(
                        "{} makes docker.sock world-writable (SocketMode={})",
                        unit.name, setting.value
                    ),
                    Evidence::at(&setting.place, format!("SocketMode={}", setting.value)),
                );
            }
            Some(setting) => {
                rows.looked(Evidence::at(&setting.place, format!("SocketMode={}", setting.value)));
            }
            None => rows.looked(Evidence::path(&unit.path, "SocketMode is not set")),
        }
    }
}
