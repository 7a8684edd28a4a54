//! Where a writer goes on: the end of what is there, compared with the head. No I/O.
//!
//! Invariant: whatever is found, the rows that come next say so where it is not what was signed. Nothing is healed:
//! rows that were lost keep their numbers, so that every later look finds the gap.

use crate::chain::Link;
use crate::hash::Hash;
use crate::head::Head;
use crate::kind::Kind;
use crate::row::{Event, Row};
use crate::verify::TORN_MAX;
use burgrave_sys::UnixTime;
use serde_json::{Value, json};

/// The end of the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last row; `None`: there is none.
    pub(crate) last: Option<Link>,
    /// Lines behind it that are no rows, in their order: bytes and hash.
    pub(crate) torn: Vec<(usize, Hash)>,
    /// Whether the last line has no end.
    pub(crate) is_open: bool,
    /// Why no row can be found, although there are lines.
    pub(crate) odd: Option<&'static str>,
}

impl Tail {
    /// Of the last bytes of a segment; `is_whole`: they are all of it.
    pub(crate) fn of(bytes: &[u8], is_whole: bool) -> Self {
        let mut tail = Self::default();
        let mut rest = bytes;
        tail.is_open = !rest.is_empty() && !rest.ends_with(b"\n");
        if !tail.is_open {
            rest = rest.strip_suffix(b"\n").unwrap_or(rest);
        }
        while !rest.is_empty() {
            let start = rest.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
            let line = rest.get(start.unwrap_or(0)..).unwrap_or_default();
            let is_first_open = tail.torn.is_empty() && tail.is_open;
            match Row::parse(line) {
                // A row without the end of its line is whole only when it has one.
                Ok((row, true)) if !is_first_open => {
                    tail.last = Some(Link { seq: row.seq, hash: row.hash });
                    break;
                }
                Ok((_, false)) => {
                    tail.odd = Some("the last row was changed");
                    break;
                }
                Ok(_) | Err(_) => tail.torn.insert(0, (line.len(), Hash::of(line))),
            }
            if tail.torn.len() > TORN_MAX || start.is_none() && !is_whole {
                tail.odd = Some("the last lines are no rows");
                break;
            }
            rest = start.and_then(|start| rest.get(..start.saturating_sub(1))).unwrap_or_default();
        }
        if tail.odd.is_some() {
            tail.torn.clear();
        }
        tail
    }
}

/// Where to go on, and which rows come first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    pub(crate) link: Link,
    /// The number that the first row has; more than the next where rows were lost.
    pub(crate) seq: u64,
    pub(crate) first: Vec<Event>,
}

/// Compares the end of the rows with the head.
pub(crate) fn resume(tail: &Tail, head: Option<&Head>, why: Option<&str>, now: UnixTime) -> Resume {
    let last = tail.last.unwrap_or(Link::START);
    let signed = head.map_or(Link::START, Head::link);
    let next = last.seq.max(signed.seq).saturating_add(1);
    let event = |kind, detail: Value| Event::new(now, kind, "", detail);
    let torn = tail.torn.iter().map(|(bytes, hash)| {
        event(Kind::LedgerTorn, json!({ "bytes": bytes, "sha256": hash.to_string() }))
    });
    let mut first: Vec<Event> = torn.collect();
    let why = why.or(tail.odd).or_else(|| {
        let is_cut = signed.seq > last.seq;
        let is_other = signed.seq == last.seq && signed.hash != last.hash;
        if is_cut {
            Some("rows that were signed are not there")
        } else {
            is_other.then_some("the last row is not the one that was signed")
        }
    });
    if let Some(why) = why {
        first.push(event(
            Kind::LedgerBroken,
            json!({ "why": why, "signed": signed.to_string(), "found": last.to_string() }),
        ));
    } else if last.seq > signed.seq {
        let from = signed.seq.saturating_add(1);
        first.push(event(Kind::LedgerRecovered, json!({ "from": from, "to": last.seq })));
    }
    Resume { link: last, seq: next, first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::rows;
    use crate::key::Key;

    fn check(bytes: &[u8], last: Option<u64>, torn: usize, is_open: bool, odd: bool) {
        let tail = Tail::of(bytes, true);
        let found = (tail.last.map(|link| link.seq), tail.torn.len(), tail.is_open);
        assert_eq!(found, (last, torn, is_open), "{}", bytes.escape_ascii());
        assert_eq!(tail.odd.is_some(), odd, "{}", bytes.escape_ascii());
    }

    #[test]
    fn the_last_row_is_found_behind_what_was_never_finished() {
        let (key, _) = Key::generate().unwrap();
        let (lines, _) = rows(&key, 3);
        let text = [lines.join(&b'\n'), b"\n".to_vec()].concat();
        check(b"", None, 0, false, false);
        check(&text, Some(3), 0, false, false);
        check(&[&text[..], b"{\"seq\":4"].concat(), Some(3), 1, true, false);
        check(&[&text[..], b"{\"seq\":4\n"].concat(), Some(3), 1, false, false);
        check(&[&text[..], b"{\"seq\":4\n{\"seq\""].concat(), Some(3), 2, true, false);
        check(&text[..text.len() - 1], Some(2), 1, true, false);
        check(b"{\"se", None, 1, true, false);
        check(&b"x\n".repeat(20), None, 0, false, true);
        let changed = String::from_utf8(text).unwrap().replace("192.0.2.2", "192.0.2.3");
        check(changed.as_bytes(), None, 0, false, true);
        assert!(Tail::of(b"x\n", false).odd.is_some(), "what stands before it was not seen");
    }

    #[test]
    fn what_is_not_as_it_was_signed_is_told_first() {
        let (key, _) = Key::generate().unwrap();
        let (lines, link) = rows(&key, 5);
        let text = [lines.join(&b'\n'), b"\n".to_vec()].concat();
        let tail = Tail::of(&text, true);
        let head = |seq, hash| Head::sign(&key, "name", Link { seq, hash }, String::new());
        let told = |tail: &Tail, head: &Head| {
            let resume = resume(tail, Some(head), None, UnixTime(0));
            let kinds: Vec<_> = resume.first.iter().map(|event| event.kind.word()).collect();
            (resume.link.seq, resume.seq, kinds.join(" "))
        };
        let check = |head: &Head, expected: (u64, u64, &str)| {
            assert_eq!(told(&tail, head), (expected.0, expected.1, expected.2.to_owned()));
        };
        check(&head(5, link.hash), (5, 6, ""));
        check(&head(3, Hash::NONE), (5, 6, "ledger.recovered"));
        check(&head(9, Hash::NONE), (5, 10, "ledger.broken"));
        check(&head(5, Hash::NONE), (5, 6, "ledger.broken"));
        let torn = Tail::of(&[&text[..], b"{\"seq"].concat(), true);
        assert_eq!(told(&torn, &head(5, link.hash)), (5, 6, "ledger.torn".to_owned()));
        let none = resume(&tail, None, Some("HEAD is missing"), UnixTime(0));
        assert_eq!((none.seq, none.first.len()), (6, 1));
        assert_eq!(resume(&Tail::default(), None, None, UnixTime(0)).seq, 1);
    }
}
