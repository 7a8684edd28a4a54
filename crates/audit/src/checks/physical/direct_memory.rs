//! `FireWire` and Thunderbolt are off.

use super::device;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-direct-memory",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "FireWire and Thunderbolt are off",
    why: "A device at such a port reads the memory directly, keys of the encrypted disk \
              included. It takes seconds.",
    remedy: "`install firewire-core /bin/false` and `install thunderbolt /bin/false` in \
              /etc/modprobe.d.",
    controls: &["ISO 7.8", "ISO 8.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/etc/modprobe.d")],
        pass: &[File(
            "/etc/modprobe.d/x.conf",
            "install firewire-core /bin/false\ninstall thunderbolt /bin/false\n",
        )],
        unknown: &[Folder("/etc/modprobe.d"), Denied("/etc/modprobe.d")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    device(facts, rows, &["firewire-core", "thunderbolt"], "a port with direct access to memory");
}
