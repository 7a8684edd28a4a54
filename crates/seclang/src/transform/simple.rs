//! Transformations of single bytes and white space.

use super::is_space;

/// White space, the no-break space of Latin-1 included.
pub(super) fn has_whitespace(input: &[u8]) -> bool {
    input.iter().any(|&byte| blank(byte))
}

/// White space that is not a single space character.
pub(super) fn has_odd_whitespace(input: &[u8]) -> bool {
    let mut before = 0;
    input.iter().any(|&byte| {
        let odd = (is_space(byte) && byte != b' ') || (byte == b' ' && before == b' ');
        before = byte;
        odd
    })
}

fn blank(byte: u8) -> bool {
    is_space(byte) || byte == 0xa0
}

/// Each run of white space becomes one space.
pub(super) fn compress_whitespace(input: &[u8], out: &mut Vec<u8>) {
    let mut space = false;
    for &byte in input {
        if is_space(byte) {
            if !space {
                out.push(b' ');
            }
            space = true;
        } else {
            space = false;
            out.push(byte);
        }
    }
}

/// The number of bytes, in decimal.
pub(super) fn length(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(input.len().to_string().as_bytes());
}

/// ASCII only.
pub(super) fn lowercase(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(u8::to_ascii_lowercase));
}

/// ASCII only.
pub(super) fn uppercase(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(u8::to_ascii_uppercase));
}

/// NUL bytes vanish.
pub(super) fn remove_nulls(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().filter(|&&byte| byte != 0));
}

/// NUL bytes become spaces.
pub(super) fn replace_nulls(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().map(|&byte| if byte == 0 { b' ' } else { byte }));
}

/// All white space vanishes.
pub(super) fn remove_whitespace(input: &[u8], out: &mut Vec<u8>) {
    out.extend(input.iter().filter(|&&byte| !blank(byte)));
}

/// White space at both ends.
pub(super) fn trim(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(start_trimmed(end_trimmed(input)));
}

/// White space at the start.
pub(super) fn trim_left(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(start_trimmed(input));
}

/// White space at the end.
pub(super) fn trim_right(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(end_trimmed(input));
}

fn start_trimmed(input: &[u8]) -> &[u8] {
    let from = input.iter().position(|&byte| !is_space(byte)).unwrap_or(input.len());
    input.get(from..).unwrap_or_default()
}

fn end_trimmed(input: &[u8]) -> &[u8] {
    let to = input.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
    input.get(..to).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn bytes_and_blanks() {
        for (name, input, output) in [
            ("compressWhitespace", " a \t\n b ", " a b "),
            ("removeWhitespace", " a \t\n b ", "ab"),
            ("trim", " a b ", "a b"),
            ("trim", "  ", ""),
            ("trimLeft", " a ", "a "),
            ("trimRight", " a ", " a"),
            ("length", "abc", "3"),
            ("lowercase", "ABCé", "abcé"),
            ("uppercase", "abcé", "ABCé"),
            ("removeNulls", "a\0b", "ab"),
            ("replaceNulls", "a\0b", "a b"),
        ] {
            assert_eq!(run(name, input.as_bytes()), output.as_bytes(), "{name} {input:?}");
        }
    }
}
