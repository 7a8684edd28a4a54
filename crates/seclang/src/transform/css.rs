//! `cssDecode`: CSS 2.1 escapes.

use super::{hex_pair, hex_value, scan};

/// `\` with up to six hexadecimal digits is one byte (the last two digits; full-width ASCII folded),
/// with one white space after it swallowed; `\` before a line feed vanishes; before anything else it
/// is dropped.
pub(super) fn decode(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, |rest, out| match rest {
        [b'\\', tail @ ..] => 1 + after_backslash(tail, out),
        [byte, ..] => {
            out.push(*byte);
            1
        }
        [] => 0,
    });
}

fn after_backslash(tail: &[u8], out: &mut Vec<u8>) -> usize {
    let digits = tail.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let Some(hex) = tail.get(..digits).filter(|hex| !hex.is_empty()) else {
        return match tail.first() {
            None | Some(b'\n') => 1,
            Some(&byte) => {
                out.push(byte);
                1
            }
        };
    };
    out.push(code_point(hex));
    let space = tail.get(digits).is_some_and(|&byte| super::is_space(byte));
    digits + usize::from(space)
}

fn code_point(hex: &[u8]) -> u8 {
    let byte = match hex {
        [single] => hex_value(*single),
        [.., high, low] => hex_pair(*high, *low),
        [] => None,
    }
    .unwrap_or_default();
    let full_width = matches!(
        hex,
        [f1 @ (b'f' | b'F'), f2 @ (b'f' | b'F'), _, _]
            | [b'0', f1 @ (b'f' | b'F'), f2 @ (b'f' | b'F'), _, _]
            | [b'0', b'0', f1 @ (b'f' | b'F'), f2 @ (b'f' | b'F'), _, _]
            if f1.eq_ignore_ascii_case(f2)
    );
    if full_width && (1..0x5f).contains(&byte) { byte + 0x20 } else { byte }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn escapes() {
        for (input, output) in [
            (r"j\61 vascript", "javascript"),
            (r"\6a\61vascript", "javascript"),
            (r"\ff41", "a"),
            (r"\00ff41", "a"),
            (r"\j", "j"),
            ("a\\", "a"),
            ("a\\\nb", "ab"),
        ] {
            assert_eq!(run("cssDecode", input.as_bytes()), output.as_bytes(), "{input}");
        }
    }
}
