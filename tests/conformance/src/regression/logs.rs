//! What our trace knows, in the form of `ModSecurity`'s error log: a line for each match that is recorded.

use super::case::Case;
use super::place;
use super::vocabulary::{class, hex, limited, text};
use burgrave_seclang::{Event, Named, RuleFacts, RuleSet};
use std::fmt::Write as _;

/// The text.
pub(super) fn error_log(events: &[Event], case: &Case, rules: &RuleSet) -> String {
    let mut writer = Writer {
        places: place::Places::of(case),
        facts: rules.facts(),
        case,
        asked: Asked::default(),
        reference: String::new(),
        matched: String::new(),
        ended: None,
        value: Named::default(),
        steps: Vec::new(),
        out: String::new(),
    };
    for event in events.iter().rev().filter(|event| matches!(event, Event::Ended(..))) {
        writer.ended = Some(event);
    }
    for event in events {
        writer.event(event);
    }
    writer.out
}

#[derive(Default)]
struct Asked {
    operator: String,
    parameter: String,
}

struct Writer<'a> {
    places: place::Places,
    facts: Vec<RuleFacts>,
    case: &'a Case,
    asked: Asked,
    reference: String,
    matched: String,
    ended: Option<&'a Event>,
    /// The value before its transformations, and their names.
    value: Named,
    steps: Vec<String>,
    out: String,
}

impl Writer<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest has no line in this log")]
    fn event(&mut self, event: &Event) {
        match event {
            Event::Asks { link, operator, parameter, .. } => {
                if *link == 0 {
                    self.reference.clear();
                    self.matched.clear();
                }
                self.asked = Asked { operator: class(operator), parameter: text(parameter) };
            }
            Event::Value(named) => {
                self.value = named.clone();
                self.steps.clear();
            }
            Event::Step(_, name, _) => self.steps.push(format!("t:{name}")),
            Event::Answer { value, matched: true, places, .. } => self.answer(value, places),
            Event::Matched { logged: true, .. } => self.rule(event),
            _ => {}
        }
    }

    fn answer(&mut self, value: &Named, places: &[(usize, usize)]) {
        let (name, shown) = (text(&value.name), limited(100, hex(&self.value.value)));
        self.matched = format!(
            "Matched \"Operator `{}' with parameter `{}' against variable `{name}' (Value: `{shown}' )",
            self.asked.operator,
            limited(200, self.asked.parameter.clone()),
        );
        for (start, length) in places {
            let _infallible = write!(self.reference, "o{start},{length}");
        }
        for (start, length) in self.places.find(&self.value) {
            let _infallible = write!(self.reference, "v{start},{length}");
        }
        self.reference.push_str(&self.steps.join(","));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only called with a match")]
    fn rule(&mut self, event: &Event) {
        let (id, message, data, severity, [revision, version], tags) = match event {
            Event::Matched { id, message, data, severity, made, tags, .. } => {
                (*id, message, data, severity.unwrap_or(0), made, tags)
            }
            _ => return,
        };
        let facts = self.facts.iter().find(|facts| facts.id == id);
        let (file, line, phase) = facts.map_or_else(Default::default, |facts| {
            let file = facts.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (file, facts.line, facts.phase)
        });
        let what = match self.ended {
            Some(Event::Ended(rule, how)) if *rule == id => {
                format!("Access denied with code {} (phase {phase}). ", how.status())
            }
            _ => "Warning. ".to_owned(),
        };
        let mut out = format!(
            "[client {}] ModSecurity: {what}{} [file \"{file}\"] [line \"{line}\"] [id \"{id}\"] [rev \"{}\"] [msg \"{}\"] \
             [data \"{}\"] [severity \"{severity}\"] [ver \"{}\"] [maturity \"0\"] [accuracy \"0\"]",
            self.case.client.ip,
            self.matched,
            text(revision),
            text(message),
            limited(200, hex(data)),
            text(version),
        );
        for tag in tags {
            let _infallible = write!(out, " [tag \"{}\"]", text(tag));
        }
        let path = self.case.request.uri.split('?').next().unwrap_or_default();
        let _infallible = write!(
            out,
            " [hostname \"{}\"] [uri \"{path}\"] [unique_id \"1764000000.1\"] [ref \"{}\"]",
            self.case.server.ip, self.reference
        );
        self.out.push_str(&hex(out.as_bytes()));
        self.out.push('\n');
    }
}
