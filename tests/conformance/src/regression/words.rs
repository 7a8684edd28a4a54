//! What our trace knows, in the words of `ModSecurity`'s debug log, so that a vector's pattern can be
//! looked for in it.
//!
//! Each line stands for one event of the engine: what did not happen here has no line. Words that name no
//! event of ours are in the `vocabulary`, one for each of our own errors.

use super::vocabulary::{BODY, ODD, class, disruption, hex, limited, text, translated};
use burgrave_model::Mode;
use burgrave_seclang::{Disruption, Event, LeftOut, Named, RuleFacts, RuleSet, Source};
use std::fmt::Write as _;

/// The text of a trace.
pub(super) fn debug_log(events: &[Event], rules: &RuleSet) -> String {
    let mut writer = Writer { facts: rules.facts(), ..Writer::default() };
    for event in events {
        writer.event(event);
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    facts: Vec<RuleFacts>,
    operator: String,
    out: String,
}

impl Writer {
    fn line(&mut self, level: u8, text: &str) {
        let _infallible = writeln!(self.out, "[{level}] {text}");
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Phase(phase, mode) => self.phase(*phase, *mode),
            Event::Argument(source, named) => self.argument(*source, named),
            Event::Boundary(boundary, has_more) => self.boundary(boundary, *has_more),
            Event::Odd(variable) => self.odd(variable),
            Event::BodyError(error) => self.body_error(error),
            Event::Asks { id, link, operator, parameter, targets, .. } => {
                self.asks(if *link == 0 { *id } else { 0 }, operator, parameter, targets);
            }
            Event::Leaves(id, why) => self.leaves(*id, *why),
            Event::Value(_) | Event::Unconfirmed | Event::OfItsType(_) => {}
            Event::Step(form, name, value) => {
                let text = format!(" T ({form}) t:{name}: \"{}\"", limited(80, text(value)));
                self.line(9, &text);
            }
            Event::Answer { value, text, matched, .. } => {
                self.answer(value, text.as_deref(), *matched);
            }
            Event::Captured(number, value) => self.captured(*number, value),
            Event::Set(name, value) => self.set(&text(name), value.as_deref()),
            Event::Opened(collection, key) => self.opened(collection, &text(key)),
            Event::Expires(name, seconds) => {
                let name = text(name).to_ascii_lowercase();
                self.line(9, &format!("Setting variable `{name}' to expire in {seconds} seconds."));
            }
            Event::OverLimit(whose, refuses) => self.over_limit(whose, *refuses),
            Event::Control(control) => self.control(control),
            Event::Returned(_, matched) => {
                self.line(4, &format!("Rule returned {}.", u8::from(*matched)));
            }
            Event::Matched { message, tags, logged, .. } => self.matched(message, tags, *logged),
            Event::Ended(_, how) => self.ended(how),
            Event::WouldEnd(_, how) => {
                let name = disruption(how);
                self.line(
                    4,
                    &format!("Not running any disruptive action (or block): {name}. SecRuleEngine is not On."),
                );
            }
            Event::Allowed(_, scope) => self.allowed(scope),
            Event::NotInspected(whose, why) => self.not_inspected(whose, why),
        }
    }

    fn boundary(&mut self, boundary: &[u8], has_more: bool) {
        if has_more {
            self.line(3, "Multipart: Invalid parameter after boundary in C-T (tolerated).");
        }
        self.line(9, &format!("Multipart: Boundary: {}", text(boundary)));
    }

    fn odd(&mut self, variable: &str) {
        if let Some((_, theirs)) = ODD.iter().find(|(ours, _)| *ours == variable) {
            self.line(4, &format!("Multipart: Warning: {theirs}"));
        }
    }

    fn asks(&mut self, id: u32, operator: &str, parameter: &[u8], targets: &[u8]) {
        self.operator = class(operator);
        let line = if operator.is_empty() {
            format!("(Rule: {id}) Executing unconditional rule...")
        } else {
            format!(
                "(Rule: {id}) Executing operator \"{}\" with param \"{}\" against {}.",
                self.operator,
                text(parameter),
                text(targets)
            )
        };
        self.line(4, &line);
    }

    fn answer(&mut self, value: &Named, found: Option<&[u8]>, matched: bool) {
        let shown = limited(80, hex(&value.value));
        let is_error = text(&value.name).ends_with("ERROR_MSG");
        let shown = translated(&shown).filter(|_| is_error).unwrap_or(shown);
        self.line(9, &format!("Target value: \"{shown}\" (Variable: {})", text(&value.name)));
        match (self.operator.as_str(), found) {
            ("DetectXSS", _) if matched => self.line(5, "detected XSS using libinjection."),
            ("DetectSQLi", Some(fingerprint)) => {
                let (print, at) = (text(fingerprint), text(&value.value));
                let line = format!(
                    "detected SQLi using libinjection with fingerprint '{print}' at: '{at}'"
                );
                self.line(4, &line);
            }
            _ => {}
        }
    }

    fn over_limit(&mut self, whose: &str, refuses: bool) {
        let whose = if whose == "request" { "Request" } else { "Response" };
        let what = if refuses { "reject the request" } else { "process partial" };
        self.line(5, &format!("{whose} body is bigger than the maximum expected."));
        self.line(5, &format!("{whose} body limit is marked to {what}"));
    }

    fn matched(&mut self, message: &[u8], tags: &[Vec<u8>], logged: bool) {
        for tag in tags {
            self.line(9, &format!("Rule tag: {}", text(tag)));
        }
        self.line(9, &format!("Saving msg: {}", text(message)));
        if logged {
            self.line(9, "Running action: log");
        }
    }

    fn allowed(&mut self, scope: &str) {
        let scope = match scope {
            "transaction" => "FromNowOn",
            "request" => "Request",
            _ => "Phase",
        };
        let line = format!(
            "Dropping the evaluation of upcoming rules in favor of an `allow' action of type: {scope}"
        );
        self.line(4, &line);
    }

    fn phase(&mut self, phase: u8, mode: Mode) {
        let names = [
            "REQUEST_HEADERS. ",
            "REQUEST_BODY.",
            "RESPONSE_HEADERS.",
            "RESPONSE_BODY.",
            "LOGGING.",
        ];
        let name = names.get(usize::from(phase).saturating_sub(1)).unwrap_or(&"");
        self.line(4, &format!("Starting phase {name} (SecRules {phase})"));
        if mode == Mode::Off {
            self.line(4, "Rule engine disabled, returning...");
        }
    }

    fn argument(&mut self, source: Source, named: &Named) {
        let (name, value) = (text(&named.name), text(&named.value));
        let from = match source {
            Source::Query => "GET",
            Source::Form => "POST",
            Source::Json => "JSON",
            Source::Multipart => {
                self.line(9, &format!("Multipart: Content-Disposition name: {name}."));
                self.line(9, &format!("Multipart: Added data to variable: {value}"));
                "BODY"
            }
        };
        self.line(
            4,
            &format!("Adding request argument ({from}): name \"{name}\", value \"{value}\""),
        );
    }

    fn body_error(&mut self, error: &str) {
        for (ours, theirs) in BODY {
            if error.contains(ours) {
                self.line(1, theirs);
            }
        }
        self.line(1, error);
    }

    fn leaves(&mut self, id: u32, why: LeftOut) {
        let place = self.facts.iter().find(|facts| facts.id == id).map(|facts| {
            let file = facts.file.file_name().unwrap_or_default();
            format!("{}:{}", file.display(), facts.line)
        });
        let removed =
            |by| format!("Skipped rule id '{id}'. Removed by a SecRuleRemove{by} directive.");
        let text = match why {
            LeftOut::Directive("SecRuleRemoveById") => {
                format!("Skipped rule id '{id}'. Removed by an SecRuleRemove directive.")
            }
            LeftOut::Directive(name) => removed(name.trim_start_matches("SecRuleRemove")),
            LeftOut::Control("ById") => {
                format!("Rule id: {id} was skipped due to a ruleRemoveById action...")
            }
            LeftOut::Control(by) => {
                format!("Skipped rule id '{id}'. Skipped due to a ruleRemove{by} action.")
            }
            LeftOut::Skip => format!("Skipped rule id '{id}' due to a `skip' action."),
            LeftOut::Allow => {
                self.line(9, "Skipping all rules evaluation on this phase as request through the utilization of an `allow' action.");
                format!(
                    "Skipped rule id '{id}' as request trough the utilization of an `allow' action."
                )
            }
        };
        self.line(9, &text);
        // Rules without a condition are named there by their place.
        if let Some(place) = place {
            self.line(9, &text.replace(&format!("'{id}'"), &format!("'{place}'")));
        }
    }

    fn captured(&mut self, number: usize, value: &[u8]) {
        let what = match self.operator.as_str() {
            "Rx" | "RxGlobal" => format!("Added regex subexpression TX.{number}: "),
            "Pm" | "PmFromFile" => format!("Added pm match TX.{number}: "),
            class => format!("Added {class} match TX.{number}: "),
        };
        self.line(7, &(what + &text(value)));
    }

    fn set(&mut self, name: &str, value: Option<&[u8]>) {
        match (name.strip_prefix("ENV:"), value) {
            (Some(key), Some(value)) => {
                self.line(8, &format!("Setting environment variable: {key} to {}", text(value)));
            }
            (_, value) => {
                let value = text(value.unwrap_or_default());
                self.line(8, &format!("Saving variable: {name} with value: {value}"));
            }
        }
    }

    fn control(&mut self, control: &str) {
        let state = match control {
            "ruleEngine=On" => "Enabled",
            "ruleEngine=Off" => "Disabled",
            "ruleEngine=DetectionOnly" => "DetectionOnly",
            other => return self.line(8, &format!("ctl:{other}")),
        };
        self.line(
            8,
            &format!("Setting SecRuleEngine to {state} as requested by a ctl:ruleEngine action"),
        );
    }

    fn opened(&mut self, collection: &str, key: &str) {
        let name = collection.to_ascii_lowercase();
        match collection {
            "SESSION" => self.line(8, &format!("Session ID initiated with value: '{key}'.")),
            "USER" => self.line(8, &format!("User collection initiated with value: '{key}'.")),
            "RESOURCE" => self.line(8, &format!("RESOURCE initiated with value: '{key}'.")),
            _ => self.line(5, &format!("Collection `{name}' initialized with value: {key}")),
        }
    }

    fn ended(&mut self, how: &Disruption) {
        let name = disruption(how);
        self.line(4, &format!("Running (disruptive)     action: {name}."));
        self.line(8, &format!("Running action {name}"));
    }

    fn not_inspected(&mut self, whose: &str, why: &str) {
        let text = match (whose, why) {
            ("request", "a control switched it off") => {
                "Request body processing is enabled, but disabled to this transaction due to ctl:requestBodyAccess action".to_owned()
            }
            ("request", _) => "Request body processing is disabled".to_owned(),
            (_, why) => {
                let kind = why.split('`').nth(1).unwrap_or_default();
                format!("Response Content-Type is {kind}. It is not marked to be inspected.")
            }
        };
        self.line(5, &text);
    }
}
