//! `removeComments`, `removeCommentsChar`, `replaceComments`: C, HTML, SQL and shell comments.

use super::scan;

/// Removes `/*…*/`, `<!--…-->`, and all from `--` or `#` on. The byte after a comment's end is always
/// kept as text, and a comment that ends the input leaves a NUL, as in the reference.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) {
    let mut inside = false;
    let mut rest = input;
    while let Some(&byte) = rest.first() {
        let used = match rest {
            [b'*', b'/', tail @ ..] | [b'-', b'-', b'>', tail @ ..] if inside => {
                inside = false;
                out.push(tail.first().copied().unwrap_or(0));
                rest.len() - tail.len() + 1
            }
            _ if inside => 1,
            [b'/', b'*', ..] => {
                inside = true;
                2
            }
            [b'<', b'!', b'-', b'-', ..] => {
                inside = true;
                4
            }
            [b'-', b'-', ..] | [b'#', ..] => break,
            _ => {
                out.push(byte);
                1
            }
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    if inside {
        out.push(b' ');
    }
}

/// Removes the marks only: `/*`, `*/`, `<!--`, `-->`, `--`, `#`.
pub(super) fn remove_marks(input: &[u8], out: &mut Vec<u8>) {
    scan(input, out, |rest, out| match rest {
        [b'<', b'!', b'-', b'-', ..] => 4,
        [b'-', b'-', b'>', ..] => 3,
        [b'/', b'*', ..] | [b'*', b'/', ..] | [b'-', b'-', ..] => 2,
        [b'#', ..] => 1,
        [byte, ..] => {
            out.push(*byte);
            1
        }
        [] => 0,
    });
}

/// Each `/*…*/` becomes one space, an unfinished one too.
pub(super) fn replace(input: &[u8], out: &mut Vec<u8>) {
    let mut rest = input;
    while let Some(start) = memchr::memmem::find(rest, b"/*") {
        let (before, comment) = rest.split_at(start);
        out.extend_from_slice(before);
        out.push(b' ');
        let body = comment.get(2..).unwrap_or_default();
        rest = match memchr::memmem::find(body, b"*/") {
            Some(end) => body.get(end + 2..).unwrap_or_default(),
            None => &[],
        };
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn comments() {
        for (name, input, output) in [
            ("removeComments", "a/*b*/c", "ac"),
            ("removeComments", "a<!--b-->c", "ac"),
            ("removeComments", "a--b", "a"),
            ("removeComments", "a#b", "a"),
            ("removeComments", "a/*b", "a "),
            ("removeComments", "a/*b*/", "a\0"),
            ("replaceComments", "a/*b*/c/*d", "a c "),
            ("replaceComments", "a*/c", "a*/c"),
            ("removeCommentsChar", "a/*b*/<!--c-->--d#e", "abcde"),
        ] {
            assert_eq!(run(name, input.as_bytes()), output.as_bytes(), "{name} {input}");
        }
    }
}
