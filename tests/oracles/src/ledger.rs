//! Rows of a ledger.

use crate::hold;
use burgrave_ledger::{Fault, Hash, Link, Noted, Place, PublicKey, Row, Verifier};
use std::path::Path;

/// The example key of RFC 8037 (appendix A.2): chance does not sign by it.
const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
/// A row in its bytes up to this has the hash that follows.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";

/// Nothing is sound without a head that the key has signed, whatever it is; a row that is taken for intact has the
/// hash of its own bytes; rows that do not follow each other are told; and a row that was noted and is not there too.
pub fn ledger(input: &[u8]) {
    let Ok(key) = PublicKey::parse(KEY, Path::new("key")) else { panic!("the key is none") };
    let noted = Noted(Link { seq: 1, hash: Hash::of(b"a row that nobody has") });
    let mut verifier = Verifier::new(key, Err("it is not there"), Some(noted));
    let mut last: Option<Row> = None;
    let mut is_broken = false;
    let mut lines = 0_u64;
    for (line, number) in input.split(|byte| *byte == b'\n').zip(1..) {
        verifier.line(Place { segment: 1, line: number }, line);
        lines += 1;
        let Ok((row, is_intact)) = Row::parse(line) else {
            is_broken = true;
            continue;
        };
        let end = line.windows(BEFORE_HASH.len()).rposition(|part| part == BEFORE_HASH);
        let body = line.get(..end.unwrap_or(0)).unwrap_or_default();
        hold(
            is_intact == (Hash::of(body) == row.hash),
            "another hash than that of its bytes",
            line,
        );
        let follows = last
            .as_ref()
            .is_none_or(|last| row.seq == last.seq.saturating_add(1) && row.prev == last.hash);
        is_broken |= !is_intact || !follows;
        last = Some(row);
    }
    let verdict = verifier.finish();
    hold(!verdict.is_sound(), "sound without a head", input);
    hold(verdict.rows <= lines, "more rows than lines", input);
    hold(verdict.checkpoints == 0, "a signature that nobody can have made", input);
    hold(verdict.faults.len() <= verdict.fault_count, "more faults than were counted", input);
    let is_full = verdict.faults.len() < verdict.fault_count;
    let unsaid = |fault: &Fault| !matches!(fault, Fault::Head(_) | Fault::Rewritten(_));
    hold(!is_broken || verdict.faults.iter().any(unsaid), "a break that is not told", input);
    let rewritten = verdict.faults.iter().any(|fault| matches!(fault, Fault::Rewritten(_)));
    hold(rewritten || is_full, "a noted row that is gone is not told", input);
}
