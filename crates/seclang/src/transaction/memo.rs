//! What is already known of each distinct string of a transaction: what its bytes say about it, which
//! literals it holds, what each chain of transformations makes of it, and to which questions it may say yes. So
//! each is found out once, however many rules ask; of those that are not too long what follows from their bytes is known to later
//! transactions too ([`Recall`]).

use super::forms::Forms;
use super::recall::{Facts, Recall};
use crate::plan::{ChainId, ChainStep, Chains};
use crate::stage::{Holds, Look, Map, Marks, Paths, Question, Rows, Sequel, Stage, WaySet};
use crate::strings::{StrId, Strings};
use crate::transform;
use std::num::NonZeroU32;

/// Longest string of which it is found out together what all transformations make of it, and of which nothing of that is
/// kept, in bytes.
const SHORT_BYTES_MAX: usize = 128;
/// Questions that are put in vain to a string to which they need not be put.
const FORESEEN_MAX: u8 = 16;

/// What is known of one string.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// Where stands what follows from its bytes, counted from 1; `None` where it was not asked about yet.
    place: Option<NonZeroU32>,
    /// Where its cells begin, once a transformation may change it.
    cells: Option<NonZeroU32>,
    /// Another string that differs in case alone, and so holds the same literals.
    alike: Option<StrId>,
}

/// A place from its number.
fn at(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What is known of the strings of a transaction.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// By a string's place among all.
    known: Vec<Known>,
    /// Strings of which something is known.
    rows: Vec<usize>,
    /// Whether strings are remembered, and what they have said no to. Where people want to see each question put, they
    /// are not.
    remembers: bool,
    gates: Rows,
    paths: Paths,
    /// Room for what becomes of a short string.
    forms: Forms,
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
    pub(super) fn serve(&mut self, stage: &Stage, remembers: bool) {
        self.remembers = remembers;
        self.recall.serve(stage.number, stage.questions.words());
        self.gates.serve(stage.number);
        self.paths.serve(stage.number);
    }

    /// Forgets everything of the transaction, and keeps the room.
    pub(super) fn clear(&mut self) {
        for row in self.rows.drain(..) {
            if let Some(known) = self.known.get_mut(row) {
                *known = Known::default();
            }
        }
        self.cells.clear();
        self.read_bytes = 0;
        self.recall.begin();
    }

    /// Bytes of room that it holds, used or not.
    pub(super) fn capacity(&self) -> usize {
        self.known.capacity() * size_of::<Known>()
            + self.rows.capacity() * size_of::<usize>()
            + self.recall.capacity_beside()
            + self.cells.capacity() * size_of::<Option<StrId>>()
            + self.room.capacity()
            + self.forms.capacity()
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
            let cell = self.cells_of(row).map_or(usize::MAX, |first| first + step.place);
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
            // It might have changed it.
            let row = self.row(tables, value, strings);
            if let Some(facts) = self.facts_mut(row) {
                facts.marks.reacts &= !step.bit;
            }
        }
        after
    }

    /// Whether it is known of a string that it says no to all questions of a look.
    #[inline]
    pub(super) fn denies(
        &mut self,
        tables: Tables<'_>,
        value: StrId,
        look: &Look,
        strings: &Strings,
    ) -> bool {
        let place = self.place_of(tables, value, strings);
        place.is_some_and(|place| self.recall.denies(place, look.bit))
    }

    /// The questions of a look to which a string may say yes, as bits of a row, among others; `None` where nothing can be
    /// said.
    pub(super) fn open_to(
        &mut self,
        tables: Tables<'_>,
        value: StrId,
        look: &Look,
        strings: &mut Strings,
    ) -> Option<&[u64]> {
        let place = self.place_of(tables, value, strings)?;
        self.open_of(tables, (place, value), look.ways, strings)
    }

    /// Whether a first look at a long string says that it says no to all questions of a look.
    pub(super) fn is_denied_at_once(
        &mut self,
        tables: Tables<'_>,
        value: StrId,
        look: &Look,
        strings: &Strings,
    ) -> bool {
        let (text, rough) = (strings.get(value), look.rough.as_ref());
        let Some(rough) = rough.filter(|_| text.len() > SHORT_BYTES_MAX) else { return false };
        let row = self.row(tables, value, strings);
        self.read_bytes += text.len();
        rough.denies(tables.stage, text, self.marks(row))
    }

    /// A string says no to all questions of a look.
    pub(super) fn deny_all(&mut self, value: StrId, look: &Look) {
        // What is not noted is found out again.
        let _noted = self.place(value.index()).and_then(|place| self.recall.deny(place, look.bit));
    }

    /// The questions to which a string may say yes, as bits of a row, of those to which it comes by these ways; `None`
    /// where nothing can be said.
    #[inline]
    fn open_of(
        &mut self,
        tables: Tables<'_>,
        (place, value): (usize, StrId),
        ways: WaySet,
        strings: &mut Strings,
    ) -> Option<&[u64]> {
        let missing = ways & !self.recall.settled(place);
        if missing != 0 {
            self.settle(tables, (place, value), missing, strings)?;
        }
        self.recall.open(place)
    }

    /// Where what is known of a string stands, which is found when it is first asked about.
    #[inline]
    fn place_of(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> Option<usize> {
        match self.place(value.index()) {
            Some(place) => Some(place),
            None => self.make_row(tables, value, strings),
        }
    }

    /// Finds out to which questions a string may say yes that it comes to by these ways.
    #[cold]
    fn settle(
        &mut self,
        tables: Tables<'_>,
        (place, value): (usize, StrId),
        ways: WaySet,
        strings: &mut Strings,
    ) -> Option<()> {
        let Tables { chains, stage } = tables;
        let questions = &stage.questions;
        let row = self.row(tables, value, strings);
        let (holds, marks) = (*self.holds(tables, value, strings), self.marks(row));
        let text = strings.get(value);
        if text.len() <= SHORT_BYTES_MAX {
            let Self { gates, forms, paths, recall, .. } = self;
            let open = ways & questions.open_to_length(text.len());
            forms.begin(text, marks, holds);
            forms.follow(stage, Map { ways: questions.all_ways(), chains }, open, paths);
            forms.tell(stage, |holds, ways| {
                // A place is there as long as its transaction.
                let _added = recall.add(place, questions.open_to(holds, ways, gates));
            });
            self.read_bytes += forms.read_bytes();
            if let Some((facts, marks)) = recall.facts_mut(place).zip(forms.marks()) {
                facts.marks = marks;
            }
        } else {
            let changing = questions.changing(marks) & ways;
            self.recall.add(place, questions.open_to(&holds, ways & !changing, &mut self.gates))?;
            self.settle_kept(tables, (place, value), changing, strings)?;
        }
        self.recall.settle(place, ways)
    }

    /// The same for a long string, which is transformed once for these and whoever asks it afterwards.
    fn settle_kept(
        &mut self,
        tables: Tables<'_>,
        (place, value): (usize, StrId),
        ways: WaySet,
        strings: &mut Strings,
    ) -> Option<()> {
        let questions = &tables.stage.questions;
        let mut all: Vec<(StrId, WaySet)> = Vec::new();
        for (bit, way) in questions.ways(ways) {
            let last = [way.chain];
            let steps = if way.every_step { tables.chains.prefixes(way.chain) } else { &last };
            for chain in steps {
                let after = self.transform(tables, *chain, value, strings);
                match all.iter_mut().find(|(other, _)| *other == after) {
                    Some((_, ways)) => *ways |= bit,
                    None => all.push((after, bit)),
                }
            }
        }
        for (after, ways) in all {
            let holds = *self.holds(tables, after, strings);
            self.recall.add(place, questions.open_to(&holds, ways, &mut self.gates))?;
        }
        Some(())
    }

    /// Whether a string says no to a question, as far as that can be said without putting it.
    pub(super) fn says_no(
        &mut self,
        tables: Tables<'_>,
        question: Question,
        value: StrId,
        strings: &mut Strings,
    ) -> bool {
        let Some(place) = self.place_of(tables, value, strings) else { return false };
        let row = self.open_of(tables, (place, value), question.way, strings);
        row.and_then(|row| row.get(question.word)).is_some_and(|word| word & question.bit == 0)
    }

    /// Whether it is known that a string has no decoded form.
    pub(super) fn has_no_forms(
        &mut self,
        tables: Tables<'_>,
        value: StrId,
        strings: &Strings,
    ) -> bool {
        let place = self.place_of(tables, value, strings);
        place.and_then(|place| self.recall.facts(place)).is_some_and(|facts| facts.has_no_forms)
    }

    /// It has none.
    pub(super) fn note_no_forms(&mut self, value: StrId) {
        if let Some(facts) = self.facts_mut(value.index()) {
            facts.has_no_forms = true;
        }
    }

    /// Whether it is worth to find out what a string says to a question that is not asked of it: it is short and remembered,
    /// may say yes, and was not asked too many in vain.
    pub(super) fn may_foresee(
        &mut self,
        tables: Tables<'_>,
        question: Question,
        value: StrId,
        strings: &mut Strings,
    ) -> bool {
        let row = self.row(tables, value, strings);
        strings.get(value).len() <= SHORT_BYTES_MAX
            && self.place(row).is_some_and(Recall::is_remembered)
            && self.facts_of(row).is_some_and(|facts| facts.foreseen < FORESEEN_MAX)
            && !self.says_no(tables, question, value, strings)
    }

    /// It was, in vain.
    pub(super) fn foreseen(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) {
        let row = self.row(tables, value, strings);
        if let Some(facts) = self.facts_mut(row) {
            facts.foreseen = facts.foreseen.saturating_add(1);
        }
    }

    /// Whether it is known of a string that its yes to this line comes to nothing.
    pub(super) fn is_idle(
        &mut self,
        tables: Tables<'_>,
        sequel: Sequel,
        value: StrId,
        strings: &Strings,
    ) -> bool {
        let place = self.place_of(tables, value, strings);
        place
            .and_then(|place| self.recall.facts(place))
            .is_some_and(|facts| facts.idle & sequel.bit != 0)
    }

    /// It does.
    pub(super) fn note_idle(&mut self, value: StrId, sequel: Sequel) {
        if let Some(facts) = self.facts_mut(value.index()) {
            facts.idle |= sequel.bit;
        }
    }

    /// A string has said no to a question.
    pub(super) fn deny(
        &mut self,
        tables: Tables<'_>,
        question: Question,
        value: StrId,
        strings: &Strings,
    ) {
        if !self.remembers {
            return;
        }
        let row = self.row(tables, value, strings);
        // What is not known is asked again.
        let _closed = self.place(row).and_then(|place| self.recall.close(place, question));
    }

    /// What a string holds; it is looked for when it is first asked about.
    pub(super) fn holds(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> &Holds {
        let row = self.row(tables, value, strings);
        if self.facts_of(row).is_none_or(|facts| facts.holds.is_none()) {
            self.look(tables, row, value, strings);
        }
        self.facts_of(row).and_then(|facts| facts.holds.as_ref()).unwrap_or(&Holds::ALL)
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

    /// Where what is known of the string of a row stands.
    fn place(&self, row: usize) -> Option<usize> {
        self.known.get(row)?.place.map(|place| at(place.get()) - 1)
    }

    fn facts_of(&self, row: usize) -> Option<&Facts> {
        self.recall.facts(self.place(row)?)
    }

    fn facts_mut(&mut self, row: usize) -> Option<&mut Facts> {
        self.recall.facts_mut(self.place(row)?)
    }

    /// Where the cells of a string begin; `None` where there is no room for more.
    fn cells_of(&mut self, row: usize) -> Option<usize> {
        let known = self.known.get_mut(row)?;
        if known.cells.is_none() {
            // The first is nobody's, so that no place is 0.
            let end = self.cells.len().max(1);
            known.cells = NonZeroU32::new(u32::try_from(end).ok()?);
            self.cells.resize(end + transform::ALL.len(), None);
        }
        known.cells.map(|cells| at(cells.get()))
    }

    /// The row of a string, which is made when it is first asked about.
    fn row(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> usize {
        let row = value.index();
        if self.known.get(row).is_none_or(|known| known.place.is_none()) {
            self.make_row(tables, value, strings);
        }
        row
    }

    /// Gives a string its row, and says where what is known of it stands.
    #[inline(never)]
    fn make_row(&mut self, tables: Tables<'_>, value: StrId, strings: &Strings) -> Option<usize> {
        let row = value.index();
        if self.known.len() <= row {
            self.known.resize(row.max(strings.len()) + 1, Known::default());
        }
        let (text, hash) = strings.get_hashed(value);
        self.read_bytes += text.len();
        let new = || Facts::new(tables.stage.marks.of(text));
        let recalled = if self.remembers { self.recall.meet(text, hash, new) } else { None };
        let place = recalled.unwrap_or_else(|| self.recall.place(new()));
        let known = self.known.get_mut(row)?;
        known.place = Some(NonZeroU32::new(u32::try_from(place + 1).ok()?)?);
        self.rows.push(row);
        Some(place)
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
