//! File systems that nobody uses cannot be mounted.

use super::loadable;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-file-systems",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "file systems that nobody uses cannot be mounted",
    why: "A prepared image of an old file system crashes or takes over the kernel that mounts \
              it. Servers use two or three.",
    remedy: "`install cramfs /bin/false` and the same for `freevxfs`, `hfs`, `hfsplus`, `jffs2` \
              and `udf` in /etc/modprobe.d.",
    controls: &["CIS 1.1.1.1", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/modprobe.d/x.conf", "")],
        pass: &[File(
            "/etc/modprobe.d/x.conf",
            "install cramfs /bin/false\ninstall freevxfs /bin/false\ninstall hfs /bin/false\ninstall hfsplus /bin/false\ninstall jffs2 /bin/false\ninstall udf /bin/false\n",
        )],
        unknown: &[Folder("/etc/modprobe.d"), Denied("/etc/modprobe.d")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for module in ["cramfs", "freevxfs", "hfs", "hfsplus", "jffs2", "udf"] {
        match rows.take(loadable(facts, module)) {
            Some(Some(evidence)) => {
                rows.fail(format!("the file system {module} can be loaded"), evidence);
            }
            Some(None) => rows.looked(Evidence::path(
                Path::new("/etc/modprobe.d"),
                format!("{module} cannot be loaded"),
            )),
            None => {}
        }
    }
}
