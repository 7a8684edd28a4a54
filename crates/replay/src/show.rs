//! Bytes of strangers, shown to people.
//!
//! Invariants: what comes out is printable ASCII, whatever goes in, so it cannot move a cursor, change a
//! title, hide itself or look like another script's letters; a backslash stands before every byte that is not
//! itself (`\x1b`, `\n`, `\\`), so the bytes can be read back. Everything is cut to a bound.

/// Bytes before a place that are shown where a value is longer than the line.
const CONTEXT: usize = 24;

/// One byte.
fn push(byte: u8, out: &mut String) {
    match byte {
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        b'\\' => out.push_str("\\\\"),
        b' '..=b'~' => out.push(char::from(byte)),
        _ => out.push_str(&format!("\\x{byte:02x}")),
    }
}

/// All bytes, escaped.
pub fn escaped(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        push(*byte, &mut out);
    }
    out
}

/// Escaped bytes, cut where they would be longer than `width`, with `…` to say so.
pub fn cut(bytes: &[u8], width: usize) -> String {
    marked(bytes, None, width).text
}

/// Text of a rule file, cut: a backslash stays as it is, so that a pattern reads as it was written.
pub fn written(bytes: &[u8], width: usize) -> String {
    let mut out = String::new();
    for (count, byte) in bytes.iter().enumerate() {
        if count >= width {
            out.push_str(" …");
            break;
        }
        if *byte == b'\\' { out.push('\\') } else { push(*byte, &mut out) }
    }
    out
}

/// A value on one line, with a line that goes beneath it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The value, or the part of it around the place.
    pub text: String,
    /// Spaces, and `^` beneath the place; empty where there is none.
    pub beneath: String,
    /// The place lies beyond what is kept of the value.
    pub is_beyond: bool,
}

/// A value with a place (where it begins, how many bytes), in at most about `width` characters.
pub fn marked(bytes: &[u8], place: Option<(usize, usize)>, width: usize) -> Marked {
    let is_beyond = place.is_some_and(|(start, _)| start > bytes.len());
    let place = place.filter(|_| !is_beyond);
    let (start, end) = place.map_or((0, 0), |(start, len)| (start, start.saturating_add(len)));
    let first = if escaped_len(bytes, width) > width { start.saturating_sub(CONTEXT) } else { 0 };
    let (mut text, mut beneath) = (String::new(), String::new());
    if first > 0 {
        text.push_str("… ");
        beneath.push_str("  ");
    }
    for (index, byte) in bytes.iter().enumerate().skip(first) {
        if text.chars().count() >= width {
            text.push_str(" …");
            break;
        }
        let before = text.len();
        push(*byte, &mut text);
        let sign = if (start..end).contains(&index) { "^" } else { " " };
        beneath.push_str(&sign.repeat(text.len() - before));
    }
    if place.is_some_and(|(_, len)| len == 0) {
        let before = escaped(bytes.get(first..start).unwrap_or_default()).len();
        beneath = " ".repeat(before + if first > 0 { 2 } else { 0 }) + "^";
    }
    let beneath = beneath.trim_end().to_owned();
    Marked { text, beneath, is_beyond }
}

/// The length once escaped, counted no further than just past `enough`.
fn escaped_len(bytes: &[u8], enough: usize) -> usize {
    let part = bytes.get(..bytes.len().min(enough.saturating_add(1))).unwrap_or_default();
    escaped(part).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_but_printable_ascii() {
        let all: Vec<u8> = (0..=255).collect();
        let text = escaped(&all);
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
        assert_eq!(escaped(b"\x1b]0;title\x07a\\b\r\n\t"), "\\x1b]0;title\\x07a\\\\b\\r\\n\\t");
        assert_eq!(escaped("é\u{202e}".as_bytes()), "\\xc3\\xa9\\xe2\\x80\\xae");
    }

    #[test]
    fn patterns_read_as_they_were_written() {
        assert_eq!(written(b"(?i)\\bor\\x1b\x1b", 80), "(?i)\\bor\\x1b\\x1b");
        assert_eq!(written(b"abcdef", 3), "abc …");
    }

    #[test]
    fn places_are_marked() {
        for (bytes, place, width, text, beneath) in [
            (&b"1 or 1=1"[..], Some((2, 2)), 40, "1 or 1=1", "  ^^"),
            (b"a\x00b", Some((1, 1)), 40, "a\\x00b", " ^^^^"),
            (b"abc", None, 40, "abc", ""),
            (b"abc", Some((3, 0)), 40, "abc", "   ^"),
            (b"", Some((0, 0)), 40, "", "^"),
            (b"abcdef", Some((0, 6)), 4, "abcd …", "^^^^"),
            (b"abc", Some((2, 900)), 40, "abc", "  ^"),
        ] {
            let marked = marked(bytes, place, width);
            assert_eq!((marked.text.as_str(), marked.beneath.as_str()), (text, beneath));
            assert!(!marked.is_beyond);
        }
    }

    #[test]
    fn a_long_value_is_shown_around_its_place() {
        let value = [&[b'a'; 500][..], b"<script>", &[b'b'; 500]].concat();
        let shown = marked(&value, Some((500, 8)), 60);
        assert!(shown.text.starts_with("… aaa") && shown.text.ends_with("bbb …"), "{shown:?}");
        let at = shown.beneath.find('^').unwrap();
        let text: String = shown.text.chars().skip(at).take(8).collect();
        assert_eq!(text, "<script>");
        assert!(marked(&value, Some((5_000, 2)), 60).is_beyond);
        assert_eq!(cut(&value, 3), "aaa …");
    }
}
