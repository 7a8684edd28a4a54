//! What a thread remembers of the short strings that it has met: the fields of a client come again with each of its
//! requests, and of many clients with the same words.
//!
//! Invariants: what is remembered of a string follows from its bytes and the rule set alone, and is found by comparing
//! all of its bytes, so that it changes no verdict; it is bounded in number and in bytes, and a new string takes the
//! place of an old one. Strings of requests that have ended stay in memory for as long.

use crate::stage::{Holds, Marks};
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;

/// Longest string that is remembered, in bytes.
const TEXT_BYTES_MAX: usize = 128;
/// Places for strings, a power of two.
const PLACES: usize = 512;

#[derive(Clone, Debug, Default)]
struct Place {
    text: Vec<u8>,
    /// Whether there is anything here.
    taken: bool,
    marks: Marks,
    holds: Option<Holds>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recall {
    /// The rule set whose marks these are.
    rules: u64,
    places: Vec<Place>,
    hasher: RandomState,
}

impl Recall {
    /// Serves this rule set from now on, and forgets what another said.
    pub(super) fn serve(&mut self, rules: u64) {
        if self.rules != rules {
            self.rules = rules;
            self.places.clear();
        }
    }

    /// Where a string has its place; long ones have none.
    pub(super) fn place(&mut self, text: &[u8]) -> Option<usize> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        if self.places.is_empty() {
            self.places.resize(PLACES, Place::default());
        }
        usize::try_from(self.hasher.hash_one(text) % u64::try_from(PLACES).ok()?).ok()
    }

    /// What is remembered of the string that has its place there.
    pub(super) fn find(&self, place: usize, text: &[u8]) -> Option<(Marks, Option<Holds>)> {
        let place = self.places.get(place).filter(|place| place.taken && place.text == text)?;
        Some((place.marks, place.holds))
    }

    /// Puts a string in its place.
    pub(super) fn put(&mut self, place: usize, text: &[u8], marks: Marks) {
        if let Some(place) = self.places.get_mut(place) {
            place.text.clear();
            place.text.extend_from_slice(text);
            (place.taken, place.marks, place.holds) = (true, marks, None);
        }
    }

    /// Remembers more of a string, if it has still its place.
    pub(super) fn learn(&mut self, place: usize, text: &[u8], marks: Marks, holds: Option<Holds>) {
        if let Some(place) = self.places.get_mut(place)
            && place.taken
            && place.text == text
        {
            place.marks = marks;
            place.holds = holds.or(place.holds);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_known_by_all_of_its_bytes_and_to_its_rules_only() {
        let mut recall = Recall::default();
        recall.serve(1);
        let place = recall.place(b"value").unwrap();
        assert_eq!(recall.find(place, b"value"), None);
        let marks = Marks { classes: 5, reacts: 7 };
        recall.put(place, b"value", marks);
        assert_eq!(recall.find(place, b"value"), Some((marks, None)));
        assert_eq!(recall.find(place, b"valuf"), None);
        let less = Marks { reacts: 3, ..marks };
        recall.learn(place, b"value", less, Some(Holds::ALL));
        recall.learn(place, b"other", Marks::ALL, None);
        assert_eq!(recall.find(place, b"value"), Some((less, Some(Holds::ALL))));
        recall.put(place, b"other", marks);
        assert_eq!(recall.find(place, b"value"), None, "its place was taken");
        assert_eq!(recall.find(place, b"other"), Some((marks, None)), "with nothing of another's");
        recall.serve(2);
        assert!(recall.place(b"other").is_some());
        assert_eq!(recall.find(place, b"other"), None, "these rules have not seen it");
    }

    #[test]
    fn it_is_bounded() {
        let mut recall = Recall::default();
        assert_eq!(recall.place(&[b'x'; TEXT_BYTES_MAX + 1]), None);
        for number in 0..10_000_u32 {
            let text = format!("{number:0>TEXT_BYTES_MAX$}");
            let place = recall.place(text.as_bytes()).unwrap();
            recall.put(place, text.as_bytes(), Marks::ALL);
        }
        assert!(recall.places.len() == PLACES);
        assert!(recall.places.iter().all(|place| place.text.capacity() <= 2 * TEXT_BYTES_MAX));
        let empty = recall.place(b"").unwrap();
        assert!(recall.find(empty, b"").is_none());
    }
}
