//! Why a request was let pass or refused: verdict, rules that matched, nearest misses.

use crate::answer::{self, RuleAnswer};
use crate::message::{Request, Response};
use crate::run::{Circumstances, run};
use crate::story::{self, Reading, Story, ValueStory};
use burgrave_model::Mode;
use burgrave_seclang::{Focus, Interruption, LeftOut, RuleFacts, RuleSet};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Nearest misses that are told.
const NEAR_MAX: usize = 5;

/// What the rules made of a request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The request, without its body.
    pub request: Request,
    /// Bytes of its body.
    pub body_bytes: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Scores of the request and of the answer, and from where each is blocked.
    pub scores: [(i64, Option<i64>); 2],
    /// Rules that matched and are logged, in order.
    pub matches: Vec<Told>,
    /// Rules that found something and then did not match.
    pub near: Vec<Told>,
    /// What was looked at.
    pub looked: Looked,
    /// What became of the rule that was asked for.
    pub rule: Option<RuleAnswer>,
    /// What could not be looked at, or is odd.
    pub notes: Vec<String>,
}

/// A rule with what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What there is to say about it.
    pub facts: RuleFacts,
    /// What became of it.
    pub story: Story,
    /// The variable with the encoding that was taken off, as `ARGS:a (base64)`, where one was.
    pub decoded: Option<Vec<u8>>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing ended it.
    Passed,
    /// It was ended; the rule's facts where a rule did.
    Blocked(Interruption, Option<RuleFacts>),
    /// In detection mode it would have been ended.
    WouldBlock(Interruption, Option<RuleFacts>),
    /// The engine is off: nothing was looked at.
    Off,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Rules that were asked.
    pub rules: usize,
    /// Values that they were asked about, the same value once for each rule.
    pub values: usize,
    /// Arguments of the request.
    pub arguments: usize,
    /// Rules that do the set's own bookkeeping and matched.
    pub bookkeeping: usize,
    /// Rules of a higher paranoia level than the one in force.
    pub paranoia: usize,
    /// The level in force.
    pub level: Option<i64>,
    /// Rules that another rule jumped over or allowed to be left out.
    pub skipped: usize,
    /// Rules that a directive or a control removed.
    pub removed: usize,
    /// Rules of phases that did not come.
    pub later: usize,
    /// Events that were too many to keep.
    pub missing: usize,
}

/// Explains a request. The rule set has to be compiled with [`burgrave_seclang::Options::plain`]; `rule` is
/// told in detail, whether it matched or not.
pub fn explain(
    rules: &Arc<RuleSet>,
    request: &Request,
    response: Option<&Response>,
    circumstances: &Circumstances,
    rule: Option<u32>,
) -> Explanation {
    let focus = rule.map_or(Focus::Matches, Focus::Rule);
    let mut seen = run(rules, request, response, circumstances, Some(focus));
    let reading = story::read(seen.record.trace.take().unwrap_or_default());
    let facts: HashMap<u32, RuleFacts> =
        rules.facts().into_iter().map(|facts| (facts.id, facts)).collect();
    let of = |interruption: &Interruption| facts.get(&interruption.rule?).cloned();
    let verdict = match (seen.ended, seen.record.interruption.take()) {
        (Some(ended), _) => Verdict::Blocked(ended.clone(), of(&ended)),
        (None, Some(would)) => Verdict::WouldBlock(would.clone(), of(&would)),
        (None, None) if reading.phases.iter().all(|(_, mode)| *mode == Mode::Off) => Verdict::Off,
        (None, None) => Verdict::Passed,
    };
    let told = |story: &Story| {
        let facts = facts.get(&story.id).cloned().unwrap_or_default();
        let named = |own: &&burgrave_seclang::MatchedRule| own.id == story.id;
        let records = seen.record.matches.iter().filter(named);
        let decoded = records.map(|own| own.variable.clone()).find(|name| name.ends_with(b")"));
        Told { facts, story: story.clone(), decoded }
    };
    let threshold = |name: &str| reading.tx_number(&format!("{name}_anomaly_score_threshold"));
    let mut shown = request.clone();
    let body_bytes = std::mem::take(&mut shown.body).len();
    let notes = [std::mem::take(&mut shown.notes), reading.notes.clone()].concat();
    Explanation {
        request: shown,
        body_bytes,
        scores: [
            (seen.record.score_in, threshold("inbound")),
            (seen.record.score_out, threshold("outbound")),
        ],
        matches: reading.stories.iter().filter(|own| is_finding(own, &facts)).map(told).collect(),
        near: near(&reading, &facts).into_iter().map(told).collect(),
        looked: looked(&reading, &facts),
        rule: rule.map(|id| answer::answer(id, &reading, &facts)),
        notes,
        verdict,
    }
}

/// A logged match of something that the client or the application sent. Rules that only add up what others
/// found are told in the verdict.
fn is_finding(story: &Story, facts: &HashMap<u32, RuleFacts>) -> bool {
    let is_logged = facts.get(&story.id).is_some_and(|facts| facts.is_logged);
    let says_something = story.ended.is_some() || story.hits().next().is_some();
    story.matched && is_logged && says_something && !story.adds_up()
}

/// Rules with a message that found something in a value and then did not match: a confirmation said no, the
/// value is of its declared type, or another line of the chain.
fn near<'a>(reading: &'a Reading, facts: &HashMap<u32, RuleFacts>) -> Vec<&'a Story> {
    let found = |(link, value): (&story::LinkStory, &ValueStory)| {
        let is_part = !link.negated && value.place.is_some_and(|(_, len)| len > 0);
        value.is_let_through()
            || (is_part && is_content(&value.name) && !is_trivial(&link.parameter))
    };
    let is_near = |story: &&Story| {
        let says = facts.get(&story.id).is_some_and(|own| own.is_logged && !own.message.is_empty());
        !story.matched && says && story.hits().any(found)
    };
    let mut near: Vec<&Story> = reading.stories.iter().filter(is_near).collect();
    near.sort_by_key(|story| !story.was_let_through());
    near.truncate(NEAR_MAX);
    near
}

/// What a client is free to send. A method or a header that is what it should be is no near miss.
fn is_content(name: &[u8]) -> bool {
    const CONTENT: [&[u8]; 7] = [
        b"ARGS",
        b"REQUEST_COOKIES",
        b"REQUEST_BODY",
        b"REQUEST_OTHER",
        b"FILES",
        b"XML",
        b"QUERY_STRING",
    ];
    CONTENT.iter().any(|content| name.starts_with(content))
}

/// Patterns that only take hold of a value for the next line of the chain.
fn is_trivial(parameter: &[u8]) -> bool {
    let inner = parameter.strip_prefix(b"^").unwrap_or(parameter);
    let inner = inner.strip_suffix(b"$").unwrap_or(inner);
    matches!(inner, b"" | b"." | b".*" | b".+" | b"(.*)" | b"(.+)")
}

fn looked(reading: &Reading, facts: &HashMap<u32, RuleFacts>) -> Looked {
    let level = ["detection_paranoia_level", "executing_paranoia_level"];
    let level = level.iter().find_map(|name| reading.tx_number(name));
    let mut looked = Looked {
        rules: reading.asked,
        values: reading.values,
        arguments: reading.arguments,
        missing: reading.missing,
        level,
        ..Looked::default()
    };
    let matched = reading.stories.iter().filter(|story| story.matched);
    looked.bookkeeping = matched.filter(|story| !is_finding(story, facts)).count();
    for (id, why, _) in &reading.left {
        let own = facts.get(id).and_then(paranoia);
        match why {
            LeftOut::Skip if own > level && own.is_some() => looked.paranoia += 1,
            LeftOut::Skip | LeftOut::Allow => looked.skipped += 1,
            LeftOut::Directive(_) | LeftOut::Control(_) => looked.removed += 1,
        }
    }
    let phases: HashSet<u8> = reading.phases.iter().map(|(phase, _)| *phase).collect();
    looked.later = facts.values().filter(|own| !phases.contains(&own.phase)).count();
    looked
}

/// The paranoia level of the Core Rule Set to which a rule belongs: its tag `paranoia-level/N`.
pub(crate) fn paranoia(facts: &RuleFacts) -> Option<i64> {
    let level = |tag: &Vec<u8>| {
        std::str::from_utf8(tag.strip_prefix(b"paranoia-level/")?).ok()?.parse().ok()
    };
    facts.tags.iter().find_map(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{request, rules};

    fn explained(text: &str, raw: &str, mode: Option<Mode>) -> Explanation {
        let at = Circumstances { mode, ..Circumstances::at(0) };
        explain(&rules(text), &request(raw), None, &at, None)
    }

    const RULES: &str = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=1,setvar:tx.inbound_anomaly_score_threshold=5\"\n\
        SecRule ARGS \"@contains <script\" \"id:2,phase:2,pass,msg:'script',setvar:tx.inbound_anomaly_score_pl1=+5\"\n\
        SecRule ARGS \"@rx union\" \"id:3,phase:2,pass,chain,msg:'sql'\"\n  SecRule ARGS \"@rx select\"\n\
        SecRule ARGS \"@rx price\" \"id:4,phase:2,pass,msg:'price'\"\n\
        SecRuleConfirmById 4 \"@rx [0-9]\"\n\
        SecRule TX:detection_paranoia_level \"@lt 2\" \"id:5,phase:2,pass,nolog,skipAfter:END\"\n\
        SecRule ARGS \"@rx .\" \"id:6,phase:2,pass,tag:paranoia-level/2\"\nSecMarker END\n\
        SecRule TX:inbound_anomaly_score_pl1 \"@ge 5\" \"id:7,phase:2,deny,msg:'score %{tx.inbound_anomaly_score_pl1}'\"";

    #[test]
    fn an_attack_is_told_with_verdict_and_score() {
        let told = explained(RULES, "GET /?a=<script HTTP/1.1\n", None);
        let Verdict::Blocked(ended, Some(facts)) = &told.verdict else { panic!("{told:?}") };
        assert_eq!((ended.rule, ended.reason.as_str(), facts.id), (Some(7), "score 5", 7));
        assert_eq!(told.scores[0], (5, Some(5)));
        let ids: Vec<u32> = told.matches.iter().map(|own| own.facts.id).collect();
        assert_eq!(ids, [2], "rule 7 only adds up");
        assert_eq!((told.looked.paranoia, told.looked.level), (1, Some(1)));
        let would = explained(RULES, "GET /?a=<script HTTP/1.1\n", Some(Mode::Detect));
        assert!(matches!(would.verdict, Verdict::WouldBlock(..)));
        let off = explained(RULES, "GET /?a=<script HTTP/1.1\n", Some(Mode::Off));
        assert_eq!(off.verdict, Verdict::Off);
    }

    #[test]
    fn near_misses_are_found_and_unconfirmed_ones_come_first() {
        let told = explained(RULES, "GET /?a=union&b=price HTTP/1.1\n", None);
        assert_eq!(told.verdict, Verdict::Passed);
        let ids: Vec<u32> = told.near.iter().map(|own| own.facts.id).collect();
        assert_eq!(ids, [4, 3]);
        assert!(told.matches.is_empty());
        let nothing = explained(RULES, "GET /?a=1 HTTP/1.1\n", None);
        assert!(nothing.near.is_empty() && nothing.looked.values > 3);
    }
}
