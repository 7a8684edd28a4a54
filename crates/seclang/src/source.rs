//! From files to logical lines: includes, continuation, comments, quoting.

use crate::error::LoadError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One directive with its words, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The file.
    pub(crate) file: Arc<Path>,
    /// The line on which it begins, from 1.
    pub(crate) number: usize,
    /// The directive's name as written.
    pub(crate) directive: String,
    /// Its arguments, quotes taken off.
    pub(crate) words: Vec<Vec<u8>>,
    /// The last of them lacks its closing quote.
    pub(crate) is_open: bool,
}

impl Line {
    /// An error at this line.
    pub(crate) fn error(&self, message: impl Into<String>) -> LoadError {
        LoadError { file: self.file.to_path_buf(), line: self.number, message: message.into() }
    }
}

/// Splits a file into directives. An unreadable directive is an error of its own; the rest goes on.
pub(crate) fn lines(file: &Path, text: &[u8], errors: &mut Vec<LoadError>) -> Vec<Line> {
    let file: Arc<Path> = Arc::from(file);
    let mut found = Vec::new();
    let mut logical: Vec<u8> = Vec::new();
    let mut began = 1;
    for (index, physical) in text.split(|&byte| byte == b'\n').enumerate() {
        if logical.is_empty() {
            began = index + 1;
        }
        let physical = physical.strip_suffix(b"\r").unwrap_or(physical);
        let trimmed = physical.trim_ascii_end();
        if let Some(open) = trimmed.strip_suffix(b"\\") {
            logical.extend_from_slice(open);
            continue;
        }
        logical.extend_from_slice(physical);
        push(&file, began, &logical, &mut found, errors);
        logical.clear();
    }
    push(&file, began, &logical, &mut found, errors);
    found
}

fn push(
    file: &Arc<Path>,
    number: usize,
    logical: &[u8],
    found: &mut Vec<Line>,
    errors: &mut Vec<LoadError>,
) {
    let text = logical.trim_ascii();
    if text.is_empty() || text.starts_with(b"#") {
        return;
    }
    match words(text) {
        Ok((mut words, is_open)) => {
            let directive = String::from_utf8(words.remove(0)).unwrap_or_default();
            found.push(Line { file: Arc::clone(file), number, directive, words, is_open });
        }
        Err(message) => {
            errors.push(LoadError { file: PathBuf::from(&**file), line: number, message });
        }
    }
}

/// Words separated by white space; `"…"` or `'…'` keep it, with the quote escaped by a backslash.
/// Other backslashes stay as they are: they belong to the regular expression.
fn words(text: &[u8]) -> Result<(Vec<Vec<u8>>, bool), String> {
    let mut words = Vec::new();
    let mut is_open = false;
    let mut rest = text.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let quote = (first == b'"' || first == b'\'').then_some(first);
        let (word, after) = if let Some(quote) = quote {
            let inner = rest.get(1..).unwrap_or_default();
            match quoted(inner, quote) {
                // A rule's actions end with the line in any case.
                Err(_) if words.len() == 3 => {
                    is_open = true;
                    (inner.to_vec(), &[][..])
                }
                other => other?,
            }
        } else {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            (word.to_vec(), after)
        };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Ok((words, is_open))
}

fn quoted(text: &[u8], quote: u8) -> Result<(Vec<u8>, &[u8]), String> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [] => return Err("a quoted argument has no closing quote".to_owned()),
            [b'\\', next, tail @ ..] if *next == quote => {
                word.push(quote);
                rest = tail;
            }
            // An escaped backslash does not escape the quote after it.
            [b'\\', b'\\', tail @ ..] => {
                word.extend_from_slice(b"\\\\");
                rest = tail;
            }
            [byte, tail @ ..] => {
                if *byte == quote {
                    return Ok((word, tail));
                }
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<Line>, Vec<LoadError>) {
        let mut errors = Vec::new();
        let lines = lines(Path::new("t.conf"), text.as_bytes(), &mut errors);
        (lines, errors)
    }

    fn shown(line: &Line) -> String {
        let words: Vec<_> =
            line.words.iter().map(|word| String::from_utf8(word.clone()).unwrap()).collect();
        format!("{}:{}:{}", line.number, line.directive, words.join("|"))
    }

    #[test]
    fn continuation_comments_and_quotes() {
        let (lines, errors) = parse(
            "# SecRule a \\\n still a comment\nSecRule ARGS \"a \\\"b\\\" c\" \\\n  \"id:1,\\\n  pass\"\r\n\n  SecMarker END\nSecX 'a b' \"c\\\\\"",
        );
        assert!(errors.is_empty(), "{errors:?}");
        let shown: Vec<_> = lines.iter().map(shown).collect();
        assert_eq!(
            shown,
            ["3:SecRule:ARGS|a \"b\" c|id:1,  pass", "7:SecMarker:END", "8:SecX:a b|c\\\\"]
        );
    }

    #[test]
    fn an_open_quote_of_actions_ends_with_the_line() {
        let (lines, errors) = parse("SecRule ARGS \"x\" \"id:1,deny\nSecMarker B");
        assert!(errors.is_empty(), "{errors:?}");
        let words: Vec<_> = lines.iter().map(shown).collect();
        assert_eq!(words, ["1:SecRule:ARGS|x|id:1,deny", "2:SecMarker:B"]);
        assert_eq!(lines.iter().map(|line| line.is_open).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn an_open_quote_is_an_error_at_its_line() {
        let (lines, errors) = parse("SecMarker A\nSecRule ARGS \"x\nSecMarker B\n");
        assert_eq!(lines.len(), 2);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].line, 2);
    }
}
