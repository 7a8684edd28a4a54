//! A first look at a long text on behalf of a few questions, before it is followed along all of their ways.
//!
//! Bodies are asked by few rules, but their ways are those of many. Where nothing but the case of letters can
//! change on them, the text holds what its forms do: then those literals alone are looked for that these questions need.
//!
//! It may only say "perhaps" too often: whatever it does not rule out is looked at as all others are.

use super::holds::{Gate, Holds, PlainGate};
use super::{Marks, Stage};
use crate::plan::{ChainNode, ChainStep};

/// Questions for which it is worth it: of more, one is nearly always left open, and the text is looked at twice.
const QUESTIONS_MAX: usize = 16;

/// What a question needs, and how texts come to it.
#[derive(Clone, Copy, Debug)]
struct Asked {
    gate: Gate,
    plain: Option<PlainGate>,
    /// The bits of the transformations on its way that change the case of letters and nothing else.
    of_case: u64,
}

/// A few questions.
#[derive(Debug, Default)]
pub(crate) struct Rough {
    asked: Vec<Asked>,
    /// The bits of all other transformations on their ways.
    others: u64,
    /// Everything but the literals that they need: those count as found.
    start: Holds,
}

impl Rough {
    /// One more question. `chain` is what its texts go through, if anything.
    pub(super) fn add(&mut self, gate: Gate, plain: Option<PlainGate>, chain: Option<&ChainNode>) {
        let steps = chain.map_or(&[][..], |chain| &chain.steps);
        let is_of_case = |step: &&ChainStep| step.transformation.keeps_all_but_case;
        let bits = |bits, step: &ChainStep| bits | step.bit;
        let of_case = steps.iter().filter(is_of_case).fold(0, bits);
        self.others |= steps.iter().filter(|step| !is_of_case(step)).fold(0, bits);
        self.asked.push(Asked { gate, plain, of_case });
    }

    /// All of them; `None` where it is not worth it.
    pub(super) fn finish(mut self) -> Option<Self> {
        if self.asked.len() > QUESTIONS_MAX {
            return None;
        }
        let plain = self.asked.iter().filter_map(|asked| asked.plain);
        let gates = plain.map(|plain| plain.literals);
        let gates = gates.chain(self.asked.iter().map(|asked| asked.gate));
        self.start = Holds::all_but(gates.filter_map(Gate::literal));
        Some(self)
    }

    /// Whether a text with these marks says no to all of them.
    pub(crate) fn denies(&self, stage: &Stage, text: &[u8], marks: Marks) -> bool {
        let Some(finder) = stage.finder.as_ref().filter(|_| marks.reacts & self.others == 0) else {
            return false;
        };
        let mut found = self.start;
        finder.find(text, &mut found);
        // Letters of another case may be of other classes.
        let [as_it_is, any] = [marks.classes, u64::MAX].map(|classes| found.with_classes(classes));
        self.asked.iter().all(|Asked { gate, plain, of_case }| {
            let holds = if marks.reacts & of_case == 0 { &as_it_is } else { &any };
            let is_plain = |plain: PlainGate| {
                !holds.have_classes(plain.outside) && !plain.literals.is_open(holds)
            };
            !gate.is_open(holds) || plain.is_some_and(is_plain)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::interface::Options;
    use crate::transaction::tests::matching_with_body;
    use proptest::prelude::*;

    const RULES: &str = "SecRule REQUEST_BODY \"@rx select\" \"id:1,phase:2,pass,t:none\"\n\
        SecRule REQUEST_BODY \"@rx union.*SELECT\" \"id:2,phase:2,pass,t:none\"\n\
        SecRule REQUEST_BODY \"@contains drop table\" \"id:3,phase:2,pass,t:none,t:lowercase\"\n\
        SecRule REQUEST_BODY \"@contains DROP\" \"id:4,phase:2,pass,t:none,t:uppercase\"\n\
        SecRule REQUEST_BODY \"@pm <script ../\" \"id:5,phase:2,pass,t:none,t:urlDecodeUni\"\n\
        SecRule REQUEST_BODY \"@rx [|~][A-Z]{3}\" \"id:6,phase:2,pass,t:none,t:uppercase\"\n\
        SecRule REQUEST_BODY \"@rx [|~][A-Z]{3}\" \"id:7,phase:2,pass,t:none\"\n\
        SecRule REQUEST_BODY \"@rx [Q-Z][0-9]\" \"id:9,phase:2,pass,t:none,t:uppercase\"\n\
        SecRule REQUEST_BODY \"@detectSQLi\" \"id:8,phase:2,pass,t:none,t:lowercase\"\n";

    const PIECES: &[&str] = &[
        "select",
        "SELECT",
        "Union ",
        "union ",
        "drop ",
        "DROP ",
        "table",
        "TABLE",
        "%3cscript",
        "<script",
        "../",
        "|abc",
        "~ABC",
        "' or 1=1 --",
        "x",
        " ",
        "0",
        "z9",
    ];

    proptest! {
        /// As long as few things may stand in the text, and long enough that this is asked at all.
        #[test]
        fn a_first_look_rules_out_nothing_that_matches(
            pieces in proptest::collection::vec(prop::sample::select(PIECES), 0..5),
            filler in prop::sample::select(&["lorem ", "LOREM ", "12 ", "%20"][..]),
            rules in 1..10_usize,
        ) {
            let rules: String = RULES.lines().take(rules).map(|line| format!("{line}\n")).collect();
            let body = format!("{}{}{}", filler.repeat(30), pieces.concat(), filler.repeat(20));
            let [fast, plain] = [false, true].map(|plain| {
                matching_with_body(&rules, Options { plain, ..Options::default() }, &body)
            });
            prop_assert_eq!(fast, plain, "{} {}", rules, body);
        }
    }
}
