//! Members of a JSON object in a log line, without a tree and without allocation.
//!
//! Invariants: one pass; what is inside a text is never taken for a member, so a client cannot add one.
//! A name is a path of members joined by a full stop (`request.client_ip`), or a name that holds full
//! stops itself (`client.ip`). A member that comes twice has the first value.

/// Objects within objects that are looked into.
const DEPTH_MAX: usize = 8;

/// The raw values of these members: texts without their quotes and with their escapes, numbers and words
/// as they are, objects and lists not at all.
pub(super) fn members<'a, const N: usize>(
    line: &'a [u8],
    names: [&str; N],
) -> [Option<&'a [u8]>; N] {
    let mut found = [None; N];
    let mut scanner = Scanner { text: line, at: 0 };
    scanner.spaces();
    if scanner.take(b'{') {
        scanner.object(&names, &mut found, &mut [b"".as_slice(); DEPTH_MAX], 0);
    }
    found
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.peek() == Some(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// The inside of a text whose quote was taken.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        loop {
            let step = memchr::memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            self.at += step;
            if self.take(b'"') {
                return self.text.get(start..self.at - 1);
            }
            self.at += 2;
        }
    }

    /// The members of an object whose brace was taken. `None`: broken, and nothing more is read.
    fn object<const N: usize>(
        &mut self,
        names: &[&str; N],
        found: &mut [Option<&'a [u8]>; N],
        path: &mut [&'a [u8]; DEPTH_MAX],
        depth: usize,
    ) -> Option<()> {
        loop {
            self.spaces();
            if self.take(b'}') {
                return Some(());
            }
            if self.take(b',') {
                continue;
            }
            if !self.take(b'"') {
                return None;
            }
            let name = self.string()?;
            *path.get_mut(depth)? = name;
            self.spaces();
            if !self.take(b':') {
                return None;
            }
            self.spaces();
            if self.take(b'{') {
                if depth + 1 < DEPTH_MAX {
                    self.object(names, found, path, depth + 1)?;
                } else {
                    self.skip(1)?;
                }
                continue;
            }
            if self.take(b'[') {
                self.skip(1)?;
                continue;
            }
            let value = self.scalar()?;
            let own = path.get(..=depth)?;
            for (name, slot) in names.iter().zip(found.iter_mut()) {
                if slot.is_none() && is_path(name.as_bytes(), own) {
                    *slot = Some(value);
                }
            }
        }
    }

    fn scalar(&mut self) -> Option<&'a [u8]> {
        if self.take(b'"') {
            return self.string();
        }
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace())
        {
            self.at += 1;
        }
        self.text.get(start..self.at).filter(|word| !word.is_empty())
    }

    /// Past everything until so many brackets are closed.
    fn skip(&mut self, mut open: usize) -> Option<()> {
        while open > 0 {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
        }
        Some(())
    }
}

/// Whether the name is the path, joined by full stops.
fn is_path(name: &[u8], path: &[&[u8]]) -> bool {
    let mut rest = name;
    for (index, part) in path.iter().enumerate() {
        if index > 0 {
            match rest.strip_prefix(b".") {
                Some(next) => rest = next,
                None => return false,
            }
        }
        match rest.strip_prefix(*part) {
            Some(next) => rest = next,
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, names: [&str; 2], expected: [Option<&str>; 2]) {
        let found = members(line.as_bytes(), names);
        assert_eq!(found, expected.map(|value| value.map(str::as_bytes)), "{line}");
    }

    #[test]
    fn members_are_found_at_every_depth() {
        check(r#"{"a": 1, "b": {"c": "x"}}"#, ["a", "b.c"], [Some("1"), Some("x")]);
        check(
            r#"{"client.ip":"192.0.2.1","x":[{"c":1}],"s":null}"#,
            ["client.ip", "s"],
            [Some("192.0.2.1"), Some("null")],
        );
        check(r#"{"a":"1","a":"2"}"#, ["a", "b"], [Some("1"), None]);
    }

    #[test]
    fn what_stands_in_a_text_is_no_member() {
        check(
            r#"{"user":"\",\"ip\":\"6.6.6.6\"","ip":"192.0.2.1"}"#,
            ["ip", "b"],
            [Some("192.0.2.1"), None],
        );
        check(r#"{"x":"}","y":["{\"ip\":1"],"ip":2}"#, ["ip", "y"], [Some("2"), None]);
    }

    #[test]
    fn broken_lines_end_the_reading() {
        for line in [
            "",
            "{",
            "{\"a",
            "{\"a\":",
            "{\"a\":\"x",
            "[1]",
            "x",
            "{a:1}",
            "{\"a\"1}",
            "{\"b\":[[[",
            "{\"a\":\"\\",
        ] {
            check(line, ["a", "c"], [None, None]);
        }
        let deep = format!("{}{}", "{\"a\":".repeat(20_000), "1");
        check(&deep, ["a", "c"], [None, None]);
    }
}
