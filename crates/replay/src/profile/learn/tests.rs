//! What is learned from recordings, and what is not.

use super::*;
use crate::run::tests::{request, rules};
use burgrave_seclang::application::read;
use std::path::Path;

const RULES: &str = "SecRule ARGS \"@rx (?i)union|'\" \"id:1,phase:2,pass,severity:CRITICAL,setvar:tx.inbound_anomaly_score_pl1=+5,tag:'attack-sqli'\"\n\
    SecRule ARGS \"@rx -.*-\" \"id:2,phase:2,pass,severity:WARNING,setvar:tx.inbound_anomaly_score_pl1=+3,tag:'attack-sqli'\"\n\
    SecRule REQUEST_HEADERS:X-Odd \"@rx .\" \"id:3,phase:1,pass,severity:NOTICE\"\n\
    SecRule REQUEST_HEADERS:X-Bad \"@rx .\" \"id:4,phase:1,deny\"\n\
    SecRule TX:inbound_anomaly_score_pl1 \"@ge 3\" \"id:9,phase:2,deny,severity:CRITICAL\"";

fn named(raw: impl Iterator<Item = String>) -> Vec<NamedRequest> {
    raw.map(|raw| (raw.clone(), request(&raw))).collect()
}

fn text(raw: Vec<String>, least: u32) -> String {
    let requests = named(raw.into_iter());
    let draft = learn(&rules(RULES), &Lesson { requests: &requests, least }, &Circumstances::at(0));
    let text = draft.text();
    assert!(read(Path::new("p"), text.as_bytes()).is_ok(), "{text}");
    text
}

/// So many requests, each with its number in the place of `#`.
fn many(line: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("GET {} HTTP/1.1\n", line.replace('#', &at.to_string()))).collect()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|own| own == line), "no `{line}` in:\n{text}");
}

#[test]
fn types_are_learned_from_values() {
    let query = "/orders/#?n=#&price=#.5&on=true&day=2024-01-01&id=6f9619ff-8b86-d011-b42d-00c04fc964ff&sku=AB-#&q=a+b%3c#&empty=";
    let text = text(many(query, 30), 20);
    has(&text, "# Learned from 30 of 30 requests; an argument has to be in 20 of them.");
    has(&text, "route GET /orders/{id1}");
    for line in [
        "  path id1 integer",
        "  # values: 30, requests: 30, bytes: 1 to 2",
        "  query n integer",
        "  query price number",
        "  query on boolean",
        "  query day date",
        "  query id uuid",
        "  query sku token A-Z0-9- 4..5",
        "  # query q: values: 30, requests: 30, bytes: 5 to 6; free text.",
    ] {
        has(&text, line);
    }
    assert!(!text.contains("empty"), "{text}");
}

#[test]
fn words_are_learned_where_each_comes_often() {
    let mut raw = many("/a?sort=asc&x=#", 20);
    raw.extend(many("/a?sort=desc&y=#", 20));
    has(&text(raw.clone(), 20), "  query sort one-of asc desc");
    raw.extend(many("/a?sort=whoami", 1));
    let once = text(raw, 20);
    has(&once, "  # query sort: values: 41, requests: 41, bytes: 3 to 6; free text.");
    let odd = text(many("/a?path=..%2fetc&x=#", 30), 20);
    assert!(odd.contains("that could be an attack"), "{odd}");
}

#[test]
fn forms_and_json_are_learned_by_the_names_of_the_engine() {
    let form = |at: usize| {
        format!(
            "POST /f HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\nn={at}&n={at}"
        )
    };
    let form = text((0..20).map(form).collect(), 20);
    has(&form, "  form n integer");
    has(&form, "  # values: 40, requests: 20, bytes: 1 to 2");
    let json = |at: usize| {
        format!(
            "POST /j HTTP/1.1\nContent-Type: application/json\n\n{{\"items\":[{{\"n\":{at}}},{{\"n\":1}}],\"a b\":1}}"
        )
    };
    let json = text((0..20).map(json).collect(), 20);
    has(&json, "  json items[].n integer");
    has(&json, "  # json json.a b: its name cannot be written.");
}

#[test]
fn too_few_teach_nothing() {
    let few = text(many("/a?n=#", 19), 20);
    has(&few, "  # query n: values: 19, requests: 19, bytes: 1 to 2; too few.");
    let same = text(many("/a?n=7", 50), 20);
    has(&same, "# The same as one before: 49.");
    assert!(same.contains("too few"), "{same}");
    has(&text(many("/a?n=7", 50), 1), "  query n integer");
}

/// Whoever poisons a recording must not get a wider type for it.
#[test]
fn what_a_rule_takes_for_an_attack_teaches_nothing() {
    let mut raw = many("/a?n=#&s=a-#", 20);
    for attack in ["/a?n=union#", "/a?n=#&s='", "/a?s=a-b-#&n=1"] {
        raw.extend(many(attack, 20));
    }
    raw.extend((0..20).map(|at| format!("GET /a?n={at}x HTTP/1.1\nX-Bad: 1\n")));
    let text = text(raw, 20);
    has(&text, "# Taken for an attack, and taught nothing: 80.");
    has(&text, "  query n integer");
    has(&text, "  query s token a-z0-9- 3..4");
}

#[test]
fn a_false_positive_on_a_plain_value_teaches() {
    let dates = text(many("/a?day=2024-01-01&x=#", 20), 20);
    has(&dates, "  query day date");
    let notice = (0..20).map(|at| format!("GET /a?n={at} HTTP/1.1\nX-Odd: 1\n")).collect();
    has(&text(notice, 20), "  query n integer");
}

#[test]
fn an_odd_path_teaches_nothing() {
    let mut raw = Vec::new();
    for path in ["//a", "/a%2fb", "/a/../b", "/a;x"] {
        raw.extend(many(&format!("{path}?n=#"), 5));
    }
    let text = text(raw, 1);
    has(&text, "# With a path in an odd spelling, and taught nothing: 20.");
    assert!(!text.contains("route "), "{text}");
    let route = |path: &str| route(path.as_bytes()).map(|(template, _)| template);
    assert_eq!(route("/a/7/2024-01-01/b7").as_deref(), Some("/a/{id1}/{date2}/b7"));
    assert_eq!(route("/"), Some("/".to_owned()));
    assert_eq!(route("*"), None);
}
