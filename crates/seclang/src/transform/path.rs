//! `normalisePath`, `normalisePathWin`: duplicate slashes, `.` and `..` resolved without a file system.

/// False: no dot, slash or backslash.
pub(super) fn trigger(input: &[u8]) -> bool {
    input.iter().any(|byte| matches!(byte, b'/' | b'\\' | b'.'))
}

/// False: no segment is empty, `.` or `..`.
pub(super) fn changes(input: &[u8]) -> bool {
    has_odd_segment(input, |byte| byte == b'/')
}

/// The same with `\` as `/`; one `\` is a change.
pub(super) fn changes_win(input: &[u8]) -> bool {
    memchr::memchr(b'\\', input).is_some() || changes(input)
}

/// The first may be empty (the path is absolute), and the last (it ends in a slash).
fn has_odd_segment(input: &[u8], is_slash: fn(u8) -> bool) -> bool {
    let inner = input.strip_prefix(b"/").unwrap_or(input);
    let inner = inner.strip_suffix(b"/").unwrap_or(inner);
    // Of the two slashes of `//` both are taken off, and one is too many.
    if inner.is_empty() {
        return input == b"//";
    }
    inner.split(|&byte| is_slash(byte)).any(|segment| matches!(segment, b"" | b"." | b".."))
}

/// With `/` only.
pub(super) fn normalise(input: &[u8], out: &mut Vec<u8>) {
    resolve(input, |byte| byte == b'/', out);
}

/// With `\` as `/`.
pub(super) fn normalise_win(input: &[u8], out: &mut Vec<u8>) {
    resolve(input, |byte| byte == b'/' || byte == b'\\', out);
}

/// `..` takes the segment before it away, unless that is a `..` itself or the path is relative and
/// empty; an absolute path never goes above its root. A trailing slash stays unless a `.` or `..`
/// without one ended the input.
fn resolve(input: &[u8], is_slash: fn(u8) -> bool, out: &mut Vec<u8>) {
    let absolute = input.first().is_some_and(|&byte| is_slash(byte));
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in input.split(|&byte| is_slash(byte)) {
        match segment {
            b"" | b"." => {}
            b".." => match kept.last() {
                Some(&last) if last != b".." => {
                    kept.pop();
                }
                _ if absolute => {}
                _ => kept.push(segment),
            },
            _ => kept.push(segment),
        }
    }
    if absolute {
        out.push(b'/');
    }
    for (position, segment) in kept.iter().enumerate() {
        if position > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(segment);
    }
    if !kept.is_empty() && input.last().is_some_and(|&byte| is_slash(byte)) {
        out.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn paths() {
        for (name, input, output) in [
            ("normalisePath", "/a/./b//../c", "/a/c"),
            ("normalizePath", "/../../etc/passwd", "/etc/passwd"),
            ("normalisePath", "../x/..", ".."),
            ("normalisePath", "a/..", ""),
            ("normalisePath", "/", "/"),
            ("normalisePath", "//", "/"),
            ("normalisePathWin", "//", "/"),
            ("normalisePath", "a\\..\\b", "a\\..\\b"),
            ("normalisePathWin", "a\\..\\b\\", "b/"),
        ] {
            assert_eq!(run(name, input.as_bytes()), output.as_bytes(), "{name} {input}");
        }
    }
}
