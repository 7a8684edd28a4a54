//! `cmdLine`: undoes the ways in which a shell lets a command be written otherwise.

use super::is_space;

/// False: nothing of it occurs.
pub(super) fn line_trigger(input: &[u8]) -> bool {
    input.iter().any(|&byte| {
        is_space(byte) || matches!(byte, b'"' | b'\'' | b'\\' | b'^' | b',' | b';' | b'A'..=b'Z')
    })
}

/// Deletes `\ " ' ^`; turns commas, semicolons and runs of white space into one space; deletes
/// spaces before a slash or an opening parenthesis; lower case.
pub(super) fn line(input: &[u8], out: &mut Vec<u8>) {
    let mut space = false;
    for &byte in input {
        match byte {
            b'"' | b'\'' | b'\\' | b'^' => {}
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => {
                if !space {
                    out.push(b' ');
                }
                space = true;
            }
            b'/' | b'(' => {
                if space {
                    out.pop();
                }
                space = false;
                out.push(byte);
            }
            _ => {
                space = false;
                out.push(byte.to_ascii_lowercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn shell_disguises() {
        for (input, output) in [
            ("c^at  /etc/pass\"wd", "cat/etc/passwd"),
            ("a,;b", "a b"),
            ("A\t(b", "a(b"),
            ("plain", "plain"),
        ] {
            assert_eq!(run("cmdLine", input.as_bytes()), output.as_bytes(), "{input}");
        }
    }
}
