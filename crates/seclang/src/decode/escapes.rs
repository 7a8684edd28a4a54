//! Escapes within a value. One valid escape is plain enough: what is not one stays as it is, and a text
//! without any has no form.

use crate::transform::hex_pair;

/// What an escape stands for, and how many bytes it takes; the text begins with its first byte.
type Escape = fn(&[u8]) -> Option<(char, usize)>;

/// `%HH` and `%uHHHH`.
pub(super) fn url(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = None;
    let mut rest = value;
    let mut kept = 0;
    while let Some(at) = memchr::memchr(b'%', rest.get(kept..).unwrap_or_default()) {
        let at = kept + at;
        let Some((bytes, used)) = url_escape(rest.get(at..).unwrap_or_default()) else {
            kept = at + 1;
            continue;
        };
        let text = out.get_or_insert_with(|| Vec::with_capacity(value.len()));
        text.extend_from_slice(rest.get(..at).unwrap_or_default());
        text.extend_from_slice(bytes.as_slice());
        rest = rest.get(at + used..).unwrap_or_default();
        kept = 0;
    }
    let mut text = out?;
    text.extend_from_slice(rest);
    Some(text)
}

/// One byte, or a character as UTF-8.
enum Bytes {
    One([u8; 1]),
    Character([u8; 4], usize),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::One(byte) => byte,
            Self::Character(bytes, length) => bytes.get(..*length).unwrap_or_default(),
        }
    }
}

fn url_escape(rest: &[u8]) -> Option<(Bytes, usize)> {
    if let [b'%', b'u' | b'U', first, second, third, fourth, ..] = rest {
        let (high, low) = (hex_pair(*first, *second)?, hex_pair(*third, *fourth)?);
        let folded = folded(u32::from(u16::from_be_bytes([high, low])));
        let mut bytes = [0; 4];
        let length = folded?.encode_utf8(&mut bytes).len();
        return Some((Bytes::Character(bytes, length), 6));
    }
    let [b'%', high, low, after @ ..] = rest else { return None };
    let byte = hex_pair(*high, *low)?;
    // UTF-8 longer than it need be (RFC 3629 §10): two bytes for a character of ASCII.
    if let (0xc0..=0xc1, [b'%', high, low, ..]) = (byte, after)
        && let Some(second @ 0x80..=0xbf) = hex_pair(*high, *low)
    {
        return Some((Bytes::One([((byte & 1) << 6) | (second & 0x3f)]), 6));
    }
    Some((Bytes::One([byte]), 3))
}

/// Numeric references, and the names of characters that mean something to an interpreter.
pub(super) fn html(value: &[u8]) -> Option<Vec<u8>> {
    replaced(value, b'&', reference)
}

/// `\xHH`, `\uHHHH`, `\u{H…}`.
pub(super) fn javascript(value: &[u8]) -> Option<Vec<u8>> {
    replaced(value, b'\\', string_escape)
}

fn replaced(value: &[u8], lead: u8, escape: Escape) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let (mut copied, mut at) = (0, 0);
    while let Some(next) = memchr::memchr(lead, value.get(at..).unwrap_or_default()) {
        at += next;
        let Some((character, used)) = escape(value.get(at..).unwrap_or_default()) else {
            at += 1;
            continue;
        };
        let text = out.get_or_insert_with(|| Vec::with_capacity(value.len()));
        text.extend_from_slice(value.get(copied..at).unwrap_or_default());
        let mut bytes = [0; 4];
        text.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        at += used;
        copied = at;
    }
    let mut text = out?;
    text.extend_from_slice(value.get(copied..).unwrap_or_default());
    Some(text)
}

/// Digits of a numeric reference: leading zeros are allowed, so it is read to its end, within reason.
const DIGITS_MAX: usize = 16;
/// Bytes of the longest name.
const NAME_MAX: usize = 12;

/// Names (HTML standard §13.5) of characters that mark up, quote, call or separate.
static NAMES: &[(&[u8], char)] = &[
    (b"amp", '&'),
    (b"apos", '\''),
    (b"ast", '*'),
    (b"bsol", '\\'),
    (b"colon", ':'),
    (b"comma", ','),
    (b"commat", '@'),
    (b"dollar", '$'),
    (b"equals", '='),
    (b"excl", '!'),
    (b"grave", '`'),
    (b"gt", '>'),
    (b"hat", '^'),
    (b"lbrace", '{'),
    (b"lbrack", '['),
    (b"lcub", '{'),
    (b"lowbar", '_'),
    (b"lpar", '('),
    (b"lsqb", '['),
    (b"lt", '<'),
    (b"nbsp", ' '),
    (b"newline", '\n'),
    (b"num", '#'),
    (b"percnt", '%'),
    (b"period", '.'),
    (b"plus", '+'),
    (b"quest", '?'),
    (b"quot", '"'),
    (b"rbrace", '}'),
    (b"rbrack", ']'),
    (b"rcub", '}'),
    (b"rpar", ')'),
    (b"rsqb", ']'),
    (b"semi", ';'),
    (b"sol", '/'),
    (b"tab", '\t'),
    (b"vert", '|'),
];

fn reference(rest: &[u8]) -> Option<(char, usize)> {
    match rest {
        [b'&', b'#', b'x' | b'X', digits @ ..] => numeric(digits, 16, 3),
        [b'&', b'#', digits @ ..] => numeric(digits, 10, 2),
        [b'&', name @ ..] => {
            let end = name.iter().take(NAME_MAX).position(|&byte| byte == b';')?;
            let name = name.get(..end)?;
            let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some((known.1, end + 2))
        }
        _ => None,
    }
}

/// With or without its semicolon, as browsers read it.
fn numeric(digits: &[u8], radix: u32, before: usize) -> Option<(char, usize)> {
    let mut value = 0_u32;
    let mut used = 0;
    for &digit in digits.iter().take(DIGITS_MAX) {
        let Some(add) = char::from(digit).to_digit(radix) else { break };
        value = value.saturating_mul(radix).saturating_add(add);
        used += 1;
    }
    let ended = usize::from(digits.get(used) == Some(&b';'));
    (used > 0).then_some(())?;
    Some((folded(value)?, before + used + ended))
}

fn string_escape(rest: &[u8]) -> Option<(char, usize)> {
    match rest {
        [b'\\', b'x' | b'X', high, low, ..] => Some((char::from(hex_pair(*high, *low)?), 4)),
        [b'\\', b'u' | b'U', b'{', digits @ ..] => {
            let end = digits.iter().take(DIGITS_MAX).position(|&byte| byte == b'}')?;
            let (character, used) = numeric(digits.get(..end)?, 16, 3)?;
            (used == end + 3).then_some((character, end + 4))
        }
        [b'\\', b'u' | b'U', first, second, third, fourth, ..] => {
            let (high, low) = (hex_pair(*first, *second)?, hex_pair(*third, *fourth)?);
            Some((folded(u32::from(u16::from_be_bytes([high, low])))?, 6))
        }
        _ => None,
    }
}

/// A character; those of full width as the ASCII that they are folded to by what reads them.
fn folded(value: u32) -> Option<char> {
    let value = if (0xff01..=0xff5e).contains(&value) { value - 0xfee0 } else { value };
    char::from_u32(value)
}
