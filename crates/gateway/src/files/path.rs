//! From a request's path to a name beneath the web root, or the reason why there is none.
//!
//! The path is decoded once. What would mean something else to another reader (a second decoding,
//! a backslash, a parameter, a trailing dot) is refused, not cleaned.

use super::names;
use crate::refusal::Reason;
use crate::route::{decode, digit};

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

/// What is checked on a path that goes to an upstream: nothing that climbs, hidden files, and the
/// stores of version control. The rest is the application's to know.
pub(crate) fn check_proxied(path: &[u8]) -> Result<(), Reason> {
    let decoded = decode(path);
    let twice = decode(&decoded);
    for (index, segment) in decoded.split(|byte| matches!(byte, b'/' | b'\\')).skip(1).enumerate() {
        if let Some(why) = names::hidden(segment, index == 0) {
            return Err(Reason::PathForbidden(why));
        }
    }
    if twice.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| segment == b"..") {
        return Err(Reason::PathForbidden("climbing path"));
    }
    if decoded.contains(&0) {
        return Err(Reason::PathForbidden("control byte in the path"));
    }
    Ok(())
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
    fn paths_are_only_so_deep() {
        assert!(resolve("/a".repeat(64).as_bytes()).is_ok());
        assert_eq!(
            resolve("/a".repeat(65).as_bytes()),
            Err(Reason::PathForbidden("path too deep"))
        );
    }

    #[test]
    fn proxied_paths_keep_their_freedom_but_not_this() {
        for path in
            ["/api/a.zip", "/api/a;b", "/api//x", "/api/..a", "/api/x.sql", "/.well-known/a"]
        {
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
        ] {
            assert!(check_proxied(path.as_bytes()).is_err(), "{path}");
        }
    }
}
