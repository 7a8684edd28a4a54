//! File name patterns, component by component, with a bound on what they may find.

use crate::{SysError, System};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Most entries of a directory that a pattern is compared with.
const ENTRIES_MAX: usize = 100_000;

/// See [`System::glob`]. A directory that cannot be read is an error; one that is not there holds
/// nothing. As in a shell, a name that begins with a dot is only matched by a written dot.
pub(crate) fn glob<S: System + ?Sized>(
    system: &S,
    pattern: &Path,
    matches_max: usize,
) -> Result<Vec<PathBuf>, SysError> {
    if !pattern.components().any(is_wild) {
        return Ok(vec![pattern.to_owned()]);
    }
    let mut found = vec![PathBuf::new()];
    let mut looked = false;
    for component in pattern.components() {
        let mut next = Vec::new();
        for base in found {
            if is_wild(component) {
                matching(system, &base, component.as_os_str(), &mut next)?;
            } else {
                let path = base.join(component);
                if !looked || exists(system, &path)? {
                    next.push(path);
                }
            }
            if next.len() > matches_max {
                let limit = u64::try_from(matches_max).unwrap_or(u64::MAX);
                return Err(SysError::TooLarge { path: pattern.to_owned(), limit });
            }
        }
        looked |= is_wild(component);
        found = next;
    }
    found.sort_unstable();
    Ok(found)
}

fn is_wild(component: Component<'_>) -> bool {
    let Component::Normal(name) = component else { return false };
    name.as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

fn matching<S: System + ?Sized>(
    system: &S,
    base: &Path,
    pattern: &OsStr,
    into: &mut Vec<PathBuf>,
) -> Result<(), SysError> {
    let directory = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let entries = match system.list(directory, ENTRIES_MAX) {
        Ok(entries) => entries,
        Err(SysError::Missing(_) | SysError::WrongKind { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        if let Some(name) = entry.path.file_name()
            && matches(pattern.as_bytes(), name.as_bytes())
        {
            into.push(base.join(name));
        }
    }
    Ok(())
}

fn exists<S: System + ?Sized>(system: &S, path: &Path) -> Result<bool, SysError> {
    match system.metadata(path) {
        Ok(_) => Ok(true),
        Err(SysError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a name matches a pattern of one component. Time is at most the product of the lengths:
/// only the last `*` is ever gone back to.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut rest, mut left) = (pattern, name);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = rest {
            star = Some((after, left));
            rest = after;
            continue;
        }
        match (left.split_first(), one(rest, left.first().copied())) {
            (None, _) if rest.is_empty() => return true,
            (Some((_, tail)), Some(after)) => (rest, left) = (after, tail),
            _ => {
                let Some((after, [_, tail @ ..])) = star else { return false };
                star = Some((after, tail));
                (rest, left) = (after, tail);
            }
        }
    }
}

/// The rest of the pattern after its first element, when that takes this byte.
fn one(pattern: &[u8], byte: Option<u8>) -> Option<&[u8]> {
    let (&first, rest) = pattern.split_first()?;
    let byte = byte?;
    match first {
        b'?' => Some(rest),
        b'[' => match class(rest, byte) {
            Some((holds, after)) => holds.then_some(after),
            None => (byte == b'[').then_some(rest),
        },
        literal => (literal == byte).then_some(rest),
    }
}

/// Whether a byte is in the class that begins here, and what follows it. `None`: it is never
/// closed, so that the bracket stands for itself.
fn class(body: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match body {
        [b'!' | b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut holds = false;
    let mut first = true;
    loop {
        match rest {
            [] => return None,
            [b']', after @ ..] if !first => return Some((holds != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                holds |= (*low..=*high).contains(&byte);
                rest = after;
            }
            [single, after @ ..] => {
                holds |= *single == byte;
                rest = after;
            }
        }
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fake, Refusal};

    #[test]
    fn names_match_patterns() {
        for (pattern, yes, no) in [
            ("*", &["a", "abc"][..], &[".a"][..]),
            ("*.conf", &["a.conf", "a.b.conf", "aconf.conf"], &[".conf", "a.con", "a.conf.d"]),
            (".*", &[".a", "."], &["a"]),
            ("a?c", &["abc", "a?c"], &["ac", "abbc"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x", "-x"]),
            ("[!a-c]x", &["dx", "!x"], &["ax"]),
            ("[]x]y", &["]y", "xy"], &["y"]),
            ("[a-]y", &["ay", "-y"], &["by"]),
            ("[a", &["[a"], &["a"]),
            ("a*b*c", &["abc", "axxbxxc", "abbcc"], &["ab", "acb"]),
            ("**a", &["a", "ba"], &["b"]),
        ] {
            for name in yes {
                assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} takes {name}");
            }
            for name in no {
                assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} refuses {name}");
            }
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = b"*a".repeat(2_000);
        assert!(!matches(&pattern, &[b'a'; 1_999]));
        assert!(matches(&pattern, &[b'a'; 2_000]));
    }

    #[test]
    fn components_are_expanded_in_turn() {
        let fake = Fake::new();
        for path in ["/r/b/2.conf", "/r/b/1.conf", "/r/a/3.conf", "/r/c/x", "/r/.h/4.conf"] {
            fake.file(path, "");
        }
        let find = |pattern: &str| fake.glob(Path::new(pattern), 10).unwrap();
        let paths = |list: &[&str]| list.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(find("/r/*/*.conf"), paths(&["/r/a/3.conf", "/r/b/1.conf", "/r/b/2.conf"]));
        assert_eq!(find("/r/*/x"), paths(&["/r/c/x"]));
        assert_eq!(find("/none/*"), paths(&[]));
        assert_eq!(find("/r/b/1.conf/*"), paths(&[]));
        assert_eq!(find("/none/literal"), paths(&["/none/literal"]));
    }

    #[test]
    fn too_many_matches_and_unreadable_directories_are_errors() {
        let fake = Fake::new();
        for number in 0..5 {
            fake.file(format!("/r/{number}"), "");
        }
        assert_eq!(fake.glob(Path::new("/r/*"), 5).unwrap().len(), 5);
        let error = fake.glob(Path::new("/r/*"), 4).unwrap_err();
        assert!(matches!(error, SysError::TooLarge { limit: 4, .. }), "{error}");
        fake.refuse("/r", Refusal::Denied);
        assert!(matches!(fake.glob(Path::new("/r/*"), 5), Err(SysError::Denied(_))));
    }
}
