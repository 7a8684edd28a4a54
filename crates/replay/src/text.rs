//! An explanation and a list of rules as text for a terminal.
//!
//! Invariant: what comes from a request goes through [`crate::show`]; lines have a bound.

use crate::answer::RuleAnswer;
use crate::explain::{Explanation, Looked, Told, Verdict, paranoia};
use crate::show::{cut, escaped, marked, written};
use crate::story::{LinkStory, ValueStory};
use burgrave_seclang::{Disruption, Interruption, LeftOut, RuleFacts, Trace};
use std::fmt::Write as _;

/// Characters of a value on a line.
const WIDTH: usize = 90;
/// Values of one rule that are shown.
const VALUES_MAX: usize = 6;
/// The same, of the rule that was asked for.
const VALUES_ASKED_MAX: usize = 25;

/// `severity:` in words.
const SEVERITIES: [&str; 8] =
    ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/// A severity in words.
pub(crate) fn severity(facts: &RuleFacts) -> Option<&'static str> {
    SEVERITIES.get(usize::from(facts.severity?)).copied()
}

/// A list of rules, one line each and a line for each change.
pub fn rules_as_text(rules: &[RuleFacts]) -> String {
    let mut out = String::new();
    for facts in rules {
        let level = paranoia(facts).map_or_else(|| "-".to_owned(), |level| level.to_string());
        line(
            &mut out,
            0,
            &format!(
                "{:>8}  phase {}  level {level}  {:<9}  {}  {}",
                facts.id,
                facts.phase,
                severity(facts).unwrap_or("-"),
                escaped(&facts.message),
                place(facts)
            ),
        );
        changes(&mut out, 10, facts);
    }
    out
}

/// One rule with its lines.
pub fn rule_as_text(facts: &RuleFacts) -> String {
    let mut out = String::new();
    line(&mut out, 0, &format!("{} (rule)", facts.id));
    line(&mut out, 0, &escaped(&facts.message));
    facts_line(&mut out, facts, 0);
    for link in &facts.links {
        let not = if link.negated { "!" } else { "" };
        if !link.operator.is_empty() {
            line(&mut out, 4, &format!("looks at {}", cut(&link.targets, 160)));
        }
        if !link.transformations.is_empty() {
            line(&mut out, 6, &format!("after {}", link.transformations.join(", ")));
        }
        if !link.operator.is_empty() {
            let asks = format!("asks {not}@{} {}", link.operator, written(&link.parameter, 160));
            line(&mut out, 6, &asks);
        }
    }
    let tags: Vec<String> = facts.tags.iter().map(|tag| escaped(tag)).collect();
    if !tags.is_empty() {
        line(&mut out, 4, &format!("tags: {}", tags.join(", ")));
    }
    changes(&mut out, 4, facts);
    out
}

fn changes(out: &mut String, indent: usize, facts: &RuleFacts) {
    for change in &facts.changes {
        let by = change.by.map_or_else(String::new, |id| format!("where rule {id} matches, "));
        let at = format!("{}:{}", change.file.display(), change.line);
        line(out, indent, &format!("changed: {by}{} ({at})", written(&change.what, WIDTH)));
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    let text = text.trim_end();
    let indent = if text.is_empty() { 0 } else { indent };
    let _infallible = writeln!(out, "{:indent$}{text}", "");
}

fn place(facts: &RuleFacts) -> String {
    format!("{}:{}", facts.file.display(), facts.line)
}

fn count(number: usize, one: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{number} {one}{many}")
}

/// Values beyond those that are shown; of many not all are kept.
fn more(values: usize, shown: usize) -> String {
    if values >= Trace::VALUES_MAX {
        return "and more values".to_owned();
    }
    format!("and {} more", count(values - shown, "value"))
}

impl Explanation {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.request_text(&mut out);
        self.verdict_text(&mut out);
        if let Some(rule) = &self.rule {
            line(&mut out, 0, "");
            answer_text(&mut out, rule);
            return out;
        }
        if self.verdict == Verdict::Off {
            return out;
        }
        line(&mut out, 0, "");
        if self.matches.is_empty() {
            line(&mut out, 0, "WHAT MATCHED: nothing");
        } else {
            line(&mut out, 0, &format!("WHAT MATCHED: {}", count(self.matches.len(), "rule")));
        }
        for told in &self.matches {
            line(&mut out, 0, "");
            told.text(&mut out, VALUES_MAX);
        }
        if self.matches.is_empty() {
            self.near_text(&mut out);
        }
        line(&mut out, 0, "");
        looked_text(&mut out, &self.looked);
        out
    }

    /// The request and its verdict, without the rules.
    pub fn verdict_only(&self) -> String {
        let mut out = String::new();
        self.request_text(&mut out);
        self.verdict_text(&mut out);
        out
    }

    /// What became of the rule that was asked for, alone; empty where none was.
    pub fn rule_text(&self) -> String {
        let mut out = String::new();
        if let Some(rule) = &self.rule {
            answer_text(&mut out, rule);
        }
        out
    }

    fn request_text(&self, out: &mut String) {
        let request = &self.request;
        let words = [&request.method, &request.target, &request.protocol];
        line(out, 0, &words.map(|word| cut(word, WIDTH)).join(" "));
        let host = request
            .field("host")
            .map_or_else(|| "no host".to_owned(), |host| format!("host {}", cut(host, WIDTH)));
        let fields = count(request.fields.len(), "header field");
        line(out, 0, &format!("{host}, {fields}, a body of {} bytes", self.body_bytes));
        for note in &self.notes {
            line(out, 0, &format!("note: {}", cut(note.as_bytes(), 200)));
        }
        line(out, 0, "");
    }

    fn verdict_text(&self, out: &mut String) {
        match &self.verdict {
            Verdict::Passed => line(out, 0, "PASSED"),
            Verdict::Off => {
                line(out, 0, "NOT LOOKED AT: the rule engine is off");
                return;
            }
            Verdict::Blocked(ended, rule) => ended_text(out, "BLOCKED", ended, rule.as_ref()),
            Verdict::WouldBlock(ended, rule) => {
                ended_text(out, "PASSED in detection mode; would be blocked", ended, rule.as_ref());
            }
        }
        let [(request, request_from), (answer, answer_from)] = self.scores;
        let from = |from: Option<i64>| match from {
            Some(from) => format!(", blocked from {from}"),
            None => String::new(),
        };
        if request != 0 || request_from.is_some() {
            line(out, 2, &format!("score of the request {request}{}", from(request_from)));
        }
        if answer != 0 {
            line(out, 2, &format!("score of the answer {answer}{}", from(answer_from)));
        }
    }

    fn near_text(&self, out: &mut String) {
        if self.near.is_empty() {
            line(out, 0, "NEAREST MISSES: none, no rule found even a part of what it looks for");
            return;
        }
        line(out, 0, "NEAREST MISSES: found something, and it was not enough");
        for told in &self.near {
            line(out, 0, "");
            told.text(out, VALUES_MAX);
        }
    }
}

fn ended_text(out: &mut String, word: &str, ended: &Interruption, rule: Option<&RuleFacts>) {
    let how = match &ended.action {
        Disruption::Deny(status) => format!("with status {status}"),
        Disruption::Drop => "by closing the connection".to_owned(),
        Disruption::Redirect { status, location } => {
            format!("with status {status}, to {}", cut(location, WIDTH))
        }
    };
    line(out, 0, &format!("{word} {how}"));
    let reason = cut(ended.reason.as_bytes(), 200);
    match (ended.rule, rule) {
        (Some(id), Some(facts)) => {
            line(out, 2, &format!("by rule {id} in phase {}: {reason}", facts.phase));
            line(out, 2, &place(facts));
        }
        (Some(id), None) => line(out, 2, &format!("by rule {id}: {reason}")),
        (None, _) => line(out, 2, &format!("by the engine itself: {reason}")),
    }
}

fn looked_text(out: &mut String, looked: &Looked) {
    let arguments = count(looked.arguments, "argument");
    let (rules, questions) = (count(looked.rules, "rule"), count(looked.values, "question"));
    line(
        out,
        0,
        &format!("looked at: {arguments} and all else of the request, by {rules} in {questions}"),
    );
    let mut left = Vec::new();
    if looked.paranoia > 0 {
        let level = looked.level.map_or_else(String::new, |level| format!(" than {level}"));
        left.push(format!("{} of a higher paranoia level{level}", looked.paranoia));
    }
    for (number, why) in [
        (looked.skipped, "jumped over by another rule"),
        (looked.removed, "removed by the configuration"),
        (looked.later, "of phases that did not come"),
    ] {
        if number > 0 {
            left.push(format!("{number} {why}"));
        }
    }
    if !left.is_empty() {
        line(out, 0, &format!("not asked: {}", left.join(", ")));
    }
    if looked.missing > 0 {
        line(
            out,
            0,
            &format!(
                "not told: {} of what happened, beyond the bound of a trace",
                count(looked.missing, "step")
            ),
        );
    }
}

impl Told {
    /// As it was filled in, or as it is written.
    fn message(&self) -> &[u8] {
        if self.story.message.is_empty() { &self.facts.message } else { &self.story.message }
    }

    fn title(&self, out: &mut String) {
        line(out, 2, &format!("rule {}  {}", self.facts.id, cut(self.message(), 160)));
        facts_line(out, &self.facts, self.story.added());
    }

    fn text(&self, out: &mut String, most: usize) {
        self.title(out);
        let hits: Vec<_> = self.story.hits().collect();
        for (link, value) in hits.iter().take(most) {
            let name = self.decoded.as_ref().filter(|own| own.starts_with(&value.name));
            value.text(out, link, name.unwrap_or(&value.name));
        }
        if hits.len() > most {
            line(out, 4, &more(hits.len(), most));
        }
        self.chain_text(out);
        if self.story.score.is_empty() {
            for (name, value) in self.story.sets.iter().take(VALUES_MAX) {
                let value = value.as_ref().map_or("nothing".to_owned(), |text| cut(text, 40));
                line(out, 4, &format!("set {} to {value}", cut(name, 60)));
            }
        }
        for control in self.story.controls.iter().take(VALUES_MAX) {
            line(out, 4, &format!("for the rest of this request: {}", cut(control.as_bytes(), 80)));
        }
    }

    /// The line of a chain that did not match.
    fn chain_text(&self, out: &mut String) {
        let Some(link) = self.story.links.last().filter(|link| !link.matched) else { return };
        if self.story.links.len() > 1 {
            let position = self.story.links.len();
            let question = link.question();
            line(out, 4, &format!("but line {position} of its chain did not match: {question}"));
        }
    }
}

fn message_line(out: &mut String, message: &[u8]) {
    if !message.is_empty() {
        line(out, 2, &cut(message, 160));
    }
}

fn facts_line(out: &mut String, facts: &RuleFacts, added: i64) {
    let mut words = Vec::new();
    words.extend(severity(facts).map(str::to_owned));
    if added != 0 {
        words.push(format!("{added:+} to the score"));
    }
    words.extend(paranoia(facts).map(|level| format!("paranoia level {level}")));
    words.push(format!("phase {}", facts.phase));
    words.push(place(facts));
    line(out, 4, &words.join(", "));
}

impl LinkStory {
    /// `@rx union.*select of ARGS`
    fn question(&self) -> String {
        if self.operator.is_empty() {
            return "nothing is asked".to_owned();
        }
        let not = if self.negated { "!" } else { "" };
        let parameter = written(&self.parameter, 60);
        let of = cut(&self.targets, 80);
        let asked = format!("{not}@{} {parameter}", self.operator);
        format!("{} of {of}", asked.trim_end())
    }
}

impl ValueStory {
    fn text(&self, out: &mut String, link: &LinkStory, name: &[u8]) {
        line(out, 4, &cut(name, WIDTH));
        let mut forms = vec![("received".to_owned(), self.received.as_slice())];
        for (step, text) in &self.steps {
            forms.push((format!("after {step}"), text.as_slice()));
        }
        let label = forms.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let last = forms.len() - 1;
        for (index, (name, form)) in forms.iter().enumerate() {
            let place = (index == last && self.matched).then(|| self.place_in(form));
            let shown = marked(form, place, WIDTH);
            line(out, 6, &format!("{name:label$}  {}", shown.text));
            if place.is_some() {
                line(out, 6, &format!("{:label$}  {}", "", shown.beneath));
            }
            if shown.is_beyond {
                line(out, 6, &format!("{:label$}  (the place is further on)", ""));
            }
        }
        line(out, 6, &self.found(link));
    }

    /// What the operator found; the whole value where it looks at all of it.
    fn place_in(&self, form: &[u8]) -> (usize, usize) {
        match self.place {
            Some(place) => place,
            None => (0, form.len()),
        }
    }

    fn found(&self, link: &LinkStory) -> String {
        let not = if link.negated { "!" } else { "" };
        let asked = format!("{not}@{} {}", link.operator, written(&link.parameter, 70));
        let asked = asked.trim_end();
        if !self.matched {
            return format!("not found by {asked}");
        }
        let fingerprint = self.fingerprint.as_ref();
        let how =
            fingerprint.map_or_else(String::new, |own| format!(", fingerprint {}", cut(own, 20)));
        let word = if link.negated { "found by (is not)" } else { "found by" };
        let but = match &self.of_its_type {
            Some(kind) => format!(", but of its declared type {}", cut(kind.as_bytes(), 200)),
            None if self.unconfirmed => ", but not confirmed by `SecRuleConfirmById`".to_owned(),
            None => String::new(),
        };
        format!("{word} {asked}{how}{but}")
    }
}

fn answer_text(out: &mut String, answer: &RuleAnswer) {
    match answer {
        RuleAnswer::Unknown(id) => line(out, 0, &format!("RULE {id}: no rule has this id")),
        RuleAnswer::Asked(told) => asked_text(out, told),
        RuleAnswer::LeftOut(facts, why, by) => {
            let by = by.map_or_else(String::new, |id| format!(" by rule {id}"));
            let why = match why {
                LeftOut::Directive("chain") => "its chain has no next line".to_owned(),
                LeftOut::Directive(directive) => format!("removed by `{directive}`"),
                LeftOut::Control(word) => {
                    format!("removed from this request by `ctl:ruleRemove{word}`{by}")
                }
                LeftOut::Skip => format!("jumped over{by}"),
                LeftOut::Allow => format!("an `allow`{by} ended the phase before it"),
            };
            left_text(out, facts, &format!("was not asked: {why}"));
        }
        RuleAnswer::Paranoia(facts, level, by) => {
            let by = by.map_or_else(String::new, |id| format!(" (jumped over by rule {id})"));
            let own = paranoia(facts).unwrap_or_default();
            left_text(
                out,
                facts,
                &format!(
                    "was not asked: it is of paranoia level {own}, and level {level} is in force{by}"
                ),
            );
        }
        RuleAnswer::NotReached(facts) => {
            let phase = facts.phase;
            let answer = matches!(phase, 3 | 4);
            let why = if answer {
                "looks at the answer: none was given (`--response FILE`), or the request ended before it"
            } else {
                "did not come to it: the request ended before"
            };
            left_text(out, facts, &format!("was not asked: its phase {phase} {why}"));
        }
    }
}

fn left_text(out: &mut String, facts: &RuleFacts, why: &str) {
    line(out, 0, &format!("RULE {} {why}", facts.id));
    message_line(out, &facts.message);
    facts_line(out, facts, 0);
    changes(out, 4, facts);
}

fn asked_text(out: &mut String, told: &Told) {
    let word = if told.story.matched { "matched" } else { "did not match" };
    line(out, 0, &format!("RULE {} {word}", told.facts.id));
    message_line(out, told.message());
    facts_line(out, &told.facts, told.story.added());
    changes(out, 4, &told.facts);
    for (index, link) in told.story.links.iter().enumerate() {
        line(out, 0, "");
        let position = if told.facts.links.len() > 1 {
            format!("line {} of {}: ", index + 1, told.facts.links.len())
        } else {
            String::new()
        };
        let word = if link.matched { "yes" } else { "no" };
        line(out, 2, &format!("{position}{} — {word}", link.question()));
        if link.values.is_empty() && !link.operator.is_empty() {
            line(out, 4, "nothing in this request is what it looks at");
        }
        for value in link.values.iter().take(VALUES_ASKED_MAX) {
            value.text(out, link, &value.name);
        }
        if link.values.len() > VALUES_ASKED_MAX {
            line(out, 4, &more(link.values.len(), VALUES_ASKED_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{request, rules};
    use crate::{Circumstances, explain};

    fn text(rules_text: &str, raw: &str, rule: Option<u32>) -> String {
        let at = Circumstances::at(0);
        explain(&rules(rules_text), &request(raw), None, &at, rule).text()
    }

    const RULE: &str = "SecRule ARGS \"@rx <script\" \"id:2,phase:1,deny,t:none,t:urlDecode,severity:CRITICAL,msg:'script'\"\n";

    #[test]
    fn the_place_is_marked_in_the_last_form() {
        let text = text(RULE, "GET /?a=1%253Cscript HTTP/1.1\nHost: x\n", None);
        let lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.contains("after urlDecode")).unwrap();
        assert_eq!(lines[at - 1], "      received         1%3Cscript");
        assert_eq!(lines[at], "      after urlDecode  1<script");
        assert_eq!(lines[at + 1], "                        ^^^^^^^");
        assert_eq!(lines[at + 2], "      found by @rx <script");
        assert!(
            text.contains("BLOCKED with status 403\n  by rule 2 in phase 1: script\n"),
            "{text}"
        );
    }

    #[test]
    fn a_request_cannot_fool_the_terminal() {
        let raw = "GET /?a=%1b%5d0;x%07%0aPASSED<script HTTP/1.1\nHost: \u{1b}[2Jx\n";
        for rule in [None, Some(2)] {
            let text = text(RULE, raw, rule);
            assert!(text.contains("\\x1b]0;x\\x07\\nPASSED<script"), "{text}");
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("PASSED")), "{text}");
        }
    }

    #[test]
    fn a_rule_that_did_not_match_shows_what_it_was_asked() {
        let text = text(RULE, "GET /?a=x%2520y HTTP/1.1\n", Some(2));
        assert!(text.starts_with("GET /?a=x%2520y HTTP/1.1\nno host"), "{text}");
        assert!(text.contains("RULE 2 did not match\n"), "{text}");
        assert!(text.contains("after urlDecode  x y\n      not found by @rx <script"), "{text}");
        let none = super::tests::text(RULE, "GET / HTTP/1.1\n", Some(2));
        assert!(none.contains("nothing in this request is what it looks at"), "{none}");
        let unknown = super::tests::text(RULE, "GET / HTTP/1.1\n", Some(3));
        assert!(unknown.ends_with("RULE 3: no rule has this id\n"), "{unknown}");
    }

    #[test]
    fn a_list_shows_what_changes_a_rule() {
        let rules = rules(
            "SecRule ARGS \"@rx a\" \"id:2,phase:2,pass,severity:ERROR,tag:paranoia-level/2,msg:'m'\"\n\
             SecRuleUpdateTargetById 2 \"!ARGS:b\"\n\
             SecAction \"id:3,phase:1,pass,nolog,ctl:ruleRemoveTargetById=2;ARGS:/^c/\"",
        );
        let facts: Vec<_> = rules.facts().into_iter().filter(|facts| facts.id == 2).collect();
        let text = rules_as_text(&facts);
        assert_eq!(
            text,
            "       2  phase 2  level 2  error      m  own.conf:1\n          \
             changed: SecRuleUpdateTargetById 2 !ARGS:b (own.conf:2)\n          \
             changed: where rule 3 matches, ctl:ruleRemoveTargetById ARGS:/^c/ (own.conf:3)\n"
        );
    }
}
