//! What follows from the ways by which texts come, worked out once for each set of ways that comes up: there are as many as
//! the rules make, and most texts come by the same few.
//!
//! It is of one thread and one rule set, and bounded: what texts may come up with beyond that is worked out again.

use super::questions::ByClasses;
use super::{Holds, WaySet};
use foldhash::HashMap;

/// Sets of ways of which it is kept what they ask.
const ASKED_MAX: usize = 256;
/// Sets of classes of which it is kept what they open to each of those.
const CLASSES_MAX: usize = 16;

/// What is known of the ways of a rule set, and room for what is not kept.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The rule set whose questions are asked.
    rules: u64,
    asked: HashMap<WaySet, Asked>,
    row: Vec<u64>,
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
    /// For some sets of classes the questions that are open to texts without literals.
    pub(super) open: Vec<(u64, Vec<u64>)>,
}

impl Asked {
    /// The questions that are open to what this holds, its literals left aside, as bits of a row.
    pub(super) fn open_to_bytes(&mut self, holds: &Holds) -> &Vec<u64> {
        let classes = holds.own_classes();
        let known = self.open.iter().position(|(own, _)| *own == classes);
        let at = known.unwrap_or_else(|| {
            let mut row = self.without.clone();
            self.bytes.open_to(holds, &mut row);
            if self.open.len() >= CLASSES_MAX {
                self.open.clear();
            }
            self.open.push((classes, row));
            self.open.len() - 1
        });
        self.open.get(at).map_or(&self.without, |(_, row)| row)
    }
}

impl Rows {
    /// Serves the rule set with this number from now on.
    pub(crate) fn serve(&mut self, rules: u64) {
        if self.rules != rules {
            *self = Self { rules, ..Self::default() };
        }
    }

    /// What these ways ask, which is made if it is not there, and room for a row.
    pub(super) fn asked(
        &mut self,
        ways: WaySet,
        make: impl FnOnce() -> Asked,
    ) -> (&mut Asked, &mut Vec<u64>) {
        if self.asked.len() >= ASKED_MAX && !self.asked.contains_key(&ways) {
            self.asked.clear();
        }
        (self.asked.entry(ways).or_insert_with(make), &mut self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ways_ask_is_made_once_and_a_bounded_number_is_kept() {
        let mut rows = Rows::default();
        rows.serve(1);
        let made = |ways: WaySet| {
            move || Asked { questions: vec![u64::try_from(ways).unwrap()], ..Asked::default() }
        };
        for ways in (0..).take(3 * ASKED_MAX) {
            assert_eq!(rows.asked(ways, made(ways)).0.questions, made(ways)().questions);
            assert_eq!(
                rows.asked(ways, Asked::default).0.questions,
                made(ways)().questions,
                "it is there"
            );
            assert!(rows.asked.len() <= ASKED_MAX);
        }
        rows.serve(2);
        assert!(rows.asked(0, Asked::default).0.questions.is_empty(), "of other rules");
    }
}
