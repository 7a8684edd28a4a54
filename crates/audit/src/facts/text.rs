//! Text of configuration files: where a line stands, what its words are.
//!
//! Invariants: bytes that are no UTF-8 become visible as `\xff`, so that nothing is hidden by a
//! replacement and nothing is lost; everything is linear in the text.

use std::path::Path;
use std::sync::Arc;

/// A line of a file; line 0 is the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub path: Arc<Path>,
    /// From 1.
    pub line: u32,
}

/// One line with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands.
    pub place: Place,
    /// Without its end, not trimmed.
    pub text: String,
}

/// Bytes as text, those that are no UTF-8 as `\xff`.
pub fn text_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The lines of a text with their numbers; a byte order mark and carriage returns are no part of them.
pub fn lines(path: &Path, text: &str) -> Vec<Line> {
    let path: Arc<Path> = Arc::from(path);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.lines().zip(1_u32..);
    numbered
        .map(|(line, number)| Line {
            place: Place { path: Arc::clone(&path), line: number },
            text: line.to_owned(),
        })
        .collect()
}

/// Lines whose continuation (a backslash at the end) is joined to them; the first number counts.
pub fn joined(lines: Vec<Line>) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut open = false;
    for mut line in lines {
        let goes_on = line.text.ends_with('\\');
        if goes_on {
            line.text.pop();
        }
        match out.last_mut() {
            Some(last) if open => {
                last.text.push(' ');
                last.text.push_str(&line.text);
            }
            _ => out.push(line),
        }
        open = goes_on;
    }
    out
}

/// The part of a line in front of a comment that begins with one of these at the line's start or
/// behind white space, outside quotes.
pub fn uncommented<'t>(line: &'t str, marks: &str) -> &'t str {
    let (mut quote, mut before) = (None, ' ');
    for (at, letter) in line.char_indices() {
        match quote {
            Some(open) => quote = (letter != open).then_some(open),
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None if marks.contains(letter) && before.is_whitespace() => {
                return line.get(..at).unwrap_or(line);
            }
            None => {}
        }
        before = letter;
    }
    line
}

/// Words separated by white space; single and double quotes hold a word together and are taken off.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut word, mut quote, mut some) = (String::new(), None, false);
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') => {
                quote = Some(letter);
                some = true;
            }
            None if letter.is_whitespace() => {
                if some || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                some = false;
            }
            Some(_) | None => word.push(letter),
        }
    }
    if some || !word.is_empty() {
        out.push(word);
    }
    out
}

/// A value without the quotes around it.
pub fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// Whether a configuration's value means yes.
pub fn is_yes(value: &str) -> bool {
    let value = unquoted(value);
    ["yes", "on", "true", "1", "enabled", "enable"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

/// Whether a configuration's value means no.
pub fn is_no(value: &str) -> bool {
    let value = unquoted(value);
    ["no", "off", "false", "0", "disabled", "disable", "none", ""]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_comments_are_taken_as_programs_take_them() {
        assert_eq!(words(r#"a "b c" d'e f'g "" "#), ["a", "b c", "de fg", ""]);
        for (line, wanted) in [
            ("a # b", "a "),
            ("a#b", "a#b"),
            ("# all", ""),
            ("a '# no' # yes", "a '# no' "),
            ("a ; b", "a "),
        ] {
            assert_eq!(uncommented(line, "#;"), wanted, "{line}");
        }
        assert_eq!(unquoted(" \"x\" "), "x");
        assert_eq!(unquoted("'"), "'");
        assert!(is_yes("On") && !is_yes("off") && is_no("No") && !is_no("2"));
    }

    #[test]
    fn lines_keep_their_numbers_when_joined() {
        let found = joined(lines(Path::new("/x"), "a \\\n b\r\nc\n"));
        let found: Vec<_> =
            found.iter().map(|line| (line.place.line, line.text.as_str())).collect();
        assert_eq!(found, [(1, "a   b"), (3, "c")]);
    }

    #[test]
    fn no_byte_is_lost() {
        assert_eq!(text_of(b"a\xffb\xc3\xa4"), "a\\xffb\u{e4}");
    }
}
