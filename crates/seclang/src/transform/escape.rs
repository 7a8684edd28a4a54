//! `escapeSeqDecode`: ANSI C escapes.

use super::{hex_pair, scan};

/// `\a \b \f \n \r \t \v \\ \? \' \"`, `\xHH`, and one to three octal digits; another escape loses its
/// backslash.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, |rest, out| match rest {
        [b'\\', tail @ ..] if !tail.is_empty() => 1 + after_backslash(tail, out),
        [byte, ..] => {
            out.push(*byte);
            1
        }
        [] => 0,
    });
}

fn after_backslash(tail: &[u8], out: &mut Vec<u8>) -> usize {
    if let Some((byte, used)) = octal(tail) {
        out.push(byte);
        return used;
    }
    if let [b'x' | b'X', high, low, ..] = tail
        && let Some(byte) = hex_pair(*high, *low)
    {
        out.push(byte);
        return 3;
    }
    let byte = tail.first().copied().unwrap_or_default();
    out.push(control(byte).unwrap_or(byte));
    1
}

/// The control character of a letter that C knows.
pub(super) fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        _ => return None,
    })
}

/// One to three octal digits, the value cut to a byte.
fn octal(tail: &[u8]) -> Option<(u8, usize)> {
    let used = tail.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let digits = tail.get(..used).filter(|digits| !digits.is_empty())?;
    let value = digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
    Some((u8::try_from(value & 0xff).ok()?, used))
}

/// The same where three digits count only up to `\377`; JavaScript's rule.
pub(super) fn octal_byte(tail: &[u8]) -> Option<(u8, usize)> {
    let used = tail.iter().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let used = if used == 3 && tail.first().is_some_and(|&digit| digit > b'3') { 2 } else { used };
    octal(tail.get(..used)?)
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn escapes() {
        for (input, output) in [
            (r"\x41\101\n", &b"AA\n"[..]),
            (r"\666", b"\xb6"),
            (r"\xg", b"xg"),
            (r"\z\8", b"z8"),
            ("a\\", b"a\\"),
        ] {
            assert_eq!(run("escapeSeqDecode", input.as_bytes()), output, "{input}");
        }
    }
}
