//! SHA hashes take their time.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-hash-rounds",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "SHA hashes take their time",
    why: "SHA-512 with few rounds is tried a hundred times faster than it need be. yescrypt \
              has its own cost.",
    remedy: "`SHA_CRYPT_MIN_ROUNDS 65536`, or `ENCRYPT_METHOD YESCRYPT`.",
    controls: &["PCI 8.3.2", "ASVS 11.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/login.defs", "ENCRYPT_METHOD SHA512\n")],
        pass: &[File("/etc/login.defs", "ENCRYPT_METHOD YESCRYPT\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.settings("/etc/login.defs", ini::SPACED)) else { return };
    let method = ini::last(&all, None, "ENCRYPT_METHOD");
    let is_sha =
        method.is_some_and(|setting| setting.value.to_ascii_uppercase().starts_with("SHA"));
    let rounds = ini::last(&all, None, "SHA_CRYPT_MIN_ROUNDS")
        .or_else(|| ini::last(&all, None, "SHA_CRYPT_MAX_ROUNDS"));
    match (method, rounds) {
        (Some(method), None) if is_sha => rows.fail(
            "SHA hashes of passwords have the fewest rounds (5000)",
            Evidence::at(&method.place, "SHA_CRYPT_MIN_ROUNDS is not set"),
        ),
        (_, Some(rounds)) if rounds.value.parse::<u64>().is_ok_and(|count| count < 5_000) => rows
            .fail(
                format!("hashes of passwords have too few rounds: {}", rounds.value),
                Evidence::at(&rounds.place, format!("{} {}", rounds.key, rounds.value)),
            ),
        (Some(method), _) => rows.looked(Evidence::at(&method.place, &method.value)),
        (None, _) => {}
    }
}
