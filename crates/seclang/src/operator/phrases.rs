//! `@pm`, `@pmFromFile`: many phrases at once, ASCII case ignored.

use super::DataFiles;
use crate::transform::hex_value;
use aho_corasick::{AhoCorasick, MatchKind};
use std::ops::Range;

/// A set of phrases.
#[derive(Debug)]
pub(crate) struct Phrases {
    automaton: AhoCorasick,
    texts: Vec<Vec<u8>>,
}

impl Phrases {
    /// Separated by white space; `|41 42|` stands for bytes.
    pub(super) fn from_parameter(parameter: &[u8]) -> Result<Self, String> {
        let mut phrases = Vec::new();
        for word in decode_hex(parameter)?.split(u8::is_ascii_whitespace) {
            if !word.is_empty() {
                phrases.push(word.to_vec());
            }
        }
        Self::new(&phrases)
    }

    /// One a line in each of the files; lines that begin with `#` are comments.
    pub(super) fn from_files(parameter: &[u8], files: &dyn DataFiles) -> Result<Self, String> {
        let mut phrases = Vec::new();
        for name in parameter.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty()) {
            let content = super::data(name, files)
                .map_err(|why| format!("`{}`: {why}", bstr::BStr::new(name)))?;
            for line in content.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
                if !line.is_empty() && !line.starts_with(b"#") {
                    phrases.push(line.to_vec());
                }
            }
        }
        Self::new(&phrases)
    }

    fn new(phrases: &[Vec<u8>]) -> Result<Self, String> {
        if phrases.is_empty() {
            return Err("no phrases to look for".to_owned());
        }
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(phrases)
            .map(|automaton| Self { automaton, texts: phrases.to_vec() })
            .map_err(|error| format!("phrases do not compile: {error}"))
    }

    /// The phrases themselves.
    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }

    /// The phrase that ends first.
    pub(super) fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        self.automaton.find(value).map(|found| found.range())
    }
}

/// `A|42|c` is `ABc`.
fn decode_hex(parameter: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for (index, part) in parameter.split(|&byte| byte == b'|').enumerate() {
        if index % 2 == 0 {
            out.extend_from_slice(part);
            continue;
        }
        let digits: Vec<u8> =
            part.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        for pair in digits.chunks(2) {
            let byte = match pair {
                [high, low] => {
                    hex_value(*high).zip(hex_value(*low)).map(|(high, low)| high << 4 | low)
                }
                _ => None,
            };
            out.push(byte.ok_or("between bars only pairs of hexadecimal digits are allowed")?);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, matches};

    #[test]
    fn phrases() {
        for (list, value, found) in [
            ("abc def", "xDEFx", true),
            ("abc def", "ab de", false),
            ("a|42 43|d", "abcd", true),
            ("  abc  ", "abc", true),
        ] {
            assert_eq!(matches("pm", list, value.as_bytes()), found, "{list} {value}");
        }
        assert!(matches("pmFromFile", "words.data", b"x UNION ALL y"));
        assert!(!matches("pmf", "words.data", b"union"));
        assert_eq!(ask("pm", "b", b"abc").unwrap().unwrap().groups[..], [Some(1..2)]);
        for bad in ["", "|4|", "|zz|"] {
            assert!(ask("pm", bad, b"").is_err(), "{bad}");
        }
    }
}
