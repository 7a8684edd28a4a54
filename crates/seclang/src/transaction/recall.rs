//! What a thread remembers of the strings that it has met: the fields of a client come again with each of its
//! requests, and of many clients with the same words, and so do tokens and the bodies of programs that ask the same every
//! few seconds. That is what their bytes say, and to which questions they may say yes.
//!
//! Invariants: what is remembered of a string follows from its bytes and the rule set alone, and is found by comparing
//! all of its bytes, so that it changes no verdict; it is bounded in number and in bytes, and a new string takes the
//! place of the one that was asked about longest ago, but of none of the same transaction: what that was told stays
//! where it is until it ends. A yes is never remembered: what matches is asked anew each time, but
//! for the one that comes to nothing ([`crate::stage::Sequel`]).
//! Strings of requests that have ended stay in memory for as long.

use crate::stage::{Holds, IdleSet, LookSet, Marks, Question, WaySet};
use smallvec::SmallVec;

/// Longest string that is remembered, in bytes; few tokens and queries are longer.
const TEXT_BYTES_MAX: usize = 2048;
/// Bytes of a string that stand within its place.
const TEXT_BYTES_WITHIN: usize = 24;
/// Sets of places for strings.
const SETS: usize = 128;
/// Places of a set: a string has its place in any. If more strings of one request meet in a set than it has places, the
/// last of them are not remembered. By reckoning (a Poisson distribution), of 128 strings that happens to some with 4
/// places in every third process, with 8 in one of 7,000.
const PLACES_OF_A_SET: usize = 8;
/// Places of all sets.
const PLACES: usize = SETS * PLACES_OF_A_SET;
/// When so much was asked, everything is forgotten before the next transaction, so that later stays more.
const TURNS_MAX: u32 = 1 << 31;

/// What stands at the places of a set, for finding one without touching the places themselves: one line of a
/// processor's cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set {
    /// A byte of each string's hash.
    tags: u64,
    /// When each was last asked about; later is more, 0 is never.
    asked: [u32; PLACES_OF_A_SET],
}

/// A string with what is known of it. All that is asked for of a short one that says no to everything, as most do, is in
/// its first line of a processor's cache.
#[derive(Clone, Debug, Default)]
#[repr(C, align(64))]
struct Place {
    /// The ways by which it was found out to which questions it may say yes.
    settled: WaySet,
    /// The looks to all of whose questions it says no.
    denied: LookSet,
    text: SmallVec<[u8; TEXT_BYTES_WITHIN]>,
    facts: Facts,
}

/// What follows from the bytes of a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) marks: Marks,
    /// What it holds, once it was looked for.
    pub(super) holds: Option<Holds>,
    /// How many questions were put to it in vain, without need.
    pub(super) foreseen: u8,
    /// Whether it was found out that nothing is written in it that could be decoded.
    pub(super) has_no_forms: bool,
    /// The lines to which its yes comes to nothing.
    pub(super) idle: IdleSet,
}

impl Facts {
    /// Of a string whose bytes alone were looked at.
    pub(super) fn new(marks: Marks) -> Self {
        Self { marks, holds: None, foreseen: 0, has_no_forms: false, idle: 0 }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recall {
    /// The rule set whose marks these are.
    rules: u64,
    sets: Vec<Set>,
    /// Those of the first set, then those of the second, and so on; behind them those of strings of this transaction that
    /// are not remembered.
    places: Vec<Place>,
    /// Words of a row.
    words: usize,
    /// For each place a row: the questions to which its string may say yes, as far as that is settled.
    open: Vec<u64>,
    /// Counts what was asked.
    turn: u32,
    /// What was asked about since this turn keeps its place.
    since: u32,
}

impl Recall {
    /// Serves this rule set from now on, whose rows have so many words, and forgets what another said.
    pub(super) fn serve(&mut self, rules: u64, words: usize) {
        if self.rules != rules {
            self.rules = rules;
            self.words = words;
            self.sets.clear();
            self.places.clear();
            self.open.clear();
        }
        if self.places.is_empty() {
            self.sets.resize(SETS, Set::default());
            self.places.resize(PLACES, Place::default());
            self.open.resize(PLACES * self.words, 0);
        }
    }

    /// Bytes of room beside what is always held.
    pub(super) fn capacity_beside(&self) -> usize {
        self.places.capacity().saturating_sub(PLACES) * (size_of::<Place>() + self.words * 8)
    }

    /// Another transaction begins: what the last was told need not stay where it is.
    pub(super) fn begin(&mut self) {
        if self.turn > TURNS_MAX {
            self.sets.fill(Set::default());
            self.turn = 0;
        }
        self.since = self.turn + 1;
        self.places.truncate(PLACES);
        self.open.truncate(PLACES * self.words);
    }

    /// A place for a string that is not remembered, until the transaction ends.
    pub(super) fn place(&mut self, facts: Facts) -> usize {
        self.places.push(Place { facts, ..Place::default() });
        self.open.resize(self.places.len() * self.words, 0);
        self.places.len() - 1
    }

    /// Whether what stands at a place is remembered when the transaction has ended.
    pub(super) fn is_remembered(place: usize) -> bool {
        place < PLACES
    }

    /// The place of what is remembered of a string, by its hash; long ones have none, nor have those that come when all
    /// their places are taken by others of the same transaction. What is not remembered takes the place of what was
    /// asked about longest ago, with these facts.
    pub(super) fn meet(
        &mut self,
        text: &[u8],
        hash: u64,
        facts: impl FnOnce() -> Facts,
    ) -> Option<usize> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        self.turn = self.turn.saturating_add(1);
        let number = usize::try_from(hash).ok()? % SETS;
        let set = self.sets.get_mut(number)?;
        let first = number * PLACES_OF_A_SET;
        for at in set.like(hash) {
            let asked = set.asked.get_mut(at)?;
            if self.places.get(first + at)?.text.as_slice() == text && *asked != 0 {
                *asked = self.turn;
                return Some(first + at);
            }
        }
        let oldest = (0..).zip(&set.asked).min_by_key(|(_, asked)| **asked);
        let (at, _) = oldest.filter(|(_, asked)| **asked == 0 || **asked < self.since)?;
        *set.asked.get_mut(at)? = self.turn;
        set.note(at, hash);
        let place = self.places.get_mut(first + at)?;
        place.text.clear();
        place.text.extend_from_slice(text);
        place.facts = facts();
        (place.settled, place.denied) = (0, 0);
        self.open_mut(first + at)?.fill(0);
        Some(first + at)
    }

    /// What is remembered at a place.
    pub(super) fn facts(&self, place: usize) -> Option<&Facts> {
        self.places.get(place).map(|place| &place.facts)
    }

    /// The same, to be added to.
    pub(super) fn facts_mut(&mut self, place: usize) -> Option<&mut Facts> {
        self.places.get_mut(place).map(|place| &mut place.facts)
    }

    /// The ways by which it was found out to which questions the string of a place may say yes; of all others its row
    /// says nothing.
    pub(super) fn settled(&self, place: usize) -> WaySet {
        self.places.get(place).map_or(0, |place| place.settled)
    }

    /// Whether the string of a place says no to all questions of a look, as far as that was noted.
    pub(super) fn denies(&self, place: usize, look: LookSet) -> bool {
        self.places.get(place).is_some_and(|place| place.denied & look != 0)
    }

    /// It does, once and for all: that follows from its bytes.
    pub(super) fn deny(&mut self, place: usize, look: LookSet) -> Option<()> {
        self.places.get_mut(place)?.denied |= look;
        Some(())
    }

    /// The questions to which the string of a place may say yes, as far as that is settled, as bits of a row.
    pub(super) fn open(&self, place: usize) -> Option<&[u64]> {
        self.open.get(place * self.words..)?.get(..self.words)
    }

    fn open_mut(&mut self, place: usize) -> Option<&mut [u64]> {
        self.open.get_mut(place * self.words..)?.get_mut(..self.words)
    }

    /// The string of a place may say yes to these questions, as bits of a row.
    pub(super) fn add(&mut self, place: usize, questions: &[u64]) -> Option<()> {
        self.open_mut(place)?.iter_mut().zip(questions).for_each(|(open, more)| *open |= more);
        Some(())
    }

    /// It was found out by these ways to which questions it may say yes.
    pub(super) fn settle(&mut self, place: usize, ways: WaySet) -> Option<()> {
        self.places.get_mut(place)?.settled |= ways;
        Some(())
    }

    /// The string of a place has said no to a question.
    pub(super) fn close(&mut self, place: usize, question: Question) -> Option<()> {
        *self.open_mut(place)?.get_mut(question.word)? &= !question.bit;
        Some(())
    }
}

/// The byte of a hash that a set has of it.
fn tag(hash: u64) -> u64 {
    hash >> 56
}

impl Set {
    /// The places that may have a string with this hash: all that have one, and some more.
    fn like(self, hash: u64) -> impl Iterator<Item = usize> {
        const LOW: u64 = u64::MAX / 255;
        const HIGH: u64 = LOW << 7;
        let differ = self.tags ^ (LOW * tag(hash));
        // The high bit of each byte that is zero; and of some above one that is.
        let mut like = differ.wrapping_sub(LOW) & !differ & HIGH;
        std::iter::from_fn(move || {
            let bit = (like != 0).then(|| like.trailing_zeros())?;
            like &= like - 1;
            usize::try_from(bit / 8).ok()
        })
    }

    /// A string with this hash has a place from now on.
    fn note(&mut self, at: usize, hash: u64) {
        let shift = 8 * (at % PLACES_OF_A_SET);
        self.tags = self.tags & !(0xff << shift) | tag(hash) << shift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash that tells texts apart as well as any other.
    fn hash(text: &[u8]) -> u64 {
        let step =
            |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = text.iter().fold(1, step);
        hash ^ hash >> 29
    }

    fn marks(classes: u64) -> Facts {
        Facts::new(Marks { classes, reacts: 7 })
    }

    /// What is remembered, and where.
    fn meet(recall: &mut Recall, text: &[u8], facts: Facts) -> (Facts, usize) {
        let place = recall.meet(text, hash(text), || facts).unwrap();
        (*recall.facts(place).unwrap(), place)
    }

    #[test]
    fn a_string_is_known_by_all_of_its_bytes_and_to_its_rules_only() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        let (facts, place) = meet(&mut recall, b"value", marks(5));
        assert_eq!(facts, marks(5));
        assert_eq!(meet(&mut recall, b"value", marks(6)), (facts, place), "as it was");
        assert_eq!(meet(&mut recall, b"valuf", marks(6)).0, marks(6), "another one");
        recall.facts_mut(place).unwrap().holds = Some(Holds::ALL);
        let learned = Facts { holds: Some(Holds::ALL), ..facts };
        assert_eq!(meet(&mut recall, b"value", marks(6)).0, learned);
        recall.serve(2, 2);
        assert_eq!(
            meet(&mut recall, b"value", marks(6)).0,
            marks(6),
            "these rules have not seen it"
        );
    }

    #[test]
    fn what_was_asked_about_longest_ago_goes_first() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        let first = meet(&mut recall, b"first", marks(0)).1;
        let set = first / PLACES_OF_A_SET;
        let others: Vec<String> = (0..100_000)
            .map(|number: u32| number.to_string())
            .filter(|text| {
                recall.begin();
                meet(&mut recall, text.as_bytes(), marks(1)).1 / PLACES_OF_A_SET == set
            })
            .take(PLACES_OF_A_SET)
            .collect();
        recall.begin();
        assert_eq!(meet(&mut recall, b"first", marks(2)).0, marks(2), "as many others came since");
        assert_eq!(
            meet(&mut recall, others[1].as_bytes(), marks(3)).0,
            marks(1),
            "the younger one"
        );
        assert_eq!(meet(&mut recall, others[0].as_bytes(), marks(3)).0, marks(3));
        assert_eq!(meet(&mut recall, b"first", marks(4)).0, marks(2), "it came back before that");
    }

    #[test]
    fn what_a_transaction_was_told_stays_where_it_is_until_it_ends() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        recall.begin();
        let mut told: Vec<(String, usize)> = Vec::new();
        for number in 0..10_000_u32 {
            let text = number.to_string();
            told.extend(
                recall
                    .meet(text.as_bytes(), hash(text.as_bytes()), || marks(1))
                    .map(|place| (text, place)),
            );
        }
        assert_eq!(told.len(), PLACES, "no more than there are places");
        for (text, place) in &told {
            assert_eq!(
                recall.meet(text.as_bytes(), hash(text.as_bytes()), || marks(2)),
                Some(*place)
            );
            assert_eq!(recall.places[*place].text.as_slice(), text.as_bytes());
        }
        assert_eq!(recall.meet(b"another", hash(b"another"), || marks(1)), None);
        recall.begin();
        assert!(recall.meet(b"another", hash(b"another"), || marks(1)).is_some());
    }

    #[test]
    fn each_place_has_its_own_row_which_is_empty_for_another_string() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        let [one, other] =
            ["one", "other"].map(|text| meet(&mut recall, text.as_bytes(), marks(0)).1);
        let question = Question { word: 1, bit: 2, way: 1, is_looked_at: true };
        assert!(recall.settled(one) == 0 && !recall.denies(one, 4));
        recall.add(one, &[1, 6]).unwrap();
        recall.settle(one, 1 << 70).unwrap();
        recall.settle(one, 2).unwrap();
        assert_eq!(recall.settled(one), 1 << 70 | 2);
        recall.close(one, question).unwrap();
        assert_eq!(recall.open(one), Some(&[1, 4][..]));
        recall.close(one, Question { word: 0, bit: 1, ..question }).unwrap();
        recall.close(one, Question { bit: 4, ..question }).unwrap();
        assert_eq!(recall.open(one), Some(&[0, 0][..]));
        assert_eq!(recall.settled(one), 1 << 70 | 2);
        recall.deny(one, 4).unwrap();
        assert!(recall.denies(one, 4) && !recall.denies(one, 3) && !recall.denies(other, 4));
        recall.add(one, &[1, 2]).unwrap();
        assert_eq!(recall.open(other), Some(&[0, 0][..]));
        for number in 0..100_000_u32 {
            recall.begin();
            meet(&mut recall, number.to_string().as_bytes(), marks(1));
        }
        assert_eq!(recall.open(one), Some(&[0, 0][..]), "its string is gone");
        assert!(recall.settled(one) == 0 && !recall.denies(one, 4));
        assert!(!recall.denies(usize::MAX, 4) && recall.open(PLACES).is_none());
        assert_eq!(std::mem::offset_of!(Place, facts), 64, "what is asked for is in one line");
    }

    #[test]
    fn so_many_turns_later_it_begins_anew() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        meet(&mut recall, b"value", marks(1));
        recall.turn = TURNS_MAX;
        recall.begin();
        assert_eq!(meet(&mut recall, b"value", marks(2)).0, marks(1), "still known");
        recall.begin();
        assert_eq!(meet(&mut recall, b"value", marks(3)).0, marks(3));
        assert!(recall.turn < 10);
    }

    #[test]
    fn it_is_bounded() {
        let mut recall = Recall::default();
        recall.serve(1, 2);
        assert!(recall.meet(&[b'x'; TEXT_BYTES_MAX + 1], 7, || marks(1)).is_none());
        for number in 0..10_000_u32 {
            let text = format!("{number:0>TEXT_BYTES_MAX$}");
            recall.begin();
            assert!(recall.meet(text.as_bytes(), hash(text.as_bytes()), || marks(1)).is_some());
        }
        assert_eq!(recall.places.len(), PLACES);
        assert!(recall.places.iter().all(|place| place.text.capacity() <= 2 * TEXT_BYTES_MAX));
        recall.begin();
        let own: Vec<usize> = (0..10).map(|_| recall.place(marks(1))).collect();
        assert!(
            own.iter().all(|place| !Recall::is_remembered(*place)) && recall.capacity_beside() > 0
        );
        recall.open_mut(own[9]).unwrap().fill(7);
        recall.begin();
        assert_eq!((recall.places.len(), recall.place(marks(2))), (PLACES, PLACES));
        assert_eq!(recall.open(PLACES), Some(&[0, 0][..]), "empty again");
        recall.begin();
        let (first, again) = (meet(&mut recall, b"", marks(9)), meet(&mut recall, b"", marks(8)));
        assert_eq!((first, first.0), (again, marks(9)));
    }
}
