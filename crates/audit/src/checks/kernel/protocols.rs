//! Protocols that nobody uses cannot be loaded.

use super::loadable;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-protocols",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "protocols that nobody uses cannot be loaded",
    why: "The kernel loads DCCP, SCTP, RDS and TIPC on any user's word, and each has given \
              root before. A line keeps them out.",
    remedy: "`install dccp /bin/false` and the same for `sctp`, `rds` and `tipc` in a file of \
              /etc/modprobe.d.",
    controls: &["CIS 3.2.1", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/modprobe.d/x.conf", "# install dccp /bin/false\n")],
        pass: &[File(
            "/etc/modprobe.d/x.conf",
            "install dccp /bin/false\ninstall sctp /bin/true\ninstall rds /bin/false\ninstall tipc /bin/false\n",
        )],
        unknown: &[Folder("/etc/modprobe.d"), Denied("/etc/modprobe.d")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for module in ["dccp", "sctp", "rds", "tipc"] {
        match rows.take(loadable(facts, module)) {
            Some(Some(evidence)) => {
                rows.fail(
                    format!("the kernel module {module} can be loaded by any user"),
                    evidence,
                );
            }
            Some(None) => rows.looked(Evidence::path(
                Path::new("/etc/modprobe.d"),
                format!("{module} cannot be loaded"),
            )),
            None => {}
        }
    }
}
