//! No package has a hole that is attacked everywhere.

use super::HOLES;
use crate::checks::prelude::*;
use crate::facts::{Blind, Manager, compare_versions};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-known-holes",
    safeguard: Safeguard::Patches,
    severity: Severity::Critical,
    title: "no package has a hole that is attacked everywhere",
    why: "Some holes were so grave that every scanner has them. A package from before their \
              fix is found within hours.",
    remedy: "`apt update && apt upgrade`.",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/var/lib/dpkg/status",
            "Package: openssh-server\nStatus: install ok installed\nSource: openssh\nVersion: 1:9.2p1-2\n",
        )],
        pass: &[File(
            "/var/lib/dpkg/status",
            "Package: openssh-server\nStatus: install ok installed\nSource: openssh\nVersion: 1:9.2p1-2+deb12u7\n",
        )],
        unknown: &[Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    if packages.manager == Manager::Rpm {
        rows.unknown(Blind::new("rpm", "which of its packages have holes is not known here: ask `dnf updateinfo list --security`"));
        return;
    }
    let release = rows.take(facts.release("VERSION_ID")).flatten().unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    for package in packages.installed.values() {
        for (source, debian, fixed, cve) in HOLES {
            if *source != package.source
                || *debian != release
                || seen.contains(&package.name.as_str())
            {
                continue;
            }
            if compare_versions(&package.version, fixed) == std::cmp::Ordering::Less {
                seen.push(&package.name);
                rows.fail(
                    format!(
                        "{} {} is vulnerable to {cve}: {fixed} fixes it",
                        package.name, package.version
                    ),
                    Evidence::path(
                        Path::new("/var/lib/dpkg/status"),
                        format!("{} {}", package.name, package.version),
                    ),
                );
            } else {
                rows.looked(Evidence::path(
                    Path::new("/var/lib/dpkg/status"),
                    format!("{} {}", package.name, package.version),
                ));
            }
        }
    }
    if !packages.is_empty() {
        rows.looked(Evidence::path(Path::new("/var/lib/dpkg/status"), "versions were compared"));
    }
}
