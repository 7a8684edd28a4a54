//! What is already known of each distinct string of a transaction: what its bytes say about it, which
//! literals it holds, and what each chain of transformations makes of it. So each is found out once,
//! however many rules ask; of short ones what follows from their bytes is known to later transactions too
//! ([`Recall`]).

use super::recall::{Facts, Recall};
use crate::plan::{ChainId, ChainNode, ChainStep, Chains};
use crate::stage::{Holds, Marks, Stage};
use crate::strings::{StrId, Strings};
use crate::transform;

/// Questions that are put in vain to a string to which they need not be put.
const FORESEEN_MAX: u8 = 16;

/// What is known of one string.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// What follows from its bytes.
    facts: FactsAt,
    /// Where its cells begin, once a transformation may change it.
    cells: Option<usize>,
    /// Another string that differs in case alone, and so holds the same literals.
    alike: Option<StrId>,
}

/// Where the facts of a string stand.
#[derive(Clone, Copy, Debug)]
enum FactsAt {
    /// With those that are remembered.
    Recalled(usize),
    /// With those of this transaction alone.
    Own(usize),
}

/// What is known of the strings of a transaction.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// String → place in `known`, counted from 1; 0 is none.
    places: Vec<usize>,
    /// Strings that have a place.
    placed: Vec<StrId>,
    known: Vec<Known>,
    /// Facts of strings that are not remembered.
    own: Vec<Facts>,
    /// Cells: what each transformation makes of a string, a row for each string that has cells.
    cells: Vec<Option<StrId>>,
    /// Bytes that were looked at since this was last asked.
    read_bytes: usize,
    /// Room for the result of a transformation.
    room: Vec<u8>,
    recall: Recall,
}

/// What the memo asks of the rule set.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) chains: &'a Chains,
    pub(super) stage: &'a Stage,
}

impl Memo {
    /// Serves the transactions of this rule set from now on.
    pub(super) fn serve(&mut self, rules: u64) {
        self.recall.serve(rules);
    }

    /// Forgets everything of the transaction, and keeps the room.
    pub(super) fn clear(&mut self) {
        for id in self.placed.drain(..) {
            if let Some(place) = self.places.get_mut(id.index()) {
                *place = 0;
            }
        }
        self.known.clear();
        self.own.clear();
        self.cells.clear();
        self.read_bytes = 0;
        self.recall.begin();
    }

    /// Bytes of room that it holds, used or not.
    pub(super) fn capacity(&self) -> usize {
        self.places.capacity() * size_of::<usize>()
            + self.known.capacity() * size_of::<Known>()
            + self.own.capacity() * size_of::<Facts>()
            + self.cells.capacity() * size_of::<Option<StrId>>()
            + self.room.capacity()
    }

    /// Bytes that were looked at since this was last asked.
    pub(super) fn take_read_bytes(&mut self) -> usize {
        std::mem::take(&mut self.read_bytes)
    }

    /// The value after a chain of transformations.
    pub(super) fn transform(
        &mut self,
        tables: Tables<'_>,
        chain: ChainId,
        value: StrId,
        strings: &mut Strings,
    ) -> StrId {
        let Some(node) = tables.chains.node(chain) else { return value };
        let mut value = value;
        let mut row = self.row(tables, value, strings);
        if self.marks(row).reacts & node.bits == 0 {
            return value;
        }
        for step in &node.steps {
            if self.marks(row).reacts & step.bit == 0 {
                continue;
            }
            let cell = self.cells_of(row) + step.place;
            let after = match self.cells.get(cell) {
                Some(Some(known)) => *known,
                Some(None) | None => self.apply(tables, step, value, cell, strings),
            };
            if after != value {
                value = after;
                row = self.row(tables, value, strings);
            }
        }
        value
    }

    fn apply(
        &mut self,
        tables: Tables<'_>,
        step: &ChainStep,
        value: StrId,
        cell: usize,
        strings: &mut Strings,
    ) -> StrId {
        let input = strings.get(value);
        self.read_bytes += input.len();
        let mut after = value;
        if (step.transformation.changes)(input) {
            self.room.clear();
            step.apply(input, &mut self.room);
            after = strings.intern(&self.room);
        }
        if step.transformation.keeps_all_but_case && after != value {
            let row = self.row(tables, after, strings);
            if let Some(known) = self.known.get_mut(row) {
                known.alike.get_or_insert(value);
            }
        }
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell = Some(after);
        }
        if after == value {
            self.settle(tables, step.bit, value, strings);
        }
        after
    }

    /// A transformation that might have changed a string does not.
    fn settle(&mut self, tables: Tables<'_>, bit: u64, value: StrId, strings: &Strings) {
        let row = self.row(tables, value, strings);
        if let Some(facts) = self.facts_mut(row) {
            facts.marks.reacts &= !bit;
            facts.reach.idle(tables.chains.idle(facts.marks.reacts));
        }
    }

    /// What is known of a string, with what it holds; `None` where nothing can be said.
    pub(super) fn facts(
        &mut self,
        tables: Tables<'_>,
        value: StrId,
        strings: &Strings,
    ) -> Option<(&Facts, &Holds)> {
        let row = self.looked(tables, value, strings);
        let facts = self.facts_of(row)?;
        Some((facts, facts.holds.as_ref()?))
    }

    /// Whether a string has said no to a question.
    pub(super) fn has_denied(
        &mut self,
        tables: Tables<'_>,
        question: usize,
        value: StrId,
        strings: &Strings,
    ) -> bool {
        let row = self.row(tables, value, strings);
        self.facts_of(row).is_some_and(|facts| facts.denied.have(question))
    }

    /// Whether it is worth to find out what a string says to a question that is not asked of it: it is remembered, has
    /// not said no yet, and was not asked too many in vain.
    pub(super) fn may_foresee(
        &mut self,
        tables: Tables<'_>,
        question: usize,
        value: StrId,
        strings: &Strings,
    ) -> bool {
        let row = self.row(tables, value, strings);
        let known = self.known.get(row);
        let remembered = known.is_some_and(|known| matches!(known.facts, FactsAt::Recalled(_)));
        let Some(facts) = self.facts_of(row).filter(|_| remembered) else { return false };
        !facts.denied.have(question) && facts.foreseen < FORESEEN_MAX
    }

    /// It was, in vain.
    pub(super) fn foreseen(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) {
        let row = self.row(tables, value, strings);
        if let Some(facts) = self.facts_mut(row) {
            facts.foreseen = facts.foreseen.saturating_add(1);
        }
    }

    /// A string has said no to a question.
    pub(super) fn deny(
        &mut self,
        tables: Tables<'_>,
        question: usize,
        value: StrId,
        strings: &Strings,
    ) {
        let row = self.row(tables, value, strings);
        if let Some(facts) = self.facts_mut(row) {
            facts.denied.add(question);
        }
    }

    /// What the value after a chain holds. It is known of the value from now on.
    pub(super) fn holds_after(
        &mut self,
        tables: Tables<'_>,
        (chain, node): (ChainId, &ChainNode),
        value: StrId,
        strings: &mut Strings,
    ) -> Holds {
        let after = self.transform(tables, chain, value, strings);
        let after = *self.holds(tables, after, strings);
        let before = *self.holds(tables, value, strings);
        let row = self.row(tables, value, strings);
        if let Some(facts) = self.facts_mut(row) {
            facts.reach.learn(node.own, &after, &before);
        }
        after
    }

    /// What a string holds; it is looked for when it is first asked about.
    pub(super) fn holds(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> &Holds {
        self.facts(tables, value, strings).map_or(&Holds::ALL, |(_, holds)| holds)
    }

    /// The row of a string of which is known what it holds.
    fn looked(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> usize {
        let row = self.row(tables, value, strings);
        if self.facts_of(row).is_none_or(|facts| facts.holds.is_none()) {
            self.look(tables, row, value, strings);
        }
        row
    }

    #[cold]
    fn look(&mut self, tables: Tables<'_>, row: usize, value: StrId, strings: &Strings) {
        let marks = self.marks(row);
        let alike = self.known.get(row).and_then(|known| known.alike);
        let alike = alike.map(|alike| self.row(tables, alike, strings));
        let alike = alike.and_then(|row| self.facts_of(row)?.holds);
        let holds = if let Some(holds) = alike {
            holds.with_classes(marks.classes)
        } else {
            let text = strings.get(value);
            self.read_bytes += text.len();
            tables.stage.holds(text, marks)
        };
        if let Some(facts) = self.facts_mut(row) {
            facts.holds = Some(holds);
        }
    }

    fn marks(&self, row: usize) -> Marks {
        self.facts_of(row).map_or(Marks::ALL, |facts| facts.marks)
    }

    fn facts_of(&self, row: usize) -> Option<&Facts> {
        match self.known.get(row)?.facts {
            FactsAt::Recalled(place) => self.recall.facts(place),
            FactsAt::Own(place) => self.own.get(place),
        }
    }

    fn facts_mut(&mut self, row: usize) -> Option<&mut Facts> {
        match self.known.get(row)?.facts {
            FactsAt::Recalled(place) => self.recall.facts_mut(place),
            FactsAt::Own(place) => self.own.get_mut(place),
        }
    }

    fn cells_of(&mut self, row: usize) -> usize {
        let Some(known) = self.known.get_mut(row) else { return self.cells.len() };
        let end = self.cells.len();
        let at = *known.cells.get_or_insert(end);
        if at == end {
            self.cells.resize(end + transform::ALL.len(), None);
        }
        at
    }

    /// The row of a string, which is made when it is first asked about.
    fn row(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> usize {
        match self.places.get(value.index()) {
            None | Some(0) => self.make_row(tables, value, strings),
            Some(place) => place - 1,
        }
    }

    #[cold]
    fn make_row(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> usize {
        let index = value.index();
        if self.places.len() <= index {
            self.places.resize(index.max(strings.len()) + 1, 0);
        }
        let Some(row) = self.places.get_mut(index) else { return usize::MAX };
        let text = strings.get(value);
        self.read_bytes += text.len();
        let new = || {
            let marks = tables.stage.marks.of(text);
            Facts::new(marks, tables.chains.idle(marks.reacts))
        };
        let facts = self.recall.meet(text, new).map(FactsAt::Recalled).unwrap_or_else(|| {
            self.own.push(new());
            FactsAt::Own(self.own.len() - 1)
        });
        self.known.push(Known { facts, cells: None, alike: None });
        *row = self.known.len();
        self.placed.push(value);
        *row - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::find;
    use std::sync::Arc;

    #[test]
    fn chains_are_applied_in_order_and_once() {
        let mut chains = Chains::default();
        let lower = chains.extend(ChainId::NONE, find("lowercase").unwrap());
        let length = chains.extend(lower, find("length").unwrap());
        let trim = chains.extend(ChainId::NONE, find("trim").unwrap());
        let stage = Stage::plain(&[]);
        let tables = Tables { chains: &chains, stage: &stage };
        let mut strings = Strings::over(&Arc::new(Strings::constants()));
        let mut memo = Memo::default();
        for round in 0..2 {
            for (input, chain, output) in [
                (" Ab ", ChainId::NONE, " Ab "),
                (" Ab ", lower, " ab "),
                (" Ab ", trim, "Ab"),
                (" Ab ", length, "4"),
                ("", length, "0"),
                ("ab", lower, "ab"),
            ] {
                for _ in 0..2 {
                    let value = strings.intern(input.as_bytes());
                    let found = memo.transform(tables, chain, value, &mut strings);
                    assert_eq!(strings.get(found), output.as_bytes(), "{input:?} in {round}");
                }
            }
            let known = strings.len();
            let value = strings.intern(b" Ab ");
            memo.transform(tables, length, value, &mut strings);
            assert_eq!(strings.len(), known, "nothing is made twice");
            memo.clear();
            strings.clear();
        }
    }
}
