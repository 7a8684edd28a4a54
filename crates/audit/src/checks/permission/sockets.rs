//! Root's control sockets are not everybody's.

use super::{ground, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-sockets",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "root's control sockets are not everybody's",
    why: "Who can write to the control socket of a root service gives it orders. A mode of \
              0777 says that nobody thought about it.",
    remedy: "Let the service make its socket with mode 0660 and a group of its own \
              (`SocketMode=`, `UMask=0117`).",
    controls: &["PCI 7.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/x.socket",
            "[Socket]\nListenStream=/run/x\nSocketMode=0666\n",
        )],
        pass: &[Folder("/run")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let usual = [
        "/run/systemd",
        "/run/dbus",
        "/run/udev",
        "/run/user",
        "/run/nscd",
        "/run/avahi-daemon",
        "/run/postgresql",
        "/run/mysqld",
        "/run/rpcbind.sock",
        "/run/acpid.socket",
        "/run/pcscd",
        "/run/docker.sock",
        "/run/uuidd",
        "/run/cups",
        "/run/lock",
        "/run/initctl",
        "/run/snapd",
        "/run/sssd",
        "/run/gssproxy.default.sock",
        "/run/mcelog-client",
    ];
    for node in index.below(Path::new("/run")).chain(index.below(Path::new("/var/run"))) {
        let control = node.metadata.kind == burgrave_sys::Kind::Other
            && node.metadata.uid == 0
            && node.is_world_writable();
        let known = usual.iter().any(|known| node.path.starts_with(known))
            || ["log", "stdout", "private", "notify"].contains(&node.name());
        if control && !known && index.is_reachable_by_all(&node.path) {
            rows.fail(
                format!("root's socket {} is world-writable", node.path.display()),
                Evidence::path(&node.path, mode(node, accounts)),
            );
        }
    }
    rows.looked(Evidence::path(Path::new("/run"), "sockets were looked at"));
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for unit in units.iter().filter(|unit| {
        unit.is_local() && unit.name.ends_with(".socket") && unit.name != "docker.socket"
    }) {
        if let Some(setting) = unit.value("Socket", "SocketMode").filter(|setting| {
            u32::from_str_radix(&setting.value, 8).is_ok_and(|mode| mode & 0o002 != 0)
        }) {
            rows.fail_as(
                Severity::Medium,
                format!("{} makes a world-writable socket", unit.name),
                Evidence::at(&setting.place, format!("SocketMode={}", setting.value)),
            );
        }
    }
}
