//! What listens does not run as root.

use super::live::listeners;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-root-listener",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "what listens does not run as root",
    why: "Who finds a hole in a listener that runs as root has the machine at once. A web \
              server or a tool needs root only to open its port.",
    remedy: "Run it as an account of its own with `AmbientCapabilities=CAP_NET_BIND_SERVICE` or a \
              socket unit.",
    controls: &["PCI 2.2.6", "PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Running,
            File("/proc/net/tcp", "0: 00000000:1F91 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"),
            File("/proc/7/status", "Name:\tweb\nPPid:\t1\nUid:\t0\t0\t0\t0\n"),
            Link("/proc/7/exe", "/usr/bin/python3"),
            Link("/proc/7/fd/3", "socket:[77]"),
        ],
        pass: &[
            Running,
            File("/proc/net/tcp", "0: 00000000:1F91 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n"),
            File("/proc/7/status", "Name:\tweb\nPPid:\t1\nUid:\t33\t33\t33\t33\n"),
            Link("/proc/7/exe", "/usr/bin/python3"),
            Link("/proc/7/fd/3", "socket:[77]"),
        ],
        unknown: &[Running, File("/proc/net/tcp", ""), Denied("/proc/net/tcp")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(listeners) = rows.take(listeners(facts)) else { return };
    let Some(processes) = rows.take(facts.processes().as_ref().map_err(Clone::clone)) else {
        return;
    };
    for listener in listeners {
        let Some(process) = &listener.process else { continue };
        let evidence = Evidence::text("runs as root")
            .with_port(listener.socket())
            .with_process(process.label(facts));
        let workers = processes.iter().any(|other| {
            other.parent == process.pid && other.uid != 0 && other.name == process.name
        });
        let usual = [
            "sshd",
            "systemd",
            "master",
            "dhclient",
            "dhcpcd",
            "cupsd",
            "inetd",
            "xinetd",
            "NetworkManager",
            "systemd-resolve",
            "init",
        ]
        .contains(&process.program_name().as_str());
        if process.uid == 0 && !workers && !usual {
            rows.fail_as(
                listener.reach.weigh(Severity::High),
                format!("{} listens on {} and runs as root", process.name, listener.socket()),
                evidence,
            );
        } else {
            rows.looked(evidence);
        }
    }
}
