//! Own domains: what their records let others do in their name.

// Checks of this family.
pub(super) mod caa;
pub(super) mod dangling;
pub(super) mod dkim;
pub(super) mod dmarc;
pub(super) mod look_alike;
pub(super) mod mta_sts;
pub(super) mod mta_sts_policy;
pub(super) mod spf;
// End of the checks.

use super::prelude::*;
use crate::facts::{Blind, Records};

/// Asks something of each domain's records of one kind; what was not asked of the name servers is unknown.
fn each(
    facts: &Facts<'_>,
    rows: &mut Rows,
    question: (&str, &str),
    look: impl Fn(&Records, &str, &[String], &mut Rows),
) {
    let Some(records) = &facts.domains else { return };
    let (start, kind) = question;
    for domain in records.domains() {
        let name = format!("{start}{domain}");
        match records.of(&name, kind) {
            Some(found) => look(records, &domain, found, rows),
            None => rows.unknown(Blind::new(
                &name,
                format!("nobody has asked for it, or there was no answer: `dig {name} {kind}`"),
            )),
        }
    }
}

/// Whether a domain takes mail, as far as that was asked: a single `.` is no.
fn takes_mail(records: &Records, domain: &str) -> Option<bool> {
    records
        .of(domain, "MX")
        .map(|all| all.iter().any(|mx| mx.split_whitespace().last() != Some(".")))
}

/// A record as evidence.
fn seen(name: &str, record: &str) -> Evidence {
    Evidence::text(format!("{name} TXT {record}"))
}

/// The value of a tag, as `p` in `v=DMARC1; p=none`.
fn tag<'r>(record: &'r str, name: &str) -> Option<&'r str> {
    let mut tags = record.split(';').filter_map(|part| part.split_once('='));
    tags.find(|(own, _)| own.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
