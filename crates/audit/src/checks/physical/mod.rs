//! A hand on the machine: its disk, its boot loader, its ports, its console.

// Checks of this family.
pub(super) mod auto_login;
pub(super) mod boot_files;
pub(super) mod boot_password;
pub(super) mod direct_memory;
pub(super) mod disk;
pub(super) mod disk_key;
pub(super) mod idle_shell;
pub(super) mod rescue_shell;
pub(super) mod swap;
pub(super) mod three_keys;
pub(super) mod usb;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::Facts;
use std::path::Path;

/// Whether modules of a kind of device are kept out of the kernel.
fn device(facts: &Facts<'_>, rows: &mut Rows, modules: &[&str], what: &str) {
    let guarded = facts.exists("/etc/usbguard/rules.conf") && what.contains("USB");
    for module in modules {
        match rows.take(super::kernel::loadable(facts, module)) {
            Some(Some(_)) if guarded => rows
                .looked(Evidence::path(Path::new("/etc/usbguard/rules.conf"), "USBGuard decides")),
            Some(Some(evidence)) => rows
                .fail(format!("{what} can be used: the module {module} can be loaded"), evidence),
            Some(None) => rows.looked(Evidence::path(
                Path::new("/etc/modprobe.d"),
                format!("{module} cannot be loaded"),
            )),
            None => {}
        }
    }
}
