//! `@pm`, `@pmFromFile`: many phrases at once, ASCII case ignored.

use super::DataFiles;
use crate::transform::hex_value;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::ops::Range;

/// A set of phrases.
#[derive(Debug)]
pub(crate) struct Phrases {
    automaton: AhoCorasick,
    texts: Vec<Vec<u8>>,
}

/// Those of a parameter: separated by white space; `|41 42|` stands for bytes.
pub(super) fn from_parameter(parameter: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let decoded = decode_hex(parameter)?;
    let words = decoded.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    Ok(words.map(<[u8]>::to_vec).collect())
}

/// Those of files: one a line in each; lines that begin with `#` are comments.
pub(super) fn from_files(parameter: &[u8], files: &dyn DataFiles) -> Result<Vec<Vec<u8>>, String> {
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
    Ok(phrases)
}

impl Phrases {
    pub(super) fn new(texts: Vec<Vec<u8>>) -> Result<Self, String> {
        if texts.is_empty() {
            return Err("no phrases to look for".to_owned());
        }
        // One case makes half the automaton of two. The same kind for few and for many: values without a phrase seldom
        // get here.
        let lower = texts.iter().map(|text| text.to_ascii_lowercase());
        AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .prefilter(false)
            .build(lower)
            .map(|automaton| Self { automaton, texts })
            .map_err(|error| format!("phrases do not compile: {error}"))
    }

    /// The phrases themselves.
    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }

    /// The phrase that ends first.
    pub(super) fn find(&self, value: &[u8]) -> Option<Range<usize>> {
        let found = if value.iter().any(u8::is_ascii_uppercase) {
            self.automaton.find(&value.to_ascii_lowercase())
        } else {
            self.automaton.find(value)
        };
        found.map(|found| found.range())
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
            ("aBc", "xAbC", true),
            ("aBc", "xabc", true),
            ("a\u{c4}", "xA\u{c4}", true),
            ("a\u{c4}", "xa\u{e4}", false),
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
