//! From a request's path to a name beneath the web root, or the reason why there is none.
//!
//! The path is decoded once. What would mean something else to another reader (a second decoding,
//! a backslash, a parameter, a trailing dot) is refused, not cleaned.

use super::names;
use crate::refusal::Reason;
use crate::route::{decode, digit};
use std::borrow::Cow;

/// Most segments of a path.
const DEPTH_MAX: usize = 64;

/// A name beneath the root: segments joined by slashes, without one at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) bytes: Vec<u8>,
    /// The path ended in a slash.
    pub(crate) directory: bool,
}

/// Decodes and checks a path that begins with a slash.
pub(crate) fn resolve(path: &[u8]) -> Result<Name, Reason> {
    let decoded = memchr::memchr(b'%', path).map(|_| decode(path));
    let refuse = |why| Err(Reason::PathForbidden(why));
    let Some(local) = decoded.as_deref().unwrap_or(path).strip_prefix(b"/") else {
        return refuse("path does not begin with a slash");
    };
    if let Some(why) = local.iter().enumerate().find_map(|(at, byte)| odd(local, at, *byte)) {
        return refuse(why);
    }
    if local.is_empty() {
        return Ok(Name { bytes: Vec::new(), directory: true });
    }
    let directory = local.ends_with(b"/");
    let trimmed = local.strip_suffix(b"/").unwrap_or(local);
    for (index, segment) in trimmed.split(|byte| *byte == b'/').enumerate() {
        if index == DEPTH_MAX {
            return refuse("path too deep");
        }
        if let Some(why) = names::refused(segment, index == 0) {
            return refuse(why);
        }
    }
    Ok(Name { bytes: trimmed.to_vec(), directory })
}

/// Whether a name beneath the root is one that [`resolve`] may give, apart from an `end` that is put behind it. What a
/// symbolic link leads to is judged by it, so that none makes a hidden file public.
pub(crate) fn is_served(name: &[u8], end: &[u8]) -> bool {
    let name = name.strip_suffix(end).unwrap_or(name);
    name.is_empty()
        || name
            .split(|byte| *byte == b'/')
            .enumerate()
            .all(|(index, segment)| names::refused(segment, index == 0).is_none())
}

/// How often an application may decode a path.
const DECODINGS: usize = 3;

/// What is checked on a path that goes to an upstream: nothing that climbs, hidden files, and the
/// stores of version control. The rest is the application's to know.
///
/// Not as it is written only: some readers decode more than once, take a segment without what follows a semicolon (so that
/// `..;` climbs), drop blanks at its end, or know other spellings of a dot and a slash (CWE-172, CWE-180).
pub(crate) fn check_proxied(path: &[u8]) -> Result<(), Reason> {
    let mut text = decode(path);
    if text.contains(&0) {
        return Err(Reason::PathForbidden("control byte in the path"));
    }
    for _ in 0..DECODINGS {
        check_segments(&plainly(&text))?;
        if !text.contains(&b'%') {
            break;
        }
        text = decode(&text);
    }
    Ok(())
}

fn check_segments(text: &[u8]) -> Result<(), Reason> {
    let segments = text.split(|byte| matches!(byte, b'/' | b'\\'));
    for (index, segment) in segments.skip(1).enumerate() {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let end = name.iter().rposition(|byte| *byte > b' ').map_or(0, |last| last + 1);
        let name = name.get(..end).unwrap_or_default();
        if let Some(why) = names::hidden(name, index == 0) {
            return Err(Reason::PathForbidden(why));
        }
    }
    Ok(())
}

/// Dots, slashes and backslashes written as no reader should: in UTF-8 that is too long (RFC 3629 §3), or as `%u002e`.
const SPELLINGS: [(&[u8], u8); 12] = [
    (b"\xc0\xae", b'.'),
    (b"\xe0\x80\xae", b'.'),
    (b"\xf0\x80\x80\xae", b'.'),
    (b"%u002e", b'.'),
    (b"\xc0\xaf", b'/'),
    (b"\xe0\x80\xaf", b'/'),
    (b"\xf0\x80\x80\xaf", b'/'),
    (b"%u002f", b'/'),
    (b"%u2215", b'/'),
    (b"\xc1\x9c", b'\\'),
    (b"%u005c", b'\\'),
    (b"%u2216", b'\\'),
];

/// With each of [`SPELLINGS`] as what it stands for.
fn plainly(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | 0xc0 | 0xc1 | 0xe0 | 0xf0)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        let spelled = SPELLINGS.iter().find_map(|(spelling, plain)| {
            let (start, after) = rest.split_at_checked(spelling.len())?;
            start.eq_ignore_ascii_case(spelling).then_some((*plain, after))
        });
        let (plain, after) = spelled.unwrap_or((*byte, tail));
        out.push(plain);
        rest = after;
    }
    Cow::Owned(out)
}

fn odd(local: &[u8], at: usize, byte: u8) -> Option<&'static str> {
    match byte {
        0..=0x1f | 0x7f => Some("control byte in the path"),
        b'\\' => Some("backslash in the path"),
        b';' => Some("path parameter"),
        b'%' => {
            let next = local.get(at + 1..at + 3);
            let encoded = matches!(next, Some([high, low]) if digit(*high).is_some()
                && digit(*low).is_some());
            let wide = matches!(local.get(at + 1), Some(b'u' | b'U'));
            (encoded || wide).then_some("path encoded twice")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_paths_are_names() {
        for (path, name, directory) in [
            ("/", "", true),
            ("/a.txt", "a.txt", false),
            ("/a/b/", "a/b", true),
            ("/a%20b", "a b", false),
            ("/100%", "100%", false),
            ("/%e2%82%ac.txt", "\u{20ac}.txt", false),
            ("/.well-known/security.txt", ".well-known/security.txt", false),
        ] {
            let wanted = Name { bytes: name.as_bytes().to_vec(), directory };
            assert_eq!(resolve(path.as_bytes()), Ok(wanted), "{path}");
        }
    }

    #[test]
    fn paths_that_mean_something_else_are_refused() {
        for path in [
            "/..",
            "/../a",
            "/a/../b",
            "/a/..",
            "/%2e%2e/a",
            "/%2E./a",
            "/.",
            "/a/./b",
            "//a",
            "/a//b",
            "/a//",
            "/..%2fetc/passwd",
            "/%252e%252e/a",
            "/a%255c",
            "/a\\b",
            "/a%5cb",
            "/a;x=1",
            "/a%3bx",
            "/a%00",
            "/a%0d%0a",
            "/a%7f",
            "/%u002e",
            "/a.txt.",
            "/a.txt%20",
            "/a./b",
            "*",
            "/a/.well-known/x",
        ] {
            assert!(resolve(path.as_bytes()).is_err(), "{path}");
        }
    }

    #[test]
    fn what_a_link_leads_to_has_a_name_to_be_served_by() {
        for name in ["", "a.txt", "releases/5/a.css", ".well-known/security.txt"] {
            assert!(is_served(name.as_bytes(), b""), "{name}");
        }
        for name in [".env", ".git/config", "a/.git/config", "server.key", "a.css.gz", "/a"] {
            assert!(!is_served(name.as_bytes(), b""), "{name}");
        }
        assert!(is_served(b"a.css.gz", b".gz") && !is_served(b".env.gz", b".gz"));
    }

    #[test]
    fn paths_are_only_so_deep() {
        assert!(resolve("/a".repeat(64).as_bytes()).is_ok());
        assert_eq!(
            resolve("/a".repeat(65).as_bytes()),
            Err(Reason::PathForbidden("path too deep"))
        );
    }

    #[test]
    fn proxied_paths_keep_their_freedom_but_not_this() {
        for path in [
            "/api/a.zip",
            "/api/a;b",
            "/api//x",
            "/api/..a",
            "/api/x.sql",
            "/.well-known/a",
            "/.well-known;x/a",
            "/api/;..",
            "/api/...",
            "/api/100%25",
            "/api/%25252541",
            "/api/%e2%82%ac",
            "/api/%c3%a9",
            "/api/%u00e9",
            "/api/a%20",
        ] {
            assert_eq!(check_proxied(path.as_bytes()), Ok(()), "{path}");
        }
        for path in [
            "/.git/config",
            "/api/.env",
            "/api/%2egit/x",
            "/api/../admin",
            "/api/%2e%2e/admin",
            "/api/%252e%252e/admin",
            "/api/..\\admin",
            "/api/.svn/",
            "/api/CVS/Root",
            "/api/%00",
            "/api/.",
            "/api/..;/admin",
            "/api/..;a=b/admin",
            "/api/%2e%2e;/admin",
            "/api/..%3b/admin",
            "/api/x/..;x\\admin",
            "/api/%252e%252e;/admin",
            "/api/%25252e%25252e/admin",
            "/api/..%20/admin",
            "/api/..%09",
            "/api/..%2500/x",
            "/api/%c0%ae%c0%ae/admin",
            "/api/%e0%80%ae%E0%80%AE/admin",
            "/api/..%c0%af..",
            "/api/%u002e%u002E/admin",
            "/api/..%u2215admin",
            "/api/..%255cadmin",
            "/api/%252egit/config",
            "/api/.env;x",
        ] {
            assert!(check_proxied(path.as_bytes()).is_err(), "{path}");
        }
    }
}
