//! New passwords have to be good.

use super::pam;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-password-quality",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "new passwords have to be good",
    why: "Without a rule people choose what is short and known, and that is guessed first. \
              Length counts most.",
    remedy: "`apt install libpam-pwquality`, `minlen = 14` in /etc/security/pwquality.conf.",
    controls: &["CIS 5.3.3.2.1", "PCI 8.3.6", "ISO 5.17", "ASVS 6.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/pam.d/common-password", "password required pam_unix.so\n")],
        pass: &[
            File("/etc/pam.d/common-password", "password requisite pam_pwquality.so retry=3\n"),
            File("/etc/security/pwquality.conf", "minlen = 14\n"),
        ],
        unknown: &[Denied("/etc/pam.d/common-password"), Mode("/etc/pam.d/common-password", 0o600)],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = pam(facts, rows);
    let Some(first) = all.iter().find(|line| line.kind == "password") else { return };
    let Some(quality) = all.iter().find(|line| {
        line.kind == "password"
            && ["pam_pwquality.so", "pam_cracklib.so", "pam_passwdqc.so"]
                .contains(&line.module.as_str())
    }) else {
        rows.lacks(
            "no rule asks for good passwords: pam_pwquality is missing",
            Evidence::at(&first.place, "no pam_pwquality.so in the password stack"),
        );
        return;
    };
    let mut conf =
        rows.take(facts.settings("/etc/security/pwquality.conf", ini::LOOSE)).unwrap_or_default();
    for path in
        rows.take(facts.files_in("/etc/security/pwquality.conf.d", ".conf")).unwrap_or_default()
    {
        conf.extend(rows.take(facts.settings(&path, ini::LOOSE)).unwrap_or_default());
    }
    let minlen = quality
        .argument("minlen")
        .map(|value| (value.to_owned(), Evidence::at(&quality.place, quality.line())))
        .or_else(|| {
            ini::last(&conf, None, "minlen").map(|setting| {
                (
                    setting.value.clone(),
                    Evidence::at(&setting.place, format!("minlen = {}", setting.value)),
                )
            })
        });
    match minlen {
        Some((value, evidence)) if value.parse::<u32>().is_ok_and(|len| len >= 12) => {
            rows.looked(evidence);
        }
        Some((value, evidence)) => rows.fail(
            format!("new passwords may be too short: minlen = {value} (pwquality)"),
            evidence,
        ),
        None => rows.lacks(
            "new passwords may be too short: pwquality's minlen is not set (8 counts)",
            Evidence::at(&quality.place, quality.line()),
        ),
    }
}
