//! What is left out: patterns over paths, as bytes.
//!
//! `*` stands for any letters of one part of a path, `?` for one letter, `[a-z]` for one of several, `**` as a part of
//! its own for any number of parts. A pattern that begins with `/` is of the whole path; any other is of its end. What
//! matches is left out with everything below it.

/// The longest pattern, and parts of one.
const PATTERN_BYTES_MAX: usize = 4096;

/// Patterns that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exclude {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    parts: Vec<Vec<u8>>,
}

impl Exclude {
    /// Of patterns as they are written.
    pub(crate) fn new<'p>(patterns: impl Iterator<Item = &'p str>) -> Self {
        let read = |text: &str| {
            let text = text.get(..PATTERN_BYTES_MAX.min(text.len())).unwrap_or(text);
            let mut parts: Vec<Vec<u8>> = Vec::new();
            if !text.starts_with('/') {
                parts.push(b"**".to_vec());
            }
            let own = text.split('/').filter(|part| !part.is_empty() && *part != ".");
            parts.extend(own.map(|part| part.as_bytes().to_vec()));
            Pattern { parts }
        };
        Self { patterns: patterns.map(read).collect() }
    }

    /// Whether a path, from the root, is left out.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let parts: Vec<&[u8]> =
            path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
        self.patterns.iter().any(|pattern| parts_match(&pattern.parts, &parts))
    }
}

/// By one mark to go back to, so in time of the product of both lengths at most.
fn parts_match(pattern: &[Vec<u8>], parts: &[&[u8]]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut mark: Option<(usize, usize)> = None;
    while let Some(part) = parts.get(at) {
        match pattern.get(of) {
            Some(any) if any == b"**" => {
                of += 1;
                mark = Some((of, at));
                continue;
            }
            Some(own) if part_matches(own, part) => {
                of += 1;
                at += 1;
                continue;
            }
            Some(_) | None => {}
        }
        let Some((back, tried)) = mark else { return false };
        of = back;
        at = tried + 1;
        mark = Some((back, tried + 1));
    }
    pattern.get(of..).unwrap_or_default().iter().all(|rest| rest == b"**")
}

fn part_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut mark: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(at) {
        if pattern.get(of) == Some(&b'*') {
            of += 1;
            mark = Some((of, at));
            continue;
        }
        if let Some(length) = one(pattern.get(of..).unwrap_or_default(), *byte) {
            of += length;
            at += 1;
            continue;
        }
        let Some((back, tried)) = mark else { return false };
        of = back;
        at = tried + 1;
        mark = Some((back, tried + 1));
    }
    pattern.get(of..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// How much of the pattern stands for this one byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', other, ..] if *other == byte => Some(2),
        [b'[', class @ ..] => {
            let end = class.iter().skip(1).position(|byte| *byte == b']')? + 1;
            let class = class.get(..end)?;
            let (negated, class) = match class {
                [b'!' | b'^', rest @ ..] if !rest.is_empty() => (true, rest),
                other => (false, other),
            };
            (in_class(class, byte) != negated).then_some(end + 2)
        }
        [other, ..] if *other == byte && *other != b'\\' => Some(1),
        _ => None,
    }
}

fn in_class(mut class: &[u8], byte: u8) -> bool {
    loop {
        match class {
            [from, b'-', to, rest @ ..] => {
                if (*from..=*to).contains(&byte) {
                    return true;
                }
                class = rest;
            }
            [one, rest @ ..] => {
                if *one == byte {
                    return true;
                }
                class = rest;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let exclude = Exclude::new(std::iter::once(pattern));
        for path in yes {
            assert!(exclude.matches(path.as_bytes()), "{pattern} {path}");
        }
        for path in no {
            assert!(!exclude.matches(path.as_bytes()), "{pattern} {path}");
        }
    }

    #[test]
    fn a_name_is_of_the_end_and_a_path_of_the_whole() {
        check("*.tmp", &["/a.tmp", "/srv/.tmp", "/a/b/c.tmp"], &["/a.tmp/b", "/tmp", "/a.tmpx"]);
        check("/srv/cache", &["/srv/cache"], &["/srv/cache2", "/x/srv/cache", "/srv/cache/a"]);
        check("cache/*.db", &["/srv/cache/a.db", "/cache/.db"], &["/cache/a/b.db", "/srv/a.db"]);
        check(
            "/srv/**/node_modules",
            &["/srv/node_modules", "/srv/a/b/node_modules"],
            &["/node_modules"],
        );
        check("**/target", &["/target", "/a/target"], &["/a/target2"]);
    }

    #[test]
    fn letters_may_be_chosen() {
        check("file[0-9a].?", &["/file1.x", "/filea.y"], &["/fileb.x", "/file1.xx", "/file1."]);
        check("[!.]*", &["/a", "/a.b"], &["/.a"]);
        check("a\\*b", &["/a*b"], &["/axb"]);
        check("[", &[], &["/[", "/a"]);
    }

    #[test]
    fn hostile_patterns_end() {
        let stars = "*a".repeat(1000);
        let name = format!("/{}", "a".repeat(255));
        check(&stars, &[], &[&name]);
        let deep = "**/a/".repeat(500);
        let path = "/a".repeat(1000);
        check(&format!("{deep}b"), &[], &[&path]);
    }

    #[test]
    fn nothing_is_left_out_by_nothing() {
        assert!(!Exclude::default().matches(b"/a"));
        let exclude = Exclude::new(std::iter::once("*.log"));
        assert!(exclude.matches(b"/\xff/\xfe.log"), "names are bytes");
    }
}
