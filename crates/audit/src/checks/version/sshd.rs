//! Sshd does not tell Debian's revision.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-sshd",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "sshd does not tell Debian's revision",
    why: "The revision of the package says to the day which fixes are in it. `DebianBanner no` \
              leaves what the protocol needs.",
    remedy: "`DebianBanner no` in sshd_config.",
    controls: &["PCI 2.2.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "Port 22\n")],
        pass: &[File("/etc/ssh/sshd_config", "DebianBanner no\n")],
        unknown: &[File("/etc/ssh/sshd_config", ""), Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    match config.global("DebianBanner") {
        Some(option) if option.value().eq_ignore_ascii_case("no") => {
            rows.looked(Evidence::at(&option.place, option.line()));
        }
        Some(option) => rows.fail(
            "sshd tells the revision of its package: DebianBanner yes",
            Evidence::at(&option.place, option.line()),
        ),
        None => rows.lacks(
            "sshd tells the revision of its package: DebianBanner is not set",
            Evidence::path(Path::new("/etc/ssh/sshd_config"), "DebianBanner is not set"),
        ),
    }
}
