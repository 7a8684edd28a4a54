//! No screen of this machine is on the network.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-display",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "no screen of this machine is on the network",
    why: "X11 on TCP and VNC without a password hand over keyboard and screen. Servers have no \
              screen.",
    remedy: "`-nolisten tcp`; a VNC server only through ssh (`-localhost`).",
    controls: &["CIS 2.1.19", "PCI 2.2.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/systemd/system/vnc.service",
            "[Service]\nExecStart=/usr/bin/x11vnc -nopw -display :0\n",
        )],
        pass: &[File("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/x\n")],
        unknown: &[
            File("/etc/systemd/system/x.service", ""),
            Denied("/etc/systemd/system/x.service"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(units) = rows.take(facts.units().as_ref().map_err(Clone::clone)) else { return };
    for command in units.iter().flat_map(|unit| unit.commands()) {
        let text = &command.value;
        let vnc =
            ["x11vnc", "vncserver", "Xvnc", "tigervncserver", "Xtightvnc", "x0vncserver", "wayvnc"]
                .iter()
                .any(|name| {
                    text.split_whitespace()
                        .next()
                        .is_some_and(|path| path.trim_start_matches('-').ends_with(name))
                });
        let open = vnc
            && (text.contains("-nopw")
                || text.contains("SecurityTypes None")
                || text.contains("SecurityTypes=None")
                || !text.contains("localhost"));
        let x11 = text.contains("Xorg") && text.contains("-listen tcp");
        if open || x11 {
            rows.fail(
                format!("a screen is on the network: {text}"),
                Evidence::at(&command.place, text),
            );
        } else {
            rows.looked(Evidence::at(&command.place, text));
        }
    }
    for setting in
        settings(facts, rows, &["/etc/gdm3/daemon.conf", "/etc/lightdm/lightdm.conf"], ini::INI)
    {
        if setting.key == "xserver-allow-tcp" && crate::facts::is_yes(&setting.value)
            || setting.key == "DisallowTCP" && crate::facts::is_no(&setting.value)
        {
            rows.fail("the screen is on the network (X11 over TCP)", line(&setting));
        }
    }
}
