//! No security update waits.

use super::{EXPOSED, waiting};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-waiting",
    safeguard: Safeguard::Patches,
    severity: Severity::High,
    title: "no security update waits",
    why: "The fix of a hole is also its description, and exploits follow within days. What \
              waits here is known to everybody.",
    remedy: "`apt update && apt upgrade`, then restart what `needrestart` names.",
    controls: &["PCI 6.3.3", "ISO 8.8", "ASVS 15.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/var/lib/dpkg/status",
                "Package: openssl\nStatus: install ok installed\nVersion: 3.0.9-1\n",
            ),
            File(
                "/var/lib/apt/lists/d_debian-security_dists_bookworm-security_main_binary-amd64_Packages",
                "Package: openssl\nVersion: 3.0.16-1~deb12u1\n",
            ),
        ],
        pass: &[
            File(
                "/var/lib/dpkg/status",
                "Package: openssl\nStatus: install ok installed\nVersion: 3.0.16-1~deb12u1\n",
            ),
            File(
                "/var/lib/apt/lists/d_debian-security_dists_bookworm-security_main_binary-amd64_Packages",
                "Package: openssl\nVersion: 3.0.16-1~deb12u1\n",
            ),
        ],
        unknown: &[Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(waiting) = rows.take(waiting(facts)) else { return };
    if waiting.seen == 0 {
        return;
    }
    for (package, better, place) in &waiting.updates {
        let exposed = EXPOSED.contains(&package.source.as_str());
        let severity = if exposed { Severity::Critical } else { Severity::High };
        rows.fail_as(severity, format!("a security update of {} waits: {} is installed, {better} is there (outdated, vulnerable)", package.name, package.version), Evidence::path(place, format!("{} {} -> {better}", package.name, package.version)));
    }
    rows.looked(Evidence::path(
        Path::new("/var/lib/apt/lists"),
        format!("{} packages of security archives", waiting.seen),
    ));
}
