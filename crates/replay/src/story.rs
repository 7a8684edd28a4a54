//! From the events of a trace to what became of each rule.
//!
//! Nothing is decided anew: what is told is what the engine said while it decided.

use burgrave_model::Mode;
use burgrave_seclang::{Disruption, Event, LeftOut, Named, Trace};
use std::collections::HashMap;

/// What became of a rule that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The rule.
    pub id: u32,
    /// Whether all of it matched.
    pub matched: bool,
    /// Its message, macros filled in.
    pub message: Vec<u8>,
    /// The lines of its chain that were asked.
    pub links: Vec<LinkStory>,
    /// What it added to a score, by the variable's name.
    pub score: Vec<(Vec<u8>, i64)>,
    /// What else it set.
    pub sets: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// What it changed for the rest of the transaction.
    pub controls: Vec<String>,
    /// How it ended the request.
    pub ended: Option<Disruption>,
}

/// One line of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkStory {
    /// The operator's name; empty for a `SecAction`.
    pub operator: String,
    /// `!@`
    pub negated: bool,
    /// What the operator was given.
    pub parameter: Vec<u8>,
    /// What it looks at, as written.
    pub targets: Vec<u8>,
    /// Whether it matched.
    pub matched: bool,
    /// The values that it was asked about, as far as they were kept.
    pub values: Vec<ValueStory>,
}

/// One value that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueStory {
    /// `ARGS:note`
    pub name: Vec<u8>,
    /// As it came, cut to 8,192 bytes.
    pub received: Vec<u8>,
    /// After each transformation that changed it.
    pub steps: Vec<(&'static str, Vec<u8>)>,
    /// What the operator was asked about.
    pub asked: Vec<u8>,
    /// Whether the operator said yes.
    pub matched: bool,
    /// The operator said yes, and the rule's confirmations (`SecRuleConfirmById`) no.
    pub unconfirmed: bool,
    /// The operator said yes, and the value is of the type that the application's profile declares: the type,
    /// and where it is declared.
    pub of_its_type: Option<String>,
    /// Where in `asked` something was found, and how many bytes.
    pub place: Option<(usize, usize)>,
    /// A text of the operator's own: the fingerprint of an injection.
    pub fingerprint: Option<Vec<u8>>,
    /// What was kept as `TX:0`.
    pub captured: Option<Vec<u8>>,
}

/// A trace, read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The rules that were asked, as far as they were kept, in order.
    pub(crate) stories: Vec<Story>,
    /// The rules that were not asked, why, and by which rule.
    pub(crate) left: Vec<(u32, LeftOut, Option<u32>)>,
    /// Members of `TX` at the end.
    pub(crate) tx: HashMap<Vec<u8>, Vec<u8>>,
    /// The phases that began, and the mode then.
    pub(crate) phases: Vec<(u8, Mode)>,
    pub(crate) arguments: usize,
    /// What could not be read, or was not looked at.
    pub(crate) notes: Vec<String>,
    pub(crate) asked: usize,
    pub(crate) values: usize,
    pub(crate) missing: usize,
    /// The last rule that matched as a whole.
    last: Option<u32>,
}

/// Reads a trace to its end.
pub(crate) fn read(trace: Trace) -> Reading {
    let mut reading = Reading {
        asked: trace.asked,
        values: trace.values,
        missing: trace.missing,
        ..Reading::default()
    };
    for event in trace.events {
        reading.event(event);
    }
    reading
}

impl Reading {
    fn event(&mut self, event: Event) {
        match event {
            Event::Phase(phase, mode) => self.phases.push((phase, mode)),
            Event::Argument(..) => self.arguments += 1,
            Event::Odd(variable) => self.notes.push(format!("the body is odd: `{variable}`")),
            Event::BodyError(why) => self.notes.push(format!("the body cannot be read: {why}")),
            Event::NotInspected(whose, why) => {
                self.notes.push(format!("the {whose} body is not looked at: {why}"));
            }
            Event::Asks { id, link, operator, negated, parameter, targets } => {
                if link == 0 {
                    self.stories.push(Story { id, ..Story::default() });
                }
                let link =
                    LinkStory { operator, negated, parameter, targets, ..LinkStory::default() };
                self.with_story(|story| story.links.push(link));
            }
            Event::Leaves(id, why) => self.left.push((id, why, self.last)),
            Event::Value(Named { name, value }) => self.with_link(|link| {
                let (received, asked) = (value.clone(), value);
                link.values.push(ValueStory { name, received, asked, ..ValueStory::default() });
            }),
            Event::Step(_, name, text) => self.with_value(|value| {
                let last = value.steps.last().map_or(&value.received, |(_, last)| last);
                if *last != text {
                    value.steps.push((name, text));
                }
            }),
            Event::Answer { value: named, matched, places, text } => self.with_value(|value| {
                // With `multiMatch` there are several: the first yes is told.
                if !value.matched {
                    value.asked = named.value;
                    value.matched = matched;
                    value.fingerprint = text;
                    value.place = places.first().copied();
                }
            }),
            Event::Unconfirmed => self.with_value(|value| value.unconfirmed = true),
            Event::OfItsType(kind) => self.with_value(|value| value.of_its_type = Some(kind)),
            Event::Captured(0, text) => self.with_value(|value| value.captured = Some(text)),
            Event::Boundary(..) | Event::Captured(..) | Event::Opened(..) | Event::Expires(..) => {}
            Event::OverLimit(whose, refused) => {
                let and = if refused { " and is refused" } else { "" };
                self.notes.push(format!("the {whose} body is longer than its limit{and}"));
            }
            Event::WouldEnd(id, _) => {
                self.notes.push(format!("rule {id} would end the request in the mode `block`"));
            }
            Event::Allowed(_, scope) => {
                self.with_story(|story| story.controls.push(format!("allow:{scope}")));
            }
            Event::Set(name, value) => self.set(name, value),
            Event::Control(control) => self.with_story(|story| story.controls.push(control)),
            Event::Returned(_, matched) => self.with_link(|link| link.matched = matched),
            Event::Matched { id, message, .. } => {
                self.last = Some(id);
                self.with_story(|story| {
                    story.matched = true;
                    story.message = message;
                });
            }
            Event::Ended(_, how) => self.with_story(|story| story.ended = Some(how)),
        }
    }

    fn with_story(&mut self, change: impl FnOnce(&mut Story)) {
        if let Some(story) = self.stories.last_mut() {
            change(story);
        }
    }

    fn with_link(&mut self, change: impl FnOnce(&mut LinkStory)) {
        self.with_story(|story| {
            if let Some(link) = story.links.last_mut() {
                change(link);
            }
        });
    }

    fn with_value(&mut self, change: impl FnOnce(&mut ValueStory)) {
        self.with_link(|link| {
            if let Some(value) = link.values.last_mut() {
                change(value);
            }
        });
    }

    fn set(&mut self, name: Vec<u8>, value: Option<Vec<u8>>) {
        let before = self.tx.get(&name).map_or(0, |text| number(text).unwrap_or(0));
        let added = value.as_deref().and_then(number).map(|now| now.saturating_sub(before));
        match &value {
            Some(value) => drop(self.tx.insert(name.clone(), value.clone())),
            None => drop(self.tx.remove(&name)),
        }
        let score = added.filter(|_| is_score(&name));
        self.with_story(|story| match score {
            Some(added) => match story.score.iter_mut().find(|(own, _)| *own == name) {
                Some((_, sum)) => *sum = sum.saturating_add(added),
                None => story.score.push((name, added)),
            },
            None => story.sets.push((name, value)),
        });
    }

    /// A number that a rule has set.
    pub(crate) fn tx_number(&self, name: &str) -> Option<i64> {
        self.tx.get(format!("TX:{name}").as_bytes()).and_then(|text| number(text))
    }
}

/// A score of one paranoia level, as the Core Rule Set names it: `inbound_anomaly_score_pl1`, in version 3
/// `anomaly_score_pl1`.
fn is_score(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"1").or_else(|| name.strip_suffix(b"2")).unwrap_or(name);
    let name = name.strip_suffix(b"3").or_else(|| name.strip_suffix(b"4")).unwrap_or(name);
    name.starts_with(b"TX:") && name.ends_with(b"anomaly_score_pl")
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

impl Story {
    /// The values of which the operator said yes, with their lines.
    pub fn hits(&self) -> impl Iterator<Item = (&LinkStory, &ValueStory)> {
        let all = self.links.iter().flat_map(|link| link.values.iter().map(move |own| (link, own)));
        all.filter(|(_, value)| value.matched)
    }

    /// Whether it looks only at what other rules have left.
    pub fn adds_up(&self) -> bool {
        self.hits().next().is_some() && self.hits().all(|(_, own)| own.name.starts_with(b"TX"))
    }

    /// Whether a value was found, and something said that it does not count.
    pub fn was_let_through(&self) -> bool {
        self.hits().any(|(_, value)| value.is_let_through())
    }

    /// What it added to scores in all.
    pub fn added(&self) -> i64 {
        self.score.iter().map(|(_, added)| added).sum()
    }
}

impl ValueStory {
    /// Whether it was found, and does not count: a confirmation said no, or it is of its declared type.
    pub fn is_let_through(&self) -> bool {
        self.unconfirmed || self.of_its_type.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{request, rules};
    use crate::run::{Circumstances, run};
    use burgrave_seclang::Focus;

    fn reading(text: &str, raw: &str, focus: Focus) -> Reading {
        let rules = rules(text);
        let seen = run(&rules, &request(raw), None, &Circumstances::at(0), Some(focus));
        read(seen.record.trace.unwrap())
    }

    const SCORED: &str = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.critical=5,setvar:tx.inbound_anomaly_score_pl1=0\"\n\
        SecRule ARGS \"@rx <(script)\" \"id:2,phase:1,pass,capture,t:none,t:urlDecode,t:lowercase,msg:'script in %{MATCHED_VAR_NAME}',setvar:tx.inbound_anomaly_score_pl1=+%{tx.critical},setvar:tx.seen=1\"\n\
        SecRule ARGS:b \"@streq x\" \"id:3,phase:1,pass\"\n\
        SecRule TX:inbound_anomaly_score_pl1 \"@ge 5\" \"id:4,phase:1,deny,status:403\"";

    #[test]
    fn a_rule_that_matched_is_told_from_value_to_score() {
        let reading = reading(SCORED, "GET /?a=%253CSCRIPT&b=y HTTP/1.1\n", Focus::Matches);
        let story = reading.stories.iter().find(|story| story.id == 2).unwrap();
        assert!(story.matched);
        assert_eq!(story.message, b"script in ARGS:a");
        assert_eq!(story.score, [(b"TX:inbound_anomaly_score_pl1".to_vec(), 5)]);
        assert_eq!(story.sets.last().unwrap().0, b"TX:seen");
        let (link, value) = story.hits().next().unwrap();
        assert_eq!((link.operator.as_str(), value.name.as_slice()), ("rx", &b"ARGS:a"[..]));
        assert_eq!(value.received, b"%3CSCRIPT");
        let steps: Vec<_> =
            value.steps.iter().map(|(name, text)| (*name, text.as_slice())).collect();
        assert_eq!(steps, [("urlDecode", &b"<SCRIPT"[..]), ("lowercase", b"<script")]);
        assert_eq!((value.asked.as_slice(), value.place), (&b"<script"[..], Some((0, 7))));
        assert_eq!(value.captured.as_deref(), Some(&b"<script"[..]));
        assert!(
            reading.stories.iter().all(|story| story.id != 3),
            "what did not match is not kept"
        );
        assert_eq!(reading.stories.last().unwrap().ended, Some(Disruption::Deny(403)));
        assert_eq!(reading.tx_number("critical"), Some(5));
        assert!(reading.asked > reading.stories.len() && reading.arguments == 2);
    }

    #[test]
    fn a_rule_in_focus_is_told_though_it_did_not_match() {
        let reading = reading(SCORED, "GET /?b=y HTTP/1.1\n", Focus::Rule(3));
        let story = reading.stories.iter().find(|story| story.id == 3).unwrap();
        assert!(!story.matched && !story.links[0].matched);
        assert_eq!(story.links[0].values[0].received, b"y");
    }

    #[test]
    fn who_jumped_over_a_rule_is_known() {
        let text = "SecAction \"id:1,phase:1,pass,nolog,skipAfter:END\"\n\
                    SecAction \"id:2,phase:1,pass\"\nSecMarker END\n\
                    SecAction \"id:3,phase:1,pass,nolog,ctl:ruleRemoveById=4\"\n\
                    SecAction \"id:4,phase:1,pass\"";
        let reading = reading(text, "GET / HTTP/1.1\n", Focus::Matches);
        let of = |id| reading.left.iter().find(|(own, ..)| *own == id).copied();
        assert_eq!(of(2), Some((2, LeftOut::Skip, Some(1))));
        assert!(matches!(of(4), Some((4, LeftOut::Control("ById"), _))));
    }

    #[test]
    fn scores_are_told_from_other_variables() {
        for (name, wanted) in [
            ("TX:inbound_anomaly_score_pl1", true),
            ("TX:anomaly_score_pl4", true),
            ("TX:blocking_inbound_anomaly_score", false),
            ("TX:inbound_anomaly_score_threshold", false),
            ("IP:anomaly_score_pl1", false),
        ] {
            assert_eq!(is_score(name.as_bytes()), wanted, "{name}");
        }
    }
}
