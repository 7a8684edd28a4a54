//! Apt takes only what is signed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-unsigned",
    safeguard: Safeguard::Patches,
    severity: Severity::High,
    title: "apt takes only what is signed",
    why: "A package that nobody signed can be put in by whoever is on the way, and its scripts \
              run as root. Signatures are all that stands between.",
    remedy: "Remove `AllowUnauthenticated`, `AllowInsecureRepositories` and `Check-Valid-Until \
              \"false\"`.",
    controls: &["CIS 1.2.1.1", "PCI 6.3.2", "ISO 8.19"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/apt/apt.conf.d/99local", "APT::Get::AllowUnauthenticated \"true\";\n")],
        pass: &[File(
            "/etc/apt/apt.conf.d/99local",
            "// APT::Get::AllowUnauthenticated \"true\";\n",
        )],
        unknown: &[File("/etc/apt/apt.conf.d/99local", ""), Denied("/etc/apt/apt.conf.d/99local")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    if !facts.exists("/etc/apt") {
        return;
    }
    for (key, bad, severity) in [
        ("APT::Get::AllowUnauthenticated", true, Severity::High),
        ("Acquire::AllowInsecureRepositories", true, Severity::High),
        ("Acquire::AllowWeakRepositories", true, Severity::High),
        ("Acquire::AllowDowngradeToInsecureRepositories", true, Severity::High),
        ("Acquire::Check-Valid-Until", false, Severity::Medium),
        ("Acquire::https::Verify-Peer", false, Severity::High),
        ("Acquire::https::Verify-Host", false, Severity::High),
        ("APT::Get::Force-Yes", true, Severity::High),
        ("APT::Get::allow-downgrades", true, Severity::Medium),
        ("APT::Ignore::Gpg", true, Severity::High),
    ] {
        match rows.take(facts.apt_value(key)) {
            Some(Some(setting))
                if (bad && crate::facts::is_yes(&setting.value))
                    || (!bad && crate::facts::is_no(&setting.value)) =>
            {
                rows.fail_as(
                    severity,
                    format!(
                        "apt accepts what nobody signed or vouched for: {key} \"{}\"",
                        setting.value
                    ),
                    Evidence::at(&setting.place, format!("{key} \"{}\"", setting.value)),
                );
            }
            Some(_) => rows.looked(Evidence::path(
                Path::new("/etc/apt/apt.conf.d"),
                format!("{key} is sound"),
            )),
            None => {}
        }
    }
}
