//! What transformations make of a short string, found out without keeping any of it: most values say no to everything
//! however they are transformed, and what a value became on the way to that is of no use to anybody.
//!
//! Which forms there are is what the transformations make one after the other, as a test shows. What is remembered of
//! them is bounded; beyond that they are made again.

use crate::plan::ChainStep;
use crate::stage::{Crowd, Holds, Map, Marks, Paths, Stage, WaySet};
use crate::transform;
use std::ops::Range;

/// Forms that a new one is compared with.
const COMPARED_MAX: usize = 32;
/// It was not found out yet what a transformation makes of a form.
const UNKNOWN: u8 = u8::MAX;

/// What a string became.
#[derive(Debug)]
struct Form {
    at: Range<usize>,
    marks: Marks,
    holds: Option<Holds>,
    /// An earlier form that differs in case alone, and so holds the same literals.
    alike: Option<usize>,
    /// The ways that lead to it.
    ways: WaySet,
    /// For each transformation, by its place, what it makes of it.
    after: [u8; transform::ALL.len()],
}

impl Form {
    fn new(at: Range<usize>, marks: Marks) -> Self {
        let after = [UNKNOWN; transform::ALL.len()];
        Self { at, marks, holds: None, alike: None, ways: 0, after }
    }
}

/// A string and what became of it.
#[derive(Debug, Default)]
pub(super) struct Forms {
    /// All forms behind each other, the string itself first.
    text: Vec<u8>,
    all: Vec<Form>,
    room: Vec<u8>,
    /// Forms with the ways that go on from them.
    open: Vec<(usize, Crowd)>,
    /// Bytes that were looked at.
    read_bytes: usize,
}

impl Forms {
    /// Of this string.
    pub(super) fn begin(&mut self, text: &[u8], marks: Marks, holds: Holds) {
        self.text.clear();
        self.text.extend_from_slice(text);
        self.all.clear();
        let form = Form::new(0..text.len(), marks);
        self.all.push(Form { holds: Some(holds), ..form });
        self.read_bytes = 0;
    }

    /// Bytes of room that it holds, used or not.
    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
            + self.all.capacity() * size_of::<Form>()
            + self.room.capacity()
            + self.open.capacity() * size_of::<(usize, Crowd)>()
    }

    /// Bytes that were looked at.
    pub(super) fn read_bytes(&self) -> usize {
        self.read_bytes
    }

    /// What is known of the bytes of the string itself by now.
    pub(super) fn marks(&self) -> Option<Marks> {
        self.all.first().map(|form| form.marks)
    }

    /// Finds out what these ways make of the string.
    pub(super) fn follow(&mut self, stage: &Stage, map: Map<'_>, ways: WaySet, paths: &mut Paths) {
        let mut open = std::mem::take(&mut self.open);
        open.push((0, paths.start(map, ways)));
        while let Some((at, crowd)) = open.pop() {
            let Some(form) = self.all.get_mut(at) else { continue };
            let Some(stop) = paths.fork(map, crowd, form.marks.reacts) else { continue };
            form.ways |= stop.here;
            for (step, crowd) in &stop.next {
                open.push((self.step(stage, at, step), *crowd));
            }
        }
        self.open = open;
    }

    /// What a step makes of a form.
    #[inline]
    fn step(&mut self, stage: &Stage, form: usize, step: &ChainStep) -> usize {
        let after = self.all.get(form).and_then(|form| form.after.get(step.place));
        match after {
            Some(known) if *known != UNKNOWN => usize::from(*known),
            Some(_) | None => self.make_step(stage, form, step),
        }
    }

    #[inline(never)]
    fn make_step(&mut self, stage: &Stage, form: usize, step: &ChainStep) -> usize {
        let to = self.apply(stage, form, step);
        let after = self.all.get_mut(form).and_then(|form| form.after.get_mut(step.place));
        // What comes after so many is found out again.
        if let Some((after, known)) = after.zip(u8::try_from(to).ok()) {
            *after = known;
        }
        to
    }

    fn apply(&mut self, stage: &Stage, from: usize, step: &ChainStep) -> usize {
        let Self { text, all, room, read_bytes, .. } = self;
        let Some(form) = all.get_mut(from) else { return from };
        let input = text.get(form.at.clone()).unwrap_or_default();
        *read_bytes += input.len();
        let mut is_changed = (step.transformation.changes)(input);
        if is_changed {
            room.clear();
            step.apply(input, room);
            is_changed = room != input;
        }
        if !is_changed {
            // It might have changed it.
            form.marks.reacts &= !step.bit;
            return from;
        }
        let is_same = |form: &Form| text.get(form.at.clone()) == Some(room);
        if let Some(same) = all.iter().take(COMPARED_MAX).position(is_same) {
            return same;
        }
        let at = text.len()..text.len() + room.len();
        text.extend_from_slice(room);
        *read_bytes += room.len();
        let marks = stage.marks.of(room);
        let alike = step.transformation.keeps_all_but_case.then_some(from);
        all.push(Form { alike, ..Form::new(at, marks) });
        all.len() - 1
    }

    /// Says what each form holds that ways lead to, and which.
    pub(super) fn tell(&mut self, stage: &Stage, mut tell: impl FnMut(&Holds, WaySet)) {
        for number in 0..self.all.len() {
            let Some(form) = self.all.get(number).filter(|form| form.ways != 0) else { continue };
            let alike = form.alike.and_then(|alike| self.all.get(alike)?.holds);
            let holds = form.holds.unwrap_or_else(|| {
                let text = self.text.get(form.at.clone()).unwrap_or_default();
                alike.map_or_else(
                    || stage.holds(text, form.marks),
                    |alike| alike.with_classes(form.marks.classes),
                )
            });
            tell(&holds, form.ways);
            if let Some(form) = self.all.get_mut(number) {
                form.holds = Some(holds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{ChainId, ChainNode, Chains};
    use crate::stage::Way;
    use proptest::prelude::*;

    /// What the steps make of a text one after the other, each looked at or the last alone.
    fn plainly(chain: &ChainNode, text: &[u8], every_step: bool) -> Vec<Vec<u8>> {
        let mut all = vec![text.to_vec()];
        for step in &chain.steps {
            let mut out = Vec::new();
            step.apply(&all[all.len() - 1], &mut out);
            all.push(out);
        }
        let first = if every_step { 0 } else { all.len() - 1 };
        let mut seen = all.split_off(first);
        seen.sort();
        seen.dedup();
        seen
    }

    fn chain(chains: &mut Chains, names: &[usize]) -> ChainId {
        let step = |before, name: &usize| {
            chains.extend(before, &transform::ALL[name % transform::ALL.len()])
        };
        names.iter().fold(ChainId::NONE, step)
    }

    fn way(chain: ChainId, every_step: bool) -> Way {
        Way { chain, every_step, questions: Vec::new(), bytes_min: 0 }
    }

    proptest! {
        /// With more ways, steps and forms than are remembered.
        #[test]
        fn forms_are_what_the_steps_make(
            ways in proptest::collection::vec((proptest::collection::vec(0..64_usize, 1..6), any::<bool>()), 1..40),
            text in "[ -~\\x00]{0,12}",
        ) {
            let stage = Stage::plain(&[]);
            let mut chains = Chains::default();
            let ids: Vec<ChainId> = ways.iter().map(|(names, _)| chain(&mut chains, names)).collect();
            let list: Vec<Way> = (ids.iter().zip(&ways))
                .map(|(id, (_, every_step))| way(*id, *every_step))
                .collect();
            let map = Map { ways: &list, chains: &chains };
            let (mut forms, mut paths) = (Forms::default(), Paths::default());
            for text in [&text, "", &text] {
                forms.begin(text.as_bytes(), stage.marks.of(text.as_bytes()), Holds::ALL);
                forms.follow(&stage, map, (1 << ways.len()) - 1, &mut paths);
                for (number, (id, (_, every_step))) in ids.iter().zip(&ways).enumerate() {
                    let led = forms.all.iter().filter(|form| form.ways >> number & 1 == 1);
                    let mut found: Vec<Vec<u8>> =
                        led.map(|form| forms.text[form.at.clone()].to_vec()).collect();
                    found.sort();
                    found.dedup();
                    let node = chains.node(*id).unwrap();
                    prop_assert_eq!(found, plainly(node, text.as_bytes(), *every_step));
                }
                let mut told = 0;
                forms.tell(&stage, |_, ways| told |= ways);
                prop_assert_eq!(told.count_ones(), u32::try_from(ways.len()).unwrap());
            }
        }
    }

    #[test]
    fn what_differs_in_case_alone_holds_the_same() {
        let stage = Stage::plain(&[]);
        let mut chains = Chains::default();
        let lower = chain(
            &mut chains,
            &[transform::ALL.iter().position(|one| one.name() == "lowercase").unwrap()],
        );
        let mut forms = Forms::default();
        let holds = Holds::literal(7);
        let ways = [way(ChainId::NONE, false), way(lower, false)];
        let (map, mut paths) = (Map { ways: &ways, chains: &chains }, Paths::default());
        forms.begin(b"Word", stage.marks.of(b"Word"), holds);
        forms.follow(&stage, map, 3, &mut paths);
        let mut told = Vec::new();
        forms.tell(&stage, |holds, ways| told.push((*holds, ways)));
        assert_eq!(told, [(holds, 1), (holds, 2)]);
        forms.begin(b"word", stage.marks.of(b"word"), holds);
        forms.follow(&stage, map, 3, &mut paths);
        told.clear();
        forms.tell(&stage, |holds, ways| told.push((*holds, ways)));
        assert_eq!(told, [(holds, 3)], "it is as it was");
        assert!(
            forms.capacity() > 0 && forms.read_bytes() == 0,
            "nothing is applied where nothing reacts"
        );
    }
}
