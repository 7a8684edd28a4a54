//! Mail is signed by keys that are strong and in use.

use super::tag;
use crate::checks::prelude::*;
use crate::facts::Blind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "domain-dkim",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "mail is signed by keys that are strong and in use",
    why: "A signature by a short key can be forged by anybody with a weekend, and one in testing mode counts for nothing. Only keys whose selectors were asked for can be seen.",
    remedy: "A new selector with an RSA key of 2,048 bits or an Ed25519 key; take the old one out after a week.",
    controls: &["PCI 5.4.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Records("s._domainkey.a.example. IN TXT \"v=DKIM1; p=AAAA\"")],
        pass: &[Records(
            "s._domainkey.a.example. IN TXT \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"",
        )],
        unknown: &[Records("a.example. IN TXT \"v=spf1 -all\"")],
    },
};

/// Bytes of the whole public key of 1,024 and of 2,048 bits, less what encodings may differ by.
const BYTES_1024: usize = 155;
const BYTES_2048: usize = 285;

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(records) = &facts.domains else { return };
    for domain in records.domains() {
        let keys = records.keys(&domain);
        if keys.is_empty() {
            let why = "no selector was asked for: `dig SELECTOR._domainkey.DOMAIN TXT`, as in the `s=` of a mail's signature";
            rows.unknown(Blind::new(format!("_domainkey.{domain}"), why));
        }
        for (selector, found) in keys {
            let name = format!("{selector}._domainkey.{domain}");
            match found.first() {
                Some(record) => one(&name, record, rows),
                None => rows.fail(
                    format!("there is no key at {name}: signatures by it count for nothing"),
                    Evidence::text(format!("{name}: no record")),
                ),
            }
        }
    }
}

fn one(name: &str, record: &str, rows: &mut Rows) {
    use base64::Engine as _;
    let key: String = tag(record, "p").unwrap_or_default().split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(&key).map(|bytes| bytes.len());
    let is_rsa = tag(record, "k").is_none_or(|kind| kind.eq_ignore_ascii_case("rsa"));
    let shown = Evidence::text(format!("{name} TXT with a key of {} letters", key.len()));
    match bytes {
        Ok(0) => {
            rows.fail_as(Severity::Low, format!("the key at {name} was taken back"), shown);
            return;
        }
        Err(_) => {
            rows.fail(format!("the key at {name} cannot be read"), shown);
            return;
        }
        Ok(bytes) if is_rsa && bytes < BYTES_1024 => rows.fail_as(
            Severity::High,
            format!("the key at {name} has less than 1,024 bits, and can be broken"),
            shown.clone(),
        ),
        Ok(bytes) if is_rsa && bytes < BYTES_2048 => {
            rows.fail(format!("the key at {name} has less than 2,048 bits"), shown.clone());
        }
        Ok(_) => {}
    }
    if tag(record, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y")) {
        let text = format!("the key at {name} is in testing mode: receivers ignore it");
        rows.fail_as(Severity::Low, text, shown.clone());
    }
    rows.looked(shown);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn each_key_is_weighed() {
        use base64::Engine as _;
        let key = |bytes: usize| base64::engine::general_purpose::STANDARD.encode(vec![7; bytes]);
        for (record, words) in [
            (format!("v=DKIM1; p={}", key(94)), "less than 1,024"),
            (format!("v=DKIM1; k=rsa; p={}", key(162)), "less than 2,048"),
            (format!("v=DKIM1; p={}", key(294)), "mail is signed"),
            (format!("v=DKIM1; t=s:y; p={}", key(294)), "testing mode"),
            ("v=DKIM1; p=".to_owned(), "was taken back"),
            ("v=DKIM1; p=!".to_owned(), "cannot be read"),
        ] {
            let text = format!("s._domainkey.a.example. IN TXT \"{record}\"");
            let text: &'static str = Box::leak(text.into_boxed_str());
            let found = findings(&CHECK, &[Records(text)]);
            assert!(found.iter().any(|one| one.title.contains(words)), "{record}: {found:?}");
        }
    }
}
