//! `jsDecode`: JavaScript string escapes.

use super::escape::{control, octal_byte};
use super::{hex_pair, scan};

/// `\uHHHH` (its low byte; full-width ASCII folded), `\xHH`, one to three octal digits up to `\377`,
/// `\a \b \f \n \r \t \v`; another escape loses its backslash.
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
    if let [b'u', first, second, third, fourth, ..] = tail
        && let (Some(high), Some(low)) = (hex_pair(*first, *second), hex_pair(*third, *fourth))
    {
        let full_width = high == 0xff && (1..0x5f).contains(&low);
        out.push(if full_width { low + 0x20 } else { low });
        return 5;
    }
    if let [b'x', high, low, ..] = tail
        && let Some(byte) = hex_pair(*high, *low)
    {
        out.push(byte);
        return 3;
    }
    if let Some((byte, used)) = octal_byte(tail) {
        out.push(byte);
        return used;
    }
    let byte = tail.first().copied().unwrap_or_default();
    out.push(control(byte).unwrap_or(byte));
    1
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn escapes() {
        for (input, output) in [
            (r"\u003cscript\x3e\57", "<script>/"),
            (r"\uff1c", "<"),
            (r"\u12", "u12"),
            (r"\400", " 0"),
            (r"\q", "q"),
            ("a\\", "a\\"),
        ] {
            assert_eq!(run("jsDecode", input.as_bytes()), output.as_bytes(), "{input}");
        }
    }
}
