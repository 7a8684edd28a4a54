//! Disks at the USB ports are not taken.

use super::device;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-usb",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "disks at the USB ports are not taken",
    why: "A stick that somebody plugs in brings programs in and data out. Servers in a rack \
              need none.",
    remedy: "`install usb-storage /bin/false` in /etc/modprobe.d, or USBGuard.",
    controls: &["CIS 1.1.1.9", "PCI 3.4.2", "ISO 7.10"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/etc/modprobe.d")],
        pass: &[File(
            "/etc/modprobe.d/x.conf",
            "install usb-storage /bin/false\ninstall uas /bin/false\n",
        )],
        unknown: &[Folder("/etc/modprobe.d"), Denied("/etc/modprobe.d")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    device(facts, rows, &["usb-storage", "uas"], "USB storage");
}
