//! Readers of what a client sends.

use crate::hold;
use burgrave_parse::{
    cookies as jar, form as pairs, json as values, multipart as parts, xml as document,
};

const PAIRS_MAX: usize = 50;

/// Pairs of a form, put together again, are the input without its empty parts.
pub fn form(input: &[u8]) {
    let (found, more) = pairs::pairs(input, b'&', PAIRS_MAX);
    let all: Vec<&[u8]> =
        input.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).collect();
    hold(found.len() == all.len().min(PAIRS_MAX), "pairs are missing", input);
    hold(more == (all.len() > PAIRS_MAX), "what was left out is not told", input);
    for ((name, value), part) in found.iter().zip(all) {
        let whole = [name, &b"="[..], value].concat();
        let same = whole == part || (value.is_empty() && *name == part);
        hold(same && !name.contains(&b'='), "a pair is not what was sent", input);
    }
}

/// Names and values of cookies stand in the header in their order, and none is left out within the bound.
pub fn cookies(input: &[u8]) {
    let found = jar::pairs(input, PAIRS_MAX);
    let parts = input.split(|byte| *byte == b';').map(<[u8]>::trim_ascii_start);
    let wanted = parts.filter(|part| !part.is_empty()).count();
    hold(found.len() == wanted.min(PAIRS_MAX), "cookies are missing", input);
    let mut rest = input;
    for text in found.iter().flat_map(|(name, value)| [name, value]) {
        let at = rest.windows(text.len().max(1)).position(|window| window == *text);
        let at = if text.is_empty() { Some(0) } else { at };
        let Some(at) = at else { panic!("no such text in {}", input.escape_ascii()) };
        rest = rest.get(at + text.len()..).unwrap_or_default();
    }
}

/// What another reader of JSON accepts is accepted, with as many values, and with the same strings under the same paths.
pub fn json(input: &[u8]) {
    const LIMITS: values::Limits = values::Limits { depth_max: 64, values_max: 500 };
    let mut found = Vec::new();
    let ours = values::read(input, LIMITS, |path, value| {
        found.push((path.to_vec(), value.to_vec()));
    });
    let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(input) else { return };
    let (depth, count) = measure(&theirs);
    if depth > 32 || count > 400 || has_twice(input) {
        return;
    }
    if let Err(error) = ours {
        panic!("{}: {}", error.0, input.escape_ascii());
    }
    hold(found.len() == count, "there are more or fewer values in the document", input);
    let mut expected = Vec::new();
    strings("json".to_owned(), &theirs, &mut expected);
    for (path, value) in expected {
        let same = |own: &(Vec<u8>, Vec<u8>)| own.0 == path.as_bytes() && own.1 == value.as_bytes();
        hold(found.iter().any(same), "a string of the document is missing", input);
    }
}

/// The strings of a value, each with its path.
fn strings(path: String, value: &serde_json::Value, all: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                strings(format!("{path}.array_{at}"), element, all);
            }
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                strings(format!("{path}.{name}"), member, all);
            }
        }
        serde_json::Value::String(text) => all.push((path, text.clone())),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

/// Levels, and values that are no container.
fn measure(value: &serde_json::Value) -> (usize, usize) {
    let of_all = |all: &mut dyn Iterator<Item = &serde_json::Value>| {
        let each = all.map(measure);
        let (depth, count) =
            each.fold((0, 0), |(deep, sum), (depth, count)| (deep.max(depth), sum + count));
        (depth + 1, count)
    };
    match value {
        serde_json::Value::Array(all) => of_all(&mut all.iter()),
        serde_json::Value::Object(all) => of_all(&mut all.values()),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => (1, 1),
    }
}

/// A name that comes twice may stand for two values here and for one there.
fn has_twice(input: &[u8]) -> bool {
    input.windows(2).filter(|pair| *pair == b"\":").count() > 1
}

/// Parts lie within the body, behind each other, and hold no boundary of their own.
pub fn multipart(input: &[u8]) {
    const LIMITS: parts::Limits =
        parts::Limits { parts_max: 20, headers_max: 8, header_bytes_max: 512 };
    let (content_type, body) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (input.get(..at).unwrap_or_default(), input.get(at + 1..).unwrap_or_default()),
        None => (&b"multipart/form-data; boundary=B"[..], input),
    };
    let read = parts::parse(content_type, body, LIMITS);
    hold(read.parts.len() <= LIMITS.parts_max, "more parts than the limit", input);
    let mut end = 0;
    for part in &read.parts {
        let inside = part.content.start >= end && part.content.end <= body.len();
        hold(inside && part.content.start <= part.content.end, "parts overlap", input);
        hold(part.headers.len() <= LIMITS.headers_max, "more headers than the limit", input);
        end = part.content.end;
        let content = body.get(part.content.clone()).unwrap_or_default();
        if content_type == b"multipart/form-data; boundary=B" {
            let ends = content.windows(5).any(|window| window == b"\r\n--B");
            hold(!ends, "a boundary within a part", input);
        }
    }
}

/// All text of a document is what `/*` selects, and no more than the bound.
pub fn xml(input: &[u8]) {
    const LIMITS: document::Limits =
        document::Limits { depth_max: 32, nodes_max: 500, text_bytes_max: 4096 };
    let Ok(read) = document::Document::parse(input, LIMITS) else { return };
    let Ok(path) = document::XPath::parse("/*") else { panic!("`/*` is a path") };
    let Ok(selected) = read.select(&path) else { return };
    let all = selected.concat();
    hold(all == read.root_text(), "`/*` is not all text", input);
    hold(all.len() <= LIMITS.text_bytes_max, "more text than the limit", input);
    let again = document::Document::parse(input, LIMITS);
    let same = again.is_ok_and(|again| again.root_text() == all);
    hold(same, "a second reading differs", input);
}
