//! JSON (RFC 8259) as a flat list of paths and values, the way rules see it.
//!
//! The root is `json`; a member adds `.name`, an element `.array_N`… except that, as in the
//! reference, the position stands on the array itself: `json.items.array_0.id`.

use crate::Malformed;

/// Bounds of a document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Objects and arrays within each other.
    pub depth_max: usize,
    /// Values.
    pub values_max: usize,
}

/// Hands over the scalars of a document in order, each with its path (`json.a.array_0.b`): a string decoded, a number as
/// written, `true`, `false`, or nothing for null. More than [`Limits::values_max`] of them
/// is malformed, and so is anything that is not exactly one JSON value; what was handed over before that was
/// seen is then to be dropped.
pub fn read(input: &[u8], limits: Limits, take: impl FnMut(&[u8], &[u8])) -> Result<(), Malformed> {
    let (path, room) = (b"json".to_vec(), Vec::new());
    let mut parser = Parser { rest: input, count: 0, path, room, limits, take };
    let mut open: Vec<Container> = Vec::new();
    parser.skip_space();
    loop {
        let opened = parser.value()?;
        if let Some(container) = opened {
            if open.len() >= limits.depth_max {
                return Err(Malformed::new("json nesting is deeper than the limit"));
            }
            open.push(container);
            if parser.first_in(&mut open)? {
                continue;
            }
        }
        loop {
            parser.skip_space();
            if open.is_empty() {
                if parser.rest.is_empty() {
                    return Ok(());
                }
                return Err(Malformed::new("json goes on after its end"));
            }
            if parser.next_in(&mut open)? {
                break;
            }
        }
    }
}

/// An open object or array with the length of the path outside it.
#[derive(Clone, Copy)]
struct Container {
    path_before: usize,
    /// `Some(n)`: an array, at element n.
    element: Option<usize>,
}

struct Parser<'a, Take> {
    rest: &'a [u8],
    /// Values that were handed over.
    count: usize,
    path: Vec<u8>,
    /// Room for a string whose escapes are decoded.
    room: Vec<u8>,
    limits: Limits,
    take: Take,
}

/// A string or a name.
enum Text<'a> {
    /// As it stands in the document.
    Plain(&'a [u8]),
    /// In the parser's room.
    Decoded,
}

impl<'a, Take: FnMut(&[u8], &[u8])> Parser<'a, Take> {
    fn skip_space(&mut self) {
        let space =
            self.rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.advance(space.count());
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        self.advance(usize::from(found));
        found
    }

    /// A scalar is recorded; a container is opened and returned.
    fn value(&mut self) -> Result<Option<Container>, Malformed> {
        let text = match self.rest.first() {
            Some(b'{') => {
                self.advance(1);
                return Ok(Some(Container { path_before: self.path.len(), element: None }));
            }
            Some(b'[') => {
                self.advance(1);
                return Ok(Some(Container { path_before: self.path.len(), element: Some(0) }));
            }
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => Text::Plain(self.number()?),
            _ => Text::Plain(self.word()?),
        };
        if self.count >= self.limits.values_max {
            return Err(Malformed::new("json has more values than the limit"));
        }
        self.count += 1;
        let value = match text {
            Text::Plain(text) => text,
            Text::Decoded => &self.room,
        };
        (self.take)(&self.path, value);
        Ok(None)
    }

    /// After an opening bracket: true when a value follows, false when it closes at once.
    fn first_in(&mut self, open: &mut Vec<Container>) -> Result<bool, Malformed> {
        self.skip_space();
        let Some(&container) = open.last() else { return Ok(false) };
        let close = if container.element.is_some() { b']' } else { b'}' };
        if self.eat(close) {
            open.pop();
            return Ok(false);
        }
        self.enter(container)?;
        Ok(true)
    }

    /// After a value within a container: true when another follows, false when it closes.
    fn next_in(&mut self, open: &mut Vec<Container>) -> Result<bool, Malformed> {
        let Some(container) = open.last_mut() else { return Ok(false) };
        self.path.truncate(container.path_before);
        let close = if container.element.is_some() { b']' } else { b'}' };
        if self.eat(close) {
            open.pop();
            return Ok(false);
        }
        if !self.eat(b',') {
            return Err(Malformed::new("json lacks a comma or a closing bracket"));
        }
        container.element = container.element.map(|element| element + 1);
        let container = *container;
        self.skip_space();
        self.enter(container)?;
        Ok(true)
    }

    /// Puts the element's number or the member's name on the path.
    fn enter(&mut self, container: Container) -> Result<(), Malformed> {
        if let Some(element) = container.element {
            self.path.extend_from_slice(b".array_");
            crate::push_decimal(u64::try_from(element).unwrap_or(u64::MAX), &mut self.path);
        } else {
            if self.rest.first() != Some(&b'"') {
                return Err(Malformed::new("json member has no name"));
            }
            self.path.push(b'.');
            match self.string()? {
                Text::Plain(name) => self.path.extend_from_slice(name),
                Text::Decoded => self.path.extend_from_slice(&self.room),
            }
            self.skip_space();
            if !self.eat(b':') {
                return Err(Malformed::new("json member has no colon"));
            }
            self.skip_space();
        }
        if self.path.len() > 64 * 1024 {
            return Err(Malformed::new("json path is longer than the limit"));
        }
        Ok(())
    }

    fn word(&mut self) -> Result<&'a [u8], Malformed> {
        for (word, value) in [("true", "true"), ("false", "false"), ("null", "")] {
            if self.rest.starts_with(word.as_bytes()) {
                self.advance(word.len());
                return Ok(value.as_bytes());
            }
        }
        Err(Malformed::new("json value expected"))
    }

    fn number(&mut self) -> Result<&'a [u8], Malformed> {
        let all = self.rest;
        let bad = || Malformed::new("json number is malformed");
        self.eat(b'-');
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(bad());
        }
        if self.eat(b'.') && self.digits() == 0 {
            return Err(bad());
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _signed = self.eat(b'+') || self.eat(b'-');
            if self.digits() == 0 {
                return Err(bad());
            }
        }
        Ok(all.get(..all.len() - self.rest.len()).unwrap_or_default())
    }

    fn digits(&mut self) -> usize {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(count);
        count
    }

    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        self.advance(1);
        let text = self.plain();
        if self.eat(b'"') {
            return Ok(Text::Plain(text));
        }
        self.room.clear();
        self.room.extend_from_slice(text);
        loop {
            match self.rest.first() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(Text::Decoded);
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(Malformed::new("json string does not end")),
            }
            let text = self.plain();
            self.room.extend_from_slice(text);
        }
    }

    /// The bytes of a string up to its end or to one that does not stand for itself.
    fn plain(&mut self) -> &'a [u8] {
        let end = plain_bytes(self.rest);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        let byte = match self.rest.get(1) {
            Some(b'u') => return self.unicode(),
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            _ => return Err(Malformed::new("json escape is malformed")),
        };
        self.room.push(byte);
        self.advance(2);
        Ok(())
    }

    /// `\uHHHH`, surrogate pairs joined; half a pair is a replacement character.
    fn unicode(&mut self) -> Result<(), Malformed> {
        let first = self.unit()?;
        self.advance(6);
        let mut code = u32::from(first);
        if (0xd800..0xdc00).contains(&first)
            && self.rest.starts_with(b"\\u")
            && let Ok(second) = self.unit()
            && (0xdc00..0xe000).contains(&second)
        {
            self.advance(6);
            code = 0x1_0000 + ((u32::from(first) - 0xd800) << 10) + (u32::from(second) - 0xdc00);
        }
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.room.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn unit(&self) -> Result<u16, Malformed> {
        let digits = self.rest.get(2..6).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .ok_or_else(|| Malformed::new("json escape is malformed"))
    }
}

/// Whether a byte of a string does not stand for itself (RFC 8259 §7).
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// How many bytes come before the first that is special, or all.
fn plain_bytes(text: &[u8]) -> usize {
    let (eights, rest) = text.as_chunks();
    for (eight, at) in eights.iter().zip((0..).step_by(8)) {
        let special = specials(u64::from_le_bytes(*eight));
        if special != 0 {
            return at + usize::try_from(special.trailing_zeros() / 8).unwrap_or_default();
        }
    }
    let of_eights = text.len() - rest.len();
    of_eights + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// The high bit of the first of eight bytes that is special, and of some after it; nothing where none is.
fn specials(eight: u64) -> u64 {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    let below = |bytes: u64, bound: u64| bytes.wrapping_sub(LOW * bound) & !bytes & HIGH;
    let is = |byte: u8| below(eight ^ (LOW * u64::from(byte)), 1);
    below(eight, 0x20) | is(b'"') | is(b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { depth_max: 8, values_max: 20 };

    /// `path=value` of each.
    fn values(input: &[u8], limits: Limits) -> Result<Vec<String>, Malformed> {
        let mut values = Vec::new();
        read(input, limits, |path, value| {
            values.push(format!("{}={}", bstr::BStr::new(path), bstr::BStr::new(value)));
        })?;
        Ok(values)
    }

    fn flat(input: &str) -> Result<String, Malformed> {
        Ok(values(input.as_bytes(), LIMITS)?.join(" "))
    }

    proptest! {
        #[test]
        fn special_bytes_are_found_eight_at_a_time(
            text in prop::collection::vec(prop_oneof![9 => any::<u8>(), 1 => Just(b'"'), 1 => Just(0x1f)], 0..40),
            plain in prop::collection::vec(0x23_u8..0x5c, 0..40),
        ) {
            for text in [text.clone(), [plain, text].concat()] {
                let expected = text.iter().position(|byte| is_special(*byte)).unwrap_or(text.len());
                prop_assert_eq!(plain_bytes(&text), expected);
            }
        }
    }

    #[test]
    fn paths_and_values() {
        for (input, expected) in [
            (r#"{"a":1,"b":{"c":"x"}}"#, "json.a=1 json.b.c=x"),
            (
                r#"{"a":[1,{"b":null},[true]],"c":-1.5e+3}"#,
                "json.a.array_0=1 json.a.array_1.b= json.a.array_2.array_0=true json.c=-1.5e+3",
            ),
            (r" [ ] ", ""),
            (r#"{"a":{},"b":[]}"#, ""),
            (r#""x\u0041\n\/\ud83d\ude00""#, "json=xA\n/😀"),
            (r#""\ud83d""#, "json=\u{fffd}"),
            ("0", "json=0"),
            (r#"{"a":1,"a":2}"#, "json.a=1 json.a=2"),
            (r#"{"\u0061\"b":"c\\","d":"\t"}"#, "json.a\"b=c\\ json.d=\t"),
        ] {
            assert_eq!(flat(input).as_deref(), Ok(expected), "{input}");
        }
    }

    #[test]
    fn elements_by_their_decimal_numbers() {
        let limits = Limits { depth_max: 8, values_max: 2_000 };
        let text = format!("[{}0]", "0,".repeat(1_999));
        let found = values(text.as_bytes(), limits).unwrap();
        for (number, value) in found.iter().enumerate() {
            assert_eq!(*value, format!("json.array_{number}=0"));
        }
        assert_eq!(found.len(), 2_000);
    }

    #[test]
    fn malformed_documents() {
        for input in [
            "",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "01",
            "1 2",
            "-",
            "1.",
            "1e",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"a\nb\"",
            "[[[[[[[[[]]]]]]]]]",
            "{\"a\":1,}",
            "[1}",
            "\u{feff}1",
        ] {
            assert!(flat(input).is_err(), "{input}");
        }
        assert!(flat(&format!("[{}1]", "1,".repeat(20))).is_err(), "too many values");
    }

    proptest! {
        #[test]
        fn any_bytes_end(input in proptest::collection::vec(
            prop::sample::select(&b"{}[]\":,\\u0019aeE+-.tnf \xff"[..]), 0..60)) {
            if let Ok(found) = values(&input, LIMITS) {
                prop_assert!(found.len() <= LIMITS.values_max);
            }
        }
    }
}
