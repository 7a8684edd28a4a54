//! New passwords get a sound hash.

use super::pam;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-encrypt-method",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "new passwords get a sound hash",
    why: "What `ENCRYPT_METHOD` says is how every new password is kept. MD5 and DES are no \
              protection once the file is stolen.",
    remedy: "`ENCRYPT_METHOD YESCRYPT` in /etc/login.defs.",
    controls: &["CIS 5.4.1.4", "PCI 8.3.2", "ASVS 11.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/login.defs", "ENCRYPT_METHOD MD5\n")],
        pass: &[File("/etc/login.defs", "#ENCRYPT_METHOD DES\nENCRYPT_METHOD YESCRYPT\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let path = Path::new("/etc/login.defs");
    let Some(all) = rows.take(facts.settings(path, ini::SPACED)) else { return };
    if let Some(setting) = ini::last(&all, None, "ENCRYPT_METHOD") {
        let text = format!("ENCRYPT_METHOD {}", setting.value);
        if ["YESCRYPT", "SHA512", "BCRYPT", "SHA256"]
            .iter()
            .any(|good| setting.value.eq_ignore_ascii_case(good))
        {
            rows.looked(Evidence::at(&setting.place, text));
        } else {
            rows.fail(
                format!("login.defs: new passwords get a weak hash ({text})"),
                Evidence::at(&setting.place, text),
            );
        }
    } else if !all.is_empty() {
        rows.looked(Evidence::path(path, "ENCRYPT_METHOD is not set; PAM's own method counts"));
    }
    for line in pam(facts, rows)
        .iter()
        .filter(|line| line.kind == "password" && line.module == "pam_unix.so")
    {
        if let Some(weak) =
            line.arguments.iter().find(|word| ["md5", "bigcrypt", "crypt"].contains(&word.as_str()))
        {
            rows.fail(format!("PAM gives new passwords a weak hash ({weak}) instead of what ENCRYPT_METHOD should say"), Evidence::at(&line.place, line.line()));
        }
    }
}
