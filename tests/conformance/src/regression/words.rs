//! What our trace knows, in the words of `ModSecurity`'s debug log, so that a vector's pattern can be
//! looked for in it.
//!
//! Each line stands for one event of the engine: what did not happen here has no line. Words that name no
//! event of ours are in [`BODY`], one for each of our own errors.

use bstr::ByteSlice as _;
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
            Event::Boundary(boundary, has_more) => {
                if *has_more {
                    self.line(3, "Multipart: Invalid parameter after boundary in C-T (tolerated).");
                }
                self.line(9, &format!("Multipart: Boundary: {}", text(boundary)));
            }
            Event::Odd(variable) => {
                if let Some((_, theirs)) = ODD.iter().find(|(ours, _)| ours == variable) {
                    self.line(4, &format!("Multipart: Warning: {theirs}"));
                }
            }
            Event::BodyError(error) => self.body_error(error),
            Event::Asks { id, link, operator, parameter, targets, .. } => {
                self.operator = class(operator);
                let id = if *link == 0 { *id } else { 0 };
                let text = if operator.is_empty() {
                    format!("(Rule: {id}) Executing unconditional rule...")
                } else {
                    format!(
                        "(Rule: {id}) Executing operator \"{}\" with param \"{}\" against {}.",
                        self.operator,
                        text(parameter),
                        text(targets)
                    )
                };
                self.line(4, &text);
            }
            Event::Leaves(id, why) => self.leaves(*id, *why),
            Event::Value(_) | Event::Unconfirmed => {}
            Event::Step(form, name, value) => {
                let text = format!(" T ({form}) t:{name}: \"{}\"", limited(80, text(value)));
                self.line(9, &text);
            }
            Event::Answer { value, .. } => {
                let shown = limited(80, hex(&value.value));
                let shown = if text(&value.name).ends_with("ERROR_MSG") {
                    translated(&shown).unwrap_or(shown)
                } else {
                    shown
                };
                let text = format!("Target value: \"{shown}\" (Variable: {})", text(&value.name));
                self.line(9, &text);
            }
            Event::Captured(number, value) => self.captured(*number, value),
            Event::Set(name, value) => self.set(&text(name), value.as_deref()),
            Event::Control(control) => self.control(control),
            Event::Returned(_, matched) => {
                self.line(4, &format!("Rule returned {}.", u8::from(*matched)));
            }
            Event::Matched { message, tags, logged, .. } => {
                for tag in tags {
                    self.line(9, &format!("Rule tag: {}", text(tag)));
                }
                self.line(9, &format!("Saving msg: {}", text(message)));
                if *logged {
                    self.line(9, "Running action: log");
                }
            }
            Event::Ended(_, how) => self.ended(how),
            Event::NotInspected(whose, why) => self.not_inspected(whose, why),
        }
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

    fn ended(&mut self, how: &Disruption) {
        let name = match how {
            Disruption::Deny(_) => "deny",
            Disruption::Drop => "drop",
            Disruption::Redirect { .. } => "redirect",
        };
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

/// Oddities of multipart bodies → the suite's words for the same.
static ODD: &[(&str, &str)] = &[
    ("MULTIPART_BOUNDARY_QUOTED", "boundary was quoted."),
    ("MULTIPART_BOUNDARY_WHITESPACE", "boundary whitespace in C-T header."),
    ("MULTIPART_CRLF_LF_LINES", "mixed line endings used (CRLF/LF)."),
    ("MULTIPART_DATA_AFTER", "seen data after last boundary."),
    ("MULTIPART_DATA_BEFORE", "seen data before first boundary."),
    ("MULTIPART_HEADER_FOLDING", "header folding used."),
    ("MULTIPART_INVALID_HEADER_FOLDING", "invalid header folding used."),
    ("MULTIPART_INVALID_PART", "invalid part parsing."),
    ("MULTIPART_INVALID_QUOTING", "invalid quoting used."),
    ("MULTIPART_LF_LINE", "incorrect line endings used (LF)."),
    ("MULTIPART_MISSING_SEMICOLON", "missing semicolon in C-T header."),
];

/// Our errors of bodies → the suite's words for the same.
static BODY: &[(&str, &str)] = &[
    ("`filename*` has no character set", "Multipart: Invalid Content-Disposition header (-16)"),
    ("`filename*` has no language", "Multipart: Invalid Content-Disposition header (-17)"),
    ("`filename*` has a bad character", "Multipart: Invalid Content-Disposition header (-18)"),
    ("`filename*` without `filename`", "Multipart: Warning: no filename= but filename*:"),
    (
        "content-disposition has no name",
        "Multipart: Content-Disposition header missing name field.",
    ),
    ("content-disposition has", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition is", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition names", "Multipart: Invalid Content-Disposition header."),
    ("content-disposition parameter", "Multipart: Invalid Content-Disposition header."),
    ("content type is not multipart", "Multipart: Invalid MIME type."),
    ("boundary goes on after its quote", "Multipart: Invalid boundary in C-T (characters)."),
    ("boundary holds characters", "Multipart: Invalid boundary in C-T (characters)."),
    ("boundary has no value", "Multipart: Invalid boundary in C-T (malformed)."),
    ("boundary is empty", "Multipart: Invalid boundary in C-T (empty)."),
    ("boundary is longer", "Multipart: Invalid boundary in C-T (length)."),
    (
        "boundary parameter is not in lower",
        "Multipart: Invalid boundary in C-T (case sensitivity).",
    ),
    ("boundary parameter is malformed", "Multipart: Invalid boundary in C-T (parameter name)."),
    ("boundary's quote does not end", "Multipart: Invalid boundary in C-T (quote)."),
    ("boundary has a quote on one side", "Multipart: Invalid boundary in C-T (quote)."),
    ("boundary line goes on", "Multipart: Invalid boundary: "),
    ("more than one boundary", "Multipart: Multiple boundary parameters in C-T."),
    ("names no boundary", "Multipart: Boundary not found in C-T."),
    ("multipart has no boundary", "Multipart: No boundaries found in payload."),
    ("lacks its final boundary", "Multipart: Final boundary missing."),
    ("ends within a part's header", "Multipart: Final boundary missing."),
    ("part has no content-disposition", "Multipart: Part missing Content-Disposition header."),
    ("header begins with a continuation", "Multipart: Invalid part header (folding error)."),
    ("part header has no valid name", "Multipart: Invalid part header (colon missing): "),
    ("part header holds a nul", "Multipart: Nul byte in part headers."),
    ("part header is longer", "Multipart: Part header too long."),
    ("part header stands twice", "Multipart: Duplicate part header: "),
    (
        "body without files is longer",
        "Request body excluding files is bigger than the maximum expected.",
    ),
    ("form has more arguments", "Skipping request argument, over limit"),
    ("json has more values", "Skipping request argument, over limit"),
    ("xml", "XML: Failed parsing document."),
];

/// An error of ours as `REQBODY_ERROR_MSG` has it there.
fn translated(error: &str) -> Option<String> {
    let (_, theirs) = BODY.iter().find(|(ours, _)| error.contains(ours))?;
    let kind = theirs.split(':').next().filter(|kind| matches!(*kind, "Multipart" | "XML"));
    Some(
        kind.map_or_else(|| (*theirs).to_owned(), |kind| format!("{kind} parsing error: {theirs}")),
    )
}

/// The suite names operators by their classes.
pub(super) fn class(operator: &str) -> String {
    const IRREGULAR: &[(&str, &str)] = &[
        ("streq", "StrEq"),
        ("strmatch", "StrMatch"),
        ("pmf", "PmFromFile"),
        ("ipmatchf", "IpMatchFromFile"),
        ("detectsqli", "DetectSQLi"),
        ("detectxss", "DetectXSS"),
        ("verifycc", "VerifyCC"),
        ("verifycpf", "VerifyCPF"),
        ("verifyssn", "VerifySSN"),
        ("verifysvnr", "VerifySVNR"),
        ("rxglobal", "RxGlobal"),
        ("pmfromfile", "PmFromFile"),
        ("beginswith", "BeginsWith"),
        ("endswith", "EndsWith"),
        ("containsword", "ContainsWord"),
        ("geolookup", "GeoLookup"),
        ("ipmatch", "IpMatch"),
        ("ipmatchfromfile", "IpMatchFromFile"),
    ];
    let known = IRREGULAR.iter().find(|(name, _)| name.eq_ignore_ascii_case(operator));
    if let Some((_, class)) = known {
        return (*class).to_owned();
    }
    let mut letters = operator.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

pub(super) fn text(bytes: &[u8]) -> String {
    bstr::BStr::new(bytes).to_string()
}

/// What is not printable as `\xHH`.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes.bytes() {
        match byte {
            32..=126 => out.push(char::from(byte)),
            _ => {
                let _infallible = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

/// The first bytes, and how many there are beside.
pub(super) fn limited(most: usize, text: String) -> String {
    match text.split_at_checked(most) {
        Some((start, rest)) if !rest.is_empty() => {
            format!("{start} ({} characters omitted)", rest.len())
        }
        _ => text,
    }
}
