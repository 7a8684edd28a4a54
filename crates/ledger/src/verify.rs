//! The verification of a whole ledger: lines in, faults out. No I/O.
//!
//! Invariants: linear in what it is given, and holds a bounded amount of it; whatever the lines are, it goes on to
//! the end, so that one fault does not hide the next.

use crate::chain::{CHECKPOINT_EVERY, CHECKPOINT_SORT, Link};
use crate::fault::{Fault, Place};
use crate::hash::Hash;
use crate::head::{Head, Noted};
use crate::key::{PublicKey, message};
use crate::kind::Kind;
use crate::row::Row;

/// Faults and notices that are kept; the rest is counted.
const FAULTS_MAX: usize = 100;
/// Lines without an end that may follow each other, each a writer that was interrupted.
pub(crate) const TORN_MAX: usize = 8;

/// What a verification came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first of what is wrong.
    pub faults: Vec<Fault>,
    /// All of it.
    pub fault_count: usize,
    /// What is to be known and is no fault.
    pub notices: Vec<String>,
    /// Rows that were read.
    pub rows: u64,
    /// Checkpoints whose signature is good.
    pub checkpoints: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub const fn is_sound(&self) -> bool {
        self.fault_count == 0
    }
}

/// See the module.
pub struct Verifier {
    key: PublicKey,
    head: Result<Head, &'static str>,
    noted: Option<Noted>,
    was_noted_seen: bool,
    is_head_seen: bool,
    last: Link,
    ledger: Option<String>,
    /// Lines that may have been torn, which a row that follows has to tell.
    torn: Vec<(Place, &'static str, Hash)>,
    verdict: Verdict,
}

impl Verifier {
    /// With the key that is trusted, the head as it was found, and a head that was noted earlier.
    pub fn new(key: PublicKey, head: Result<Head, &'static str>, noted: Option<Noted>) -> Self {
        let head = head.and_then(|head| {
            let is_good = head.is_signed_by(&key);
            if is_good { Ok(head) } else { Err("its signature is not the key's") }
        });
        Self {
            key,
            head,
            noted,
            was_noted_seen: false,
            is_head_seen: false,
            last: Link::START,
            ledger: None,
            torn: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    /// Adds what is wrong by whatever else was seen.
    pub fn fault(&mut self, fault: Fault) {
        self.verdict.fault_count += 1;
        if self.verdict.faults.len() < FAULTS_MAX {
            self.verdict.faults.push(fault);
        }
    }

    fn notice(&mut self, text: String) {
        if self.verdict.notices.len() < FAULTS_MAX {
            self.verdict.notices.push(text);
        }
    }

    /// The next line, without its end.
    pub fn line(&mut self, place: Place, line: &[u8]) {
        match Row::parse(line) {
            Err(why) => self.odd(place, why, Hash::of(line)),
            Ok((row, is_intact)) => {
                if !is_intact {
                    self.fault(Fault::Changed(row.seq, place));
                }
                self.tears(&row, is_intact);
                self.link(&row, place);
                self.sort(&row, place);
                self.verdict.rows += 1;
                self.last = Link { seq: row.seq, hash: row.hash };
                self.compare();
            }
        }
    }

    /// The end of the last segment, which has no end of a line: somebody was interrupted there.
    pub fn unfinished(&mut self, place: Place, bytes: usize) {
        self.notice(format!(
            "{place}: a line of {bytes} bytes was never finished; the next row of a writer tells it"
        ));
    }

    fn odd(&mut self, place: Place, why: &'static str, hash: Hash) {
        self.torn.push((place, why, hash));
        if self.torn.len() > TORN_MAX {
            self.untold();
        }
    }

    /// Lines that were no rows, and that no row has told.
    fn untold(&mut self) {
        for (place, why, _) in std::mem::take(&mut self.torn) {
            self.fault(Fault::Odd(place, why));
        }
    }

    /// Whether it is the row that was due.
    fn link(&mut self, row: &Row, place: Place) {
        let due = self.last.seq.saturating_add(1);
        if row.seq > due {
            self.fault(Fault::Missing(due, row.seq - 1, place));
        } else if row.seq < due {
            self.fault(Fault::Misplaced(row.seq, due, place));
        } else if row.prev != self.last.hash {
            self.fault(Fault::Unlinked(row.seq, place));
        }
    }

    /// Whether it tells of a line that was never finished. Others end the time in which that can be told; but a
    /// checkpoint may be due before it.
    fn tears(&mut self, row: &Row, is_intact: bool) {
        if row.kind == Kind::LedgerTorn.word() && is_intact {
            let told = row.text("sha256").and_then(|text| Hash::parse(text.as_bytes()));
            let of = |(_, _, hash): &(Place, &str, Hash)| Some(*hash) == told;
            if let Some(index) = self.torn.iter().position(of) {
                let (torn, ..) = self.torn.remove(index);
                self.notice(format!("{torn}: a line was never finished, as row {} tells", row.seq));
            }
        } else if row.kind != Kind::LedgerCheckpoint.word() {
            self.untold();
        }
    }

    /// What a row is by its kind, where the ledger speaks of itself.
    fn sort(&mut self, row: &Row, place: Place) {
        let is = |kind: Kind| row.kind == kind.word();
        if is(Kind::LedgerBroken) {
            let why = row.text("why").unwrap_or("it does not say how").escape_debug().to_string();
            self.fault(Fault::Told(row.seq, why));
        }
        if is(Kind::LedgerRecovered) {
            self.notice(format!(
                "row {} tells that rows {} to {} were not signed when their writer ended",
                row.seq,
                row.detail.get("from").unwrap_or_default(),
                row.detail.get("to").unwrap_or_default()
            ));
        }
        let is_checkpoint = is(Kind::LedgerCheckpoint);
        if is_checkpoint != row.seq.is_multiple_of(CHECKPOINT_EVERY) {
            self.fault(Fault::NoCheckpoint(row.seq, place));
        }
        if is_checkpoint {
            self.checkpoint(row, place);
        }
        if self.verdict.rows == 0 {
            self.begin(row, place);
        }
    }

    fn begin(&mut self, row: &Row, place: Place) {
        let name = row.text("ledger").filter(|_| row.kind == Kind::LedgerBegun.word());
        self.ledger = name.map(str::to_owned);
        let heads = self.head.as_ref().ok().map(|head| head.ledger.as_str());
        if name.is_none() || row.seq != 1 || heads.is_some_and(|heads| Some(heads) != name) {
            self.fault(Fault::NoBeginning(place));
        }
    }

    fn checkpoint(&mut self, row: &Row, place: Place) {
        let name = self.ledger.as_deref().unwrap_or_default();
        let message = message(CHECKPOINT_SORT, name, row.seq.saturating_sub(1), row.prev);
        let signature = row.text("signature").unwrap_or_default();
        if self.key.has_signed(&message, signature) {
            self.verdict.checkpoints += 1;
        } else {
            self.fault(Fault::Forged(row.seq, place));
        }
    }

    /// Whether the row that was just read is one that the head or an auditor names.
    fn compare(&mut self) {
        let heads = self.head.as_ref().ok().map(Head::link);
        if let Some(link) = heads.filter(|link| link.seq == self.last.seq) {
            self.is_head_seen = true;
            if link != self.last {
                self.fault(Fault::OtherHead(link));
            }
        }
        if let Some(Noted(link)) = self.noted {
            self.was_noted_seen |= link == self.last;
        }
    }

    /// What it comes to.
    pub fn finish(mut self) -> Verdict {
        self.untold();
        match self.head.as_ref().map(Head::link) {
            Err(why) => {
                let why = *why;
                self.fault(Fault::Head(why));
            }
            Ok(link) if link.seq > self.last.seq => {
                self.fault(Fault::Cut(self.last.seq.saturating_add(1), link.seq));
            }
            Ok(link) if link.seq < self.last.seq => {
                self.fault(Fault::Unsigned(link.seq.saturating_add(1), self.last.seq));
            }
            Ok(link) if !self.is_head_seen => self.fault(Fault::OtherHead(link)),
            Ok(_) => {}
        }
        if let Some(Noted(link)) = self.noted.filter(|_| !self.was_noted_seen) {
            self.fault(Fault::Rewritten(link));
        }
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::rows;
    use crate::key::Key;

    fn verdict(key: &Key, lines: &[Vec<u8>], head: Link, noted: Option<Link>) -> Verdict {
        let head = Head::sign(key, "name", head, String::new());
        let mut verifier = Verifier::new(key.public(), Ok(head), noted.map(Noted));
        for (line, number) in lines.iter().zip(1..) {
            verifier.line(Place { segment: 1, line: number }, line);
        }
        verifier.finish()
    }

    /// The faults of lines that were spoilt.
    fn check(spoil: impl Fn(&mut Vec<Vec<u8>>), expected: &[&str]) {
        let (key, _) = Key::generate().unwrap();
        let (mut lines, link) = rows(&key, 300);
        spoil(&mut lines);
        let verdict = verdict(&key, &lines, link, None);
        let said: Vec<String> = verdict.faults.iter().map(ToString::to_string).collect();
        assert_eq!(said, expected);
    }

    fn with(line: &[u8], from: &str, to: &str) -> Vec<u8> {
        String::from_utf8(line.to_vec()).unwrap().replacen(from, to, 1).into_bytes()
    }

    #[test]
    fn a_sound_one_has_nothing() {
        check(|_| {}, &[]);
    }

    #[test]
    fn what_was_done_to_it_is_said_with_its_row() {
        check(
            |lines| lines[9] = with(&lines[9], "192.0.2.9", "192.0.2.8"),
            &["00000001.ndjson:10: row 10 was changed"],
        );
        check(
            |lines| drop(lines.remove(9)),
            &["00000001.ndjson:10: row 10 is missing before this line"],
        );
        check(
            |lines| drop(lines.drain(9..12)),
            &["00000001.ndjson:10: rows 10 to 12 are missing before this line"],
        );
        check(
            |lines| lines.swap(9, 10),
            &[
                "00000001.ndjson:10: row 10 is missing before this line",
                "00000001.ndjson:11: row 10 stands where row 12 should: inserted or moved",
                "00000001.ndjson:12: row 11 is missing before this line",
            ],
        );
        check(
            |lines| lines.insert(9, lines[8].clone()),
            &["00000001.ndjson:10: row 9 stands where row 10 should: inserted or moved"],
        );
        check(
            |lines| drop(lines.drain(290..)),
            &["rows 291 to 300 were cut off: the head names the last, and it is not there"],
        );
        check(
            |lines| drop(lines.remove(0)),
            &[
                "00000001.ndjson:1: row 1 is missing before this line",
                "00000001.ndjson:1: this is not the first row of the ledger that the head is of",
                "00000001.ndjson:255: the signature of checkpoint 256 is not the key's",
            ],
        );
        check(
            |lines| lines[5] = b"{\"seq\":".to_vec(),
            &[
                "00000001.ndjson:6: this line is no row: it is too short for a row",
                "00000001.ndjson:7: row 6 is missing before this line",
            ],
        );
    }

    #[test]
    fn a_history_that_was_rewritten_without_the_key_is_found() {
        let (key, _) = Key::generate().unwrap();
        let (other, _) = Key::generate().unwrap();
        let (_, link) = rows(&key, 300);
        // Whole and consistent, but not signed by the key.
        let (lines, _) = rows(&other, 300);
        let found = verdict(&key, &lines, link, None);
        assert!(found.faults.contains(&Fault::Forged(256, Place { segment: 1, line: 256 })));
        assert!(found.faults.contains(&Fault::OtherHead(link)));
    }

    #[test]
    fn even_the_keys_owner_cannot_rewrite_what_was_noted() {
        let (key, _) = Key::generate().unwrap();
        let (lines, link) = rows(&key, 300);
        let noted = Link { seq: 20, hash: crate::Row::parse(&lines[19]).unwrap().0.hash };
        assert!(verdict(&key, &lines, link, Some(noted)).is_sound());
        // The whole chain anew, by the key's owner, with a row changed in time.
        let mut chain = crate::chain::Chain::after(Link::START, "name", &key);
        let detail = serde_json::json!({ "ledger": "name", "key": "" });
        let time = burgrave_sys::UnixTime(0);
        chain.add(&crate::Event::new(time, Kind::LedgerBegun, "", detail));
        while chain.link.seq < 300 {
            let nothing = serde_json::json!({});
            chain.add(&crate::Event::new(time, Kind::BanAdded, "192.0.2.1", nothing));
        }
        let text = chain.text.strip_suffix(b"\n").unwrap();
        let anew: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        assert!(verdict(&key, &anew, chain.link, None).is_sound(), "nothing else shows it");
        let found = verdict(&key, &anew, chain.link, Some(noted));
        assert_eq!(found.faults, [Fault::Rewritten(noted)]);
    }

    #[test]
    fn rows_behind_the_head_are_not_taken_for_signed() {
        let (key, _) = Key::generate().unwrap();
        let (lines, _) = rows(&key, 30);
        let head = Link { seq: 28, hash: crate::Row::parse(&lines[27]).unwrap().0.hash };
        assert_eq!(verdict(&key, &lines, head, None).faults, [Fault::Unsigned(29, 30)]);
        assert_eq!(verdict(&key, &[], head, None).faults, [Fault::Cut(1, 28)]);
    }

    #[test]
    fn faults_are_counted_beyond_those_that_are_kept() {
        let (key, _) = Key::generate().unwrap();
        let lines = vec![b"x".to_vec(); 1_000];
        let found = verdict(&key, &lines, Link::START, None);
        assert_eq!((found.faults.len(), found.fault_count), (FAULTS_MAX, 1_001));
    }
}
