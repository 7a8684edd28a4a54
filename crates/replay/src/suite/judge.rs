//! Whether a test's requests bring what it expects.

use super::file::{Answer, Expected, Stage, Test, reflected};
use crate::message::{Request, Response};
use crate::run::{Circumstances, Seen, run};
use crate::show::{cut, escaped};
use burgrave_seclang::{Disruption, MatchedRule, RuleSet};
use std::collections::HashMap;
use std::sync::Arc;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything expected was seen.
    Passed,
    /// What was expected and what was seen, one line each.
    Failed(Vec<String>),
    /// Why it, or a part of it, cannot be said without a server; nothing else failed.
    Skipped(String),
}

/// A test with how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// `942100-1`
    pub name: String,
    /// What the test says of itself.
    pub about: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Runs tests.
pub(super) struct Judge<'a> {
    pub(super) rules: &'a Arc<RuleSet>,
    pub(super) circumstances: &'a Circumstances,
    /// Of each rule.
    pub(super) phases: &'a HashMap<u32, u8>,
}

/// What one stage showed.
#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    unsaid: Vec<String>,
}

impl Judge<'_> {
    pub(super) fn test(&self, test: &Test) -> TestResult {
        let mut all = Findings::default();
        if test.is_disabled {
            all.unsaid.push("its file says `enabled: false`".to_owned());
        } else {
            for (index, stage) in test.stages.iter().enumerate() {
                let mut found = self.stage(stage);
                if test.stages.len() > 1 {
                    let name = |line: &String| format!("stage {}: {line}", index + 1);
                    found.wrong = found.wrong.iter().map(name).collect();
                }
                all.wrong.extend(found.wrong);
                all.unsaid.extend(found.unsaid);
            }
        }
        let outcome = match (all.wrong.is_empty(), all.unsaid.first()) {
            (false, _) => Outcome::Failed(all.wrong),
            (true, Some(why)) => Outcome::Skipped(why.clone()),
            (true, None) => Outcome::Passed,
        };
        TestResult { name: test.name.clone(), about: test.about.clone(), outcome }
    }

    fn stage(&self, stage: &Stage) -> Findings {
        let mut found = Findings::default();
        found.unsaid.extend(stage.needs.iter().map(|&why| why.to_owned()));
        let request = match Request::parse(&stage.request) {
            Ok(request) => request,
            Err(why) => {
                let line = format!("the request has to be sent to a server: {why}");
                found.unsaid.push(line);
                return found;
            }
        };
        let answer = stage.response.clone().or_else(|| reflection(&request));
        let response = answer.as_ref().map(response);
        let seen = run(self.rules, &request, response.as_ref(), self.circumstances, None);
        self.log(&stage.expected, &seen, response.is_some(), &mut found);
        ending(&stage.expected, &seen, answer.map(|answer| answer.status), &mut found);
        found
    }

    fn log(&self, expected: &Expected, seen: &Seen, answered: bool, found: &mut Findings) {
        let ids: Vec<u32> = seen.record.matches.iter().map(|own| own.id).collect();
        let shown = || if ids.is_empty() { "none".to_owned() } else { format!("{ids:?}") };
        // Of a rule about the answer nothing can be said where there was none.
        let unasked = |id: &u32| {
            !answered
                && seen.ended.is_none()
                && self.phases.get(id).is_some_and(|phase| (3..5).contains(phase))
        };
        for id in expected.ids.iter().chain(&expected.no_ids).filter(|id| unasked(id)) {
            found.unsaid.push(format!("rule {id} looks at the answer of a server"));
        }
        for id in expected.ids.iter().filter(|id| !ids.contains(id) && !unasked(id)) {
            found.wrong.push(format!("expected rule {id} in the log; seen: {}", shown()));
        }
        for id in expected.no_ids.iter().filter(|id| ids.contains(id)) {
            found.wrong.push(format!("expected no rule {id} in the log; seen: {}", shown()));
        }
        let others: Vec<&u32> = ids.iter().filter(|id| !expected.ids.contains(id)).collect();
        if expected.isolated && !others.is_empty() {
            found.wrong.push(format!("expected no other rules in the log; seen: {others:?}"));
        }
        if expected.patterns.is_empty() && expected.no_patterns.is_empty() {
            return;
        }
        let log: String = seen.record.matches.iter().map(log_line).collect();
        for (pattern, wanted) in expected
            .patterns
            .iter()
            .map(|pattern| (pattern, true))
            .chain(expected.no_patterns.iter().map(|pattern| (pattern, false)))
        {
            let shown_pattern = cut(pattern.as_bytes(), 120);
            match regex_automata::meta::Regex::new(pattern) {
                Err(_bad) => {
                    found.wrong.push(format!("`{shown_pattern}` is no regular expression"));
                }
                Ok(regex) if regex.is_match(&log) != wanted => {
                    let word = if wanted { "expected" } else { "did not expect" };
                    found.wrong.push(format!(
                        "{word} `{shown_pattern}` in the log; seen rules: {}",
                        shown()
                    ));
                }
                Ok(_) => {}
            }
        }
    }
}

/// How the request ended: what the rules decide can be said, what a server answers cannot.
fn ending(expected: &Expected, seen: &Seen, answered: Option<u16>, found: &mut Findings) {
    let dropped = seen.ended.as_ref().is_some_and(|ended| ended.action == Disruption::Drop);
    let blocked = seen.ended.as_ref().map(|ended| ended.action.status()).filter(|_| !dropped);
    match expected.error {
        Some(true) if dropped => return,
        Some(true) => {
            found.unsaid.push("`expect_error` is about the connection to a server".to_owned());
            return;
        }
        Some(false) if dropped => {
            found.wrong.push("expected an answer; seen: a rule closes the connection".to_owned());
        }
        Some(false) | None => {}
    }
    if expected.status.is_empty() {
        return;
    }
    let wanted = &expected.status;
    let wrong = |saw: String| format!("expected status {wanted:?}; seen: {saw}");
    match (blocked, answered) {
        (Some(status), _) if !wanted.contains(&status) => {
            found.wrong.push(wrong(format!(
                "{status}, by rule {:?}",
                seen.ended.as_ref().and_then(|own| own.rule)
            )));
        }
        (None, _) if dropped => found.wrong.push(wrong("a closed connection".to_owned())),
        (None, Some(status)) if !wanted.contains(&status) => {
            found.wrong.push(wrong(format!("passed, and answered {status}")));
        }
        (Some(_), _) | (None, Some(_)) => {}
        (None, None) if wanted.contains(&200) => {}
        (None, None) if wanted.contains(&403) => {
            found.wrong.push(wrong("passed by the rules".to_owned()));
        }
        (None, None) => {
            found.unsaid.push(format!(
                "status {wanted:?} is for a server to answer: the rules let it pass"
            ));
        }
    }
}

/// A match as logs of ModSecurity write it, for expectations that are patterns.
fn log_line(own: &MatchedRule) -> String {
    let mut line = format!(
        "[id \"{}\"] [msg \"{}\"] [data \"{}\"]",
        own.id,
        escaped(&own.message),
        escaped(&own.data)
    );
    if let Some(severity) = own.severity {
        line.push_str(&format!(" [severity \"{severity}\"]"));
    }
    for tag in &own.tags {
        line.push_str(&format!(" [tag \"{}\"]", escaped(tag)));
    }
    line + "\n"
}

/// The back end of the Core Rule Set's own tests answers at `/reflect` what the request's body describes.
fn reflection(request: &Request) -> Option<Answer> {
    request.target.starts_with(b"/reflect").then(|| reflected(&request.body)).flatten()
}

fn response(answer: &Answer) -> Response {
    let field = |(name, value): &(String, String)| (name.clone().into(), value.clone().into());
    Response {
        status: answer.status,
        protocol: b"HTTP/1.1".to_vec(),
        fields: answer.fields.iter().map(field).collect(),
        body: answer.body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use crate::Circumstances;
    use crate::run::tests::rules;
    use crate::suite::{Outcome, Suite, run};

    const RULES: &str = "SecRule ARGS:a \"@streq 1\" \"id:1,phase:2,pass,msg:'one',tag:'t'\"\n\
        SecRule ARGS:a \"@streq 2\" \"id:2,phase:2,deny,status:403,msg:'two'\"\n\
        SecRule ARGS:a \"@streq 3\" \"id:3,phase:2,drop\"\n\
        SecRule RESPONSE_BODY \"secret\" \"id:4,phase:4,deny,status:500,msg:'leak'\"";

    fn outcome(input: &str, output: &str) -> Outcome {
        let text = format!(
            "tests:\n  - stages:\n      - input: {{{input}}}\n        output: {{{output}}}\n"
        );
        let suite = Suite::parse("1.yaml", text.as_bytes()).unwrap();
        run(&rules(RULES), &suite, &Circumstances::at(0)).remove(0).outcome
    }

    #[test]
    fn expectations_that_hold_pass() {
        for (input, output) in [
            ("uri: '/?a=1'", "log: {expect_ids: [1], no_expect_ids: [2]}, status: 200"),
            ("uri: '/?a=1'", "log_contains: 'id \"1\"', no_log_contains: 'id \"2\"'"),
            ("uri: '/?a=1'", "log: {match_regex: 'msg \"o.e\"', expect_ids: [1]}, isolated: true"),
            ("uri: '/?a=2'", "status: [400, 403]"),
            ("uri: '/?a=3'", "expect_error: true"),
            ("uri: /, response: {body: a secret}", "log: {expect_ids: [4]}, status: 500"),
            ("uri: /, response: {body: a}", "log: {no_expect_ids: [4]}, status: 200"),
            (
                "uri: /reflect, method: POST, data: '{\"body\": \"secret\"}'",
                "log: {expect_ids: [4]}",
            ),
        ] {
            let input = if input.contains("headers") {
                input.to_owned()
            } else {
                format!("{input}, headers: {{Content-Type: application/json}}")
            };
            assert_eq!(outcome(&input, output), Outcome::Passed, "{input} {output}");
        }
    }

    #[test]
    fn expectations_that_do_not_hold_fail_with_what_was_seen() {
        for (input, output, wanted) in [
            ("uri: '/?a=1'", "log: {expect_ids: [2]}", "expected rule 2 in the log; seen: [1]"),
            (
                "uri: '/?a=1'",
                "log: {no_expect_ids: [1]}",
                "expected no rule 1 in the log; seen: [1]",
            ),
            ("uri: '/?a=1'", "isolated: true", "expected no other rules in the log; seen: [1]"),
            ("uri: '/?a=9'", "log_contains: x", "expected `x` in the log; seen rules: none"),
            ("uri: '/?a=1'", "no_log_contains: one", "did not expect `one` in the log"),
            ("uri: '/?a=1'", "log_contains: '('", "is no regular expression"),
            ("uri: '/?a=9'", "status: 403", "expected status [403]; seen: passed by the rules"),
            ("uri: '/?a=2'", "status: 200", "expected status [200]; seen: 403, by rule Some(2)"),
            ("uri: '/?a=3'", "status: 403", "a closed connection"),
            ("uri: '/?a=3'", "expect_error: false", "a rule closes the connection"),
            ("uri: /, response: {status: 404}", "status: 200", "passed, and answered 404"),
        ] {
            let Outcome::Failed(lines) = outcome(input, output) else { panic!("{input} {output}") };
            assert!(lines.iter().any(|line| line.contains(wanted)), "{wanted}: {lines:?}");
        }
    }

    #[test]
    fn what_needs_a_server_is_skipped_and_never_passed() {
        for (input, output, wanted) in [
            ("uri: /", "status: 404", "is for a server to answer"),
            ("uri: /", "expect_error: true", "about the connection"),
            ("uri: /", "response_contains: x", "needs the answer of a server"),
            ("uri: /", "log: {expect_ids: [4]}", "rule 4 looks at the answer"),
            ("uri: /", "log: {no_expect_ids: [4]}", "rule 4 looks at the answer"),
            ("save_cookie: true", "log: {no_expect_ids: [1]}", "`save_cookie`"),
            ("encoded_request: YQ==", "status: 400", "has to be sent to a server"),
        ] {
            let Outcome::Skipped(why) = outcome(input, output) else { panic!("{input} {output}") };
            assert!(why.contains(wanted), "{wanted}: {why}");
        }
        let failed = outcome("uri: '/?a=1'", "response_contains: x, log: {expect_ids: [2]}");
        assert!(matches!(failed, Outcome::Failed(_)), "a failure is no skip");
        let text =
            "meta: {enabled: false}\ntests:\n  - stages:\n      - input: {}\n        output: {}\n";
        let suite = Suite::parse("1.yaml", text.as_bytes()).unwrap();
        let outcome = run(&rules(RULES), &suite, &Circumstances::at(0)).remove(0).outcome;
        assert!(matches!(outcome, Outcome::Skipped(_)));
    }
}
