//! Encodings that a value has as a whole: base64 and hexadecimal. Almost any word is valid base64, so
//! what it decodes to decides: text, from the first byte to the last. Decoding ends at the first byte
//! that no text has, which in a random token is one of the first few.

use crate::transform::hex_pair;

/// What base64 stands for, if that is text. White space in it is a plus sign that a form decoded, or
/// the fold of a long line.
pub(super) fn base64(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii_start();
    let padded = value.trim_ascii_end();
    let ended = padded.iter().rposition(|&byte| byte != b'=').map_or(0, |at| at + 1);
    if padded.len() - ended > 2 {
        return None;
    }
    // One space at the very end is a plus sign as well.
    let plus = padded.len() == ended && value.len() == padded.len() + 1 && value.ends_with(b" ");
    let body = if plus { value } else { value.get(..ended)? };
    let mut text = Text::with_room(body.len() / 4 * 3 + 3);
    let (mut bits, mut held, mut digits) = (0_u32, 0_u32, 0_usize);
    for &byte in body {
        let six = match byte {
            b'\r' | b'\n' => continue,
            _ => six_bits(byte)?,
        };
        digits += 1;
        bits = (bits << 6) | six;
        held += 6;
        if held >= 8 {
            held -= 8;
            text.take(u8::try_from((bits >> held) & 0xff).ok()?)?;
            bits &= (1 << held) - 1;
        }
    }
    // One digit of four alone is no byte. Bits left over and padding of the wrong length are passed
    // over, as most that decode it do.
    if digits % 4 == 1 { None } else { text.finish() }
}

/// What hexadecimal digits stand for, if that is text. Digits alone are a number.
pub(super) fn hex(value: &[u8]) -> Option<Vec<u8>> {
    if !value.len().is_multiple_of(2) || !value.iter().any(u8::is_ascii_alphabetic) {
        return None;
    }
    let mut text = Text::with_room(value.len() / 2);
    for pair in value.chunks_exact(2) {
        let [high, low] = pair else { return None };
        text.take(hex_pair(*high, *low)?)?;
    }
    text.finish()
}

fn six_bits(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' | b' ' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Text of at least so many bytes is not there by chance.
const LENGTH_PLAIN: usize = 6;

/// Bytes that may be text: ASCII, UTF-8, or UTF-16 of ASCII (every second byte NUL).
struct Text {
    bytes: Vec<u8>,
    room: usize,
    nuls: usize,
    ascii: bool,
}

impl Text {
    fn with_room(room: usize) -> Self {
        Self { bytes: Vec::new(), room, nuls: 0, ascii: true }
    }

    /// `None` ends it: no text has this byte.
    fn take(&mut self, byte: u8) -> Option<()> {
        match byte {
            0 => self.nuls += 1,
            b'\t' | b'\n' | b'\r' | b' '..=b'~' => {}
            // A UTF-8 sequence begins with 0xC2 to 0xF4 and is judged at the end.
            0x80.. if !self.bytes.is_empty() || byte >= 0xc2 => self.ascii = false,
            _ => return None,
        }
        // Room is made when a few bytes have passed: most that is no text ends before.
        if self.bytes.len() == 4 {
            self.bytes.reserve_exact(self.room.saturating_sub(4));
        }
        self.bytes.push(byte);
        Some(())
    }

    fn finish(self) -> Option<Vec<u8>> {
        let length = self.bytes.len();
        if !self.ascii && std::str::from_utf8(&self.bytes).is_err() {
            return None;
        }
        // Of a few bytes only those that no name has are plainly text.
        let is_mark = |byte: &u8| byte.is_ascii_punctuation();
        if length < LENGTH_PLAIN && !(self.ascii && self.bytes.iter().any(is_mark)) {
            return None;
        }
        if self.nuls * 2 >= length.saturating_sub(1) {
            let text: Vec<u8> = self.bytes.into_iter().filter(|&byte| byte != 0).collect();
            return (text.len() * 2 + 1 >= length).then_some(text);
        }
        (self.nuls * 8 <= length).then_some(self.bytes)
    }
}
