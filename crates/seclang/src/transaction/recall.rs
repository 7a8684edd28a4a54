//! What a thread remembers of the short strings that it has met: the fields of a client come again with each of its
//! requests, and of many clients with the same words. That is what their bytes say, what chains of transformations can
//! make of them, and which questions they have said no to.
//!
//! Invariants: what is remembered of a string follows from its bytes and the rule set alone, and is found by comparing
//! all of its bytes, so that it changes no verdict; it is bounded in number and in bytes, and a new string takes the
//! place of the one that was asked about longest ago, but of none of the same transaction: what that was told stays
//! where it is until it ends. A yes is never remembered: what matches is asked anew each time.
//! Strings of requests that have ended stay in memory for as long.

use crate::plan::ChainSet;
use crate::stage::{Holds, Marks, Questions};
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;

/// Longest string that is remembered, in bytes.
const TEXT_BYTES_MAX: usize = 128;
/// Sets of places for strings.
const SETS: usize = 128;
/// Places of a set: a string has its place in any. If more strings of one request meet in a set than it has places, the
/// last of them are not remembered. By reckoning (a Poisson distribution), of 128 strings that happens to some with 4
/// places in every third process, with 8 in one of 7,000.
const PLACES_OF_A_SET: usize = 8;

/// What stands at the places of a set, for finding one without touching the places themselves.
#[derive(Clone, Copy, Debug, Default)]
struct Set {
    /// A part of each string's hash.
    tags: [u32; PLACES_OF_A_SET],
    /// When each was last asked about; later is more, 0 is never.
    asked: [u64; PLACES_OF_A_SET],
}

#[derive(Clone, Debug, Default)]
struct Place {
    text: Vec<u8>,
    facts: Facts,
}

/// What follows from the bytes of a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) marks: Marks,
    /// What it holds, once it was looked for.
    pub(super) holds: Option<Holds>,
    pub(super) reach: Reach,
    /// The questions that it has said no to.
    pub(super) denied: Questions,
    /// How many were put to it in vain, without need.
    pub(super) foreseen: u8,
}

/// What chains of transformations can make of strings, as far as it was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// The chains that were tried.
    pub(super) tried: ChainSet,
    /// Those of them that make nothing that holds more than the string itself.
    pub(super) tame: ChainSet,
    /// What is held after any of the others.
    pub(super) beyond: Holds,
}

impl Reach {
    /// Of no string at all.
    pub(super) const NOTHING: Self =
        Self { tried: ChainSet::MAX, tame: ChainSet::MAX, beyond: Holds::NOTHING };

    /// These chains change nothing.
    pub(super) fn idle(&mut self, chains: ChainSet) {
        self.tried |= chains;
        self.tame |= chains;
    }

    /// A chain was tried: what came of it holds this, the string that.
    pub(super) fn learn(&mut self, chain: ChainSet, after: &Holds, before: &Holds) {
        self.tried |= chain;
        if after.is_within(before) {
            self.tame |= chain;
        } else {
            self.beyond.add(after);
        }
    }

    /// Of these strings and those.
    pub(super) fn add(&mut self, other: &Self) {
        self.tried &= other.tried;
        self.tame &= other.tame;
        self.beyond.add(&other.beyond);
    }
}

impl Facts {
    /// Of a string whose bytes alone were looked at, and the chains that change none of its kind.
    pub(super) fn new(marks: Marks, idle: ChainSet) -> Self {
        let mut reach = Reach::default();
        reach.idle(idle);
        Self { marks, holds: None, reach, denied: Questions::default(), foreseen: 0 }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recall {
    /// The rule set whose marks these are.
    rules: u64,
    sets: Vec<Set>,
    /// Those of the first set, then those of the second, and so on.
    places: Vec<Place>,
    /// Counts what was asked.
    turn: u64,
    /// What was asked about since this turn keeps its place.
    since: u64,
    hasher: RandomState,
}

impl Recall {
    /// Serves this rule set from now on, and forgets what another said.
    pub(super) fn serve(&mut self, rules: u64) {
        if self.rules != rules {
            self.rules = rules;
            self.sets.clear();
            self.places.clear();
        }
    }

    /// Another transaction begins: what the last was told need not stay where it is.
    pub(super) fn begin(&mut self) {
        self.since = self.turn + 1;
    }

    /// The place of what is remembered of a string; long ones have none, nor have those that come when all their
    /// places are taken by others of the same transaction. What is not remembered takes the place of what was asked
    /// about longest ago, with these facts.
    pub(super) fn meet(&mut self, text: &[u8], facts: impl FnOnce() -> Facts) -> Option<usize> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if self.places.is_empty() {
            self.sets.resize(SETS, Set::default());
            self.places.resize(SETS * PLACES_OF_A_SET, Place::default());
        }
        self.turn += 1;
        let hash = self.hasher.hash_one(text);
        let number = usize::try_from(hash).ok()? % SETS;
        let tag = u32::try_from(hash >> 32).ok()?;
        let set = self.sets.get_mut(number)?;
        let first = number * PLACES_OF_A_SET;
        let mut like = set.like(tag);
        while like != 0 {
            let at = usize::try_from(like.trailing_zeros()).ok()?;
            if self.places.get(first + at)?.text == text && *set.asked.get(at)? != 0 {
                *set.asked.get_mut(at)? = self.turn;
                return Some(first + at);
            }
            like &= like - 1;
        }
        let oldest = (0..).zip(&set.asked).min_by_key(|(_, asked)| **asked);
        let (at, _) = oldest.filter(|(_, asked)| **asked == 0 || **asked < self.since)?;
        let place = self.places.get_mut(first + at)?;
        *set.asked.get_mut(at)? = self.turn;
        *set.tags.get_mut(at)? = tag;
        place.text.clear();
        place.text.extend_from_slice(text);
        place.facts = facts();
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
}

impl Set {
    /// The places that have this tag, as bits.
    fn like(&self, tag: u32) -> u32 {
        (0..).zip(&self.tags).fold(0, |like, (at, own)| like | u32::from(*own == tag) << at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(classes: u64) -> Facts {
        Facts::new(Marks { classes, reacts: 7 }, 0)
    }

    /// What is remembered, and where.
    fn meet(recall: &mut Recall, text: &[u8], facts: Facts) -> (Facts, usize) {
        let place = recall.meet(text, || facts).unwrap();
        (*recall.facts(place).unwrap(), place)
    }

    #[test]
    fn a_string_is_known_by_all_of_its_bytes_and_to_its_rules_only() {
        let mut recall = Recall::default();
        recall.serve(1);
        let (facts, place) = meet(&mut recall, b"value", marks(5));
        assert_eq!(facts, marks(5));
        assert_eq!(meet(&mut recall, b"value", marks(6)), (facts, place), "as it was");
        assert_eq!(meet(&mut recall, b"valuf", marks(6)).0, marks(6), "another one");
        recall.facts_mut(place).unwrap().holds = Some(Holds::ALL);
        let learned = Facts { holds: Some(Holds::ALL), ..facts };
        assert_eq!(meet(&mut recall, b"value", marks(6)).0, learned);
        recall.serve(2);
        assert_eq!(
            meet(&mut recall, b"value", marks(6)).0,
            marks(6),
            "these rules have not seen it"
        );
    }

    #[test]
    fn what_was_asked_about_longest_ago_goes_first() {
        let mut recall = Recall::default();
        recall.serve(1);
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
        recall.begin();
        let mut told: Vec<(String, usize)> = Vec::new();
        for number in 0..10_000_u32 {
            let text = number.to_string();
            told.extend(recall.meet(text.as_bytes(), || marks(1)).map(|place| (text, place)));
        }
        assert_eq!(told.len(), SETS * PLACES_OF_A_SET, "no more than there are places");
        for (text, place) in &told {
            assert_eq!(recall.meet(text.as_bytes(), || marks(2)), Some(*place));
            assert_eq!(recall.places[*place].text, text.as_bytes());
        }
        assert_eq!(recall.meet(b"another", || marks(1)), None);
        recall.begin();
        assert!(recall.meet(b"another", || marks(1)).is_some());
    }

    #[test]
    fn what_chains_can_make_of_strings() {
        let [small, large] = [1, 3].map(|number| {
            let mut holds = Holds::literal(1);
            holds.add(&Holds::literal(number));
            holds
        });
        let mut reach = Reach::default();
        reach.learn(1, &small, &large);
        assert_eq!(reach, Reach { tried: 1, tame: 1, beyond: Holds::NOTHING }, "nothing more");
        reach.learn(2, &large, &small);
        assert_eq!(reach, Reach { tried: 3, tame: 1, beyond: large });
        reach.idle(4);
        assert_eq!(reach, Reach { tried: 7, tame: 5, beyond: large });
        let mut both = Reach::NOTHING;
        both.add(&reach);
        assert_eq!(both, reach);
        both.add(&Reach { tried: 1, tame: 1, ..Reach::default() });
        assert_eq!(both, Reach { tried: 1, tame: 1, beyond: large });
    }

    #[test]
    fn it_is_bounded() {
        let mut recall = Recall::default();
        assert!(recall.meet(&[b'x'; TEXT_BYTES_MAX + 1], || marks(1)).is_none());
        for number in 0..10_000_u32 {
            let text = format!("{number:0>TEXT_BYTES_MAX$}");
            recall.begin();
            assert!(recall.meet(text.as_bytes(), || marks(1)).is_some());
        }
        assert_eq!(recall.places.len(), SETS * PLACES_OF_A_SET);
        assert!(recall.places.iter().all(|place| place.text.capacity() <= 2 * TEXT_BYTES_MAX));
        recall.begin();
        let (first, again) = (meet(&mut recall, b"", marks(9)), meet(&mut recall, b"", marks(8)));
        assert_eq!((first, first.0), (again, marks(9)));
    }
}
