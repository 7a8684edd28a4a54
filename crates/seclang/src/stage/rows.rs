//! What follows from the ways by which texts come, worked out once for each set of ways that comes up: there are as many as
//! the rules make, and most texts come by the same few.
//!
//! It is of one thread and one rule set, and bounded: what texts may come up with beyond that is worked out again.

use super::WaySet;
use super::questions::ByClasses;
use foldhash::{HashMap, HashMapExt as _};
use std::hash::Hash;

/// Entries of a kind that are kept.
const KEPT_MAX: usize = 256;

/// What is known of the ways of a rule set, and room for what is not kept.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The rule set whose questions are asked.
    rules: u64,
    pub(super) asked: Kept<WaySet, Asked>,
    pub(super) row: Vec<u64>,
}

/// What is asked of texts that come by some ways, as bits of a row.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The questions.
    pub(super) questions: Vec<u64>,
    /// Those of them that need nothing.
    pub(super) without: Vec<u64>,
    /// Those of them that need bytes alone.
    pub(super) bytes: ByClasses,
}

impl Rows {
    /// Serves the rule set with this number from now on.
    pub(crate) fn serve(&mut self, rules: u64) {
        if self.rules != rules {
            *self = Self { rules, ..Self::default() };
        }
    }
}

/// Entries by what they follow from, a bounded number of them.
#[derive(Debug)]
pub(super) struct Kept<K, V>(HashMap<K, V>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    /// The entry of this, which is made if it is not there.
    pub(super) fn of(&mut self, key: K, make: impl FnOnce() -> V) -> &V {
        if self.0.len() >= KEPT_MAX && !self.0.contains_key(&key) {
            self.0.clear();
        }
        self.0.entry(key).or_insert_with(make)
    }
}
