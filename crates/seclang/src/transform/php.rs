//! `phpArgsNames`: a parameter's name as PHP would make it.

/// White space in front is dropped; spaces and dots (and a first unmatched `[`) become `_`; after a
/// bracketed part everything that is not another bracketed part is dropped. A name that begins with
/// `[` is none.
pub(super) fn argument_names(input: &[u8], out: &mut Vec<u8>) {
    let start = input.iter().position(|&byte| byte != b' ').unwrap_or(input.len());
    let name = input.get(start..).unwrap_or_default();
    if name.first() == Some(&b'[') {
        return;
    }
    let open = memchr::memchr(b'[', name);
    let closed =
        open.filter(|&at| memchr::memchr(b']', name.get(at..).unwrap_or_default()).is_some());
    let (base, mut brackets) = name.split_at(closed.unwrap_or(name.len()));
    let unmatched = if closed.is_none() { open } else { None };
    for (position, &byte) in base.iter().enumerate() {
        let replace = matches!(byte, b' ' | b'.') || Some(position) == unmatched;
        out.push(if replace { b'_' } else { byte });
    }
    while brackets.first() == Some(&b'[') {
        let Some(end) = memchr::memchr(b']', brackets) else { break };
        let (part, rest) = brackets.split_at(end + 1);
        let inner = part.get(1..end).unwrap_or_default();
        out.push(b'[');
        let blank = inner.iter().all(|&byte| byte == b' ');
        out.extend_from_slice(if blank { b"" } else { inner });
        out.push(b']');
        brackets = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::super::run;

    #[test]
    fn names_as_php_makes_them() {
        for (input, output) in [
            ("a.b c", "a_b_c"),
            (" a", "a"),
            ("[a]", ""),
            ("a[b][ ]c", "a[b][]"),
            ("a[b", "a_b"),
            ("a[b[c]", "a[b[c]"),
            ("plain", "plain"),
        ] {
            assert_eq!(run("phpArgsNames", input.as_bytes()), output.as_bytes(), "{input}");
        }
    }
}
