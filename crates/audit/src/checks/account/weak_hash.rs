//! Passwords are kept by a sound hash.

use super::shadow;
use crate::checks::prelude::*;
use crate::facts::Strength;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-weak-hash",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "passwords are kept by a sound hash",
    why: "MD5 and DES hashes are tried by the billion a second, so a stolen file is soon a \
              list of passwords. yescrypt and SHA-512 make each try dear.",
    remedy: "Let the user set the password again (`chage -d 0 NAME`) once `ENCRYPT_METHOD` is \
              YESCRYPT.",
    controls: &["PCI 8.3.2", "ISO 5.17", "ASVS 11.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shadow", "olga:$1$pT4v$abcdefghijklmnopqrstu.:19800:0:365:7:::\n")],
        pass: &[File("/etc/shadow", "olga:$y$j9T$a$b:19800:0:365:7:::\n")],
        unknown: &[Denied("/etc/shadow")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for line in shadow(facts, rows) {
        match crate::facts::strength(&line.hash) {
            Strength::Broken(scheme) => rows.fail(
                format!(
                    "the account {} has a weak {scheme} hash ({})",
                    line.name,
                    line.hash.get(..3).unwrap_or_default()
                ),
                Evidence::at(&line.place, format!("{}: {scheme}", line.name)),
            ),
            Strength::Sound(scheme) => {
                rows.looked(Evidence::at(&line.place, format!("{}: {scheme}", line.name)));
            }
            Strength::Empty | Strength::Locked => {
                rows.looked(Evidence::at(&line.place, format!("{}: no hash", line.name)));
            }
        }
    }
}
