//! Packages come from an archive that apt knows.

use super::waiting;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-foreign-packages",
    safeguard: Safeguard::Patches,
    severity: Severity::Low,
    title: "packages come from an archive that apt knows",
    why: "A package that was installed from a file gets no fixes, because no list names its \
              next version. Nobody is told when it has a hole.",
    remedy: "Install it from an archive, or watch its releases.",
    controls: &["PCI 6.3.2", "ISO 8.19"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/var/lib/dpkg/status",
                "Package: own\nStatus: install ok installed\nVersion: 1\n",
            ),
            File("/var/lib/apt/lists/d_main_Packages", super::samples::LIST),
        ],
        pass: &[
            File("/var/lib/dpkg/status", "Package: p7\nStatus: install ok installed\nVersion: 1\n"),
            File("/var/lib/apt/lists/d_main_Packages", super::samples::LIST),
        ],
        unknown: &[Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(waiting) = rows.take(waiting(facts)) else { return };
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    if waiting.known.len() < 1_000 {
        return;
    }
    rows.looked(Evidence::path(
        Path::new("/var/lib/apt/lists"),
        format!("{} known packages", waiting.known.len()),
    ));
    for package in
        packages.installed.values().filter(|package| !waiting.known.contains(&package.name))
    {
        if !package.name.starts_with("linux-image") && !package.name.starts_with("linux-headers") {
            rows.fail(
                format!("no archive knows the package {}: it gets no fixes", package.name),
                Evidence::path(
                    Path::new("/var/lib/dpkg/status"),
                    format!("{} {}", package.name, package.version),
                ),
            );
        }
    }
}
