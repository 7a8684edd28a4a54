//! Evidence of one exchange, in two lines that are safe to print and to keep.

use crate::wire::Reply;
use crate::wire::answer::Answer;
use burgrave_model::{Evidence, Outcome};

/// Most characters of a line.
const LINE_CHARS_MAX: usize = 200;
/// Bytes of a refusal's body that are shown.
const BODY_BYTES_SHOWN: usize = 60;

/// Evidence with both lines shortened.
pub(crate) fn evidence(did: &str, saw: &str, outcome: Outcome) -> Evidence {
    Evidence { did: shorten(did), saw: shorten(saw), outcome }
}

/// What could not be proven, and why.
pub(crate) fn not_proven(did: &str, why: &str) -> Evidence {
    evidence(did, why, Outcome::NotProven)
}

/// Bytes as one line of printable ASCII.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// What came back, in one line. The body of a refusal is shown; that of an answer that went through
/// may hold the user's data, and only its size is told.
pub(crate) fn saw(reply: &Reply) -> String {
    match reply {
        Reply::Answer(answer) => saw_answer(answer),
        Reply::Closed(how) => format!("no answer: {how}"),
        Reply::Silent => "no answer within the time that a proof waits".to_owned(),
        Reply::Garbage(bytes) => format!("{} bytes that are no HTTP", bytes.len()),
        Reply::Unsent(error) => format!("could not ask: {}", with_source(error)),
    }
}

fn with_source(error: &crate::wire::WireError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn saw_answer(answer: &Answer) -> String {
    let line = printable(answer.status_line());
    if answer.status < 400 || answer.body.is_empty() {
        return format!("{line}, {} bytes of body", answer.body.len());
    }
    let first = answer.body.get(..BODY_BYTES_SHOWN).unwrap_or(&answer.body);
    format!("{line}, `{}`", printable(first))
}

/// Cuts a line, never within a character. Control characters are escaped.
pub(crate) fn shorten(text: &str) -> String {
    let clean: String = text
        .chars()
        .flat_map(|character| {
            let plain = !character.is_control();
            let escaped = (!plain).then(|| character.escape_default());
            plain.then_some(character).into_iter().chain(escaped.into_iter().flatten())
        })
        .take(LINE_CHARS_MAX + 1)
        .collect();
    if clean.chars().count() <= LINE_CHARS_MAX {
        return clean;
    }
    clean.chars().take(LINE_CHARS_MAX - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::answer::sample as reply;

    #[test]
    fn lines_are_one_line_and_short() {
        assert_eq!(shorten("a\r\nb\u{1b}[0m"), "a\\r\\nb\\u{1b}[0m");
        let long = shorten(&"\u{20ac}".repeat(500));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('\u{2026}'));
        assert_eq!(shorten(&"x".repeat(200)).len(), 200);
    }

    #[test]
    fn what_went_through_is_counted_and_not_shown() {
        let through = saw(&reply("HTTP/1.1 200 OK\r\n\r\nDB_PASSWORD=hunter2"));
        assert_eq!(through, "HTTP/1.1 200 OK, 19 bytes of body");
        let refused = saw(&reply("HTTP/1.1 403 Forbidden\r\n\r\n<h1>403\n</h1>"));
        assert_eq!(refused, "HTTP/1.1 403 Forbidden, `<h1>403\\n</h1>`");
    }
}
