//! How an application may read a path that the gateway reads plainly: slashes that follow each other
//! as one, a backslash as a slash, without parameters after a semicolon, decoded twice, in any case.
//!
//! A path that by such a reading belongs to another route would have that route's application answer
//! under this one's access, limits and rules (CWE-288, CWE-436): it is refused.

use crate::plan::RoutePlan;
use crate::route::{decode, route_of};

/// Whether another reading of the path leads to another route. `path` is decoded once.
pub(crate) fn is_ambiguous(routes: &[RoutePlan], path: &[u8], plain: Option<usize>) -> bool {
    if routes.is_empty() {
        return false;
    }
    let usual = normalised(path);
    let usual = usual.as_deref().unwrap_or(path);
    if route_of(routes, usual) != plain {
        return true;
    }
    // Few applications take another case for the same: only what is closed is kept from it.
    let closed = |index: usize| routes.get(index).is_some_and(|own| !own.route.access.is_open());
    if !(0..routes.len()).any(closed) {
        return false;
    }
    let any_case = |index: usize| {
        routes.get(index).is_some_and(|own| {
            let route = own.route.path.as_bytes();
            usual.get(..route.len()).is_some_and(|start| start.eq_ignore_ascii_case(route))
        })
    };
    (0..routes.len()).any(|index| closed(index) && Some(index) != plain && any_case(index))
        && plain.is_none_or(|plain| !closed(plain))
}

/// The path as a lenient reader may see it; `None`: the same.
fn normalised(path: &[u8]) -> Option<Vec<u8>> {
    let odd = |pair: &[u8]| matches!(pair, [b'/', b'/' | b'.'] | [b'\\' | b';' | b'%', _]);
    let last = path.last().is_some_and(|byte| matches!(byte, b'\\' | b';'));
    if !last && !path.windows(2).any(odd) {
        return None;
    }
    let decoded = decode(path);
    let mut out = Vec::with_capacity(decoded.len());
    let segments = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
    let mut slash = false;
    for segment in segments {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        slash = name.is_empty() || name == b".";
        if !slash {
            out.push(b'/');
            out.extend_from_slice(name);
        }
    }
    if slash || out.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_readings_are_made() {
        for (path, wanted) in [
            ("/a/b", None),
            ("/a/b/", None),
            ("/a.b/c-d", None),
            ("//a", Some("/a")),
            ("/a//b/", Some("/a/b/")),
            ("/./a", Some("/a")),
            ("/a/.", Some("/a/")),
            ("\\a\\b", Some("/a/b")),
            ("/a\\", Some("/a/")),
            ("/a;x=1/b", Some("/a/b")),
            ("/;/a", Some("/a")),
            ("/a;", Some("/a")),
            ("/%61", Some("/a")),
            ("/%2fa", Some("/a")),
            ("/%", None),
            ("//", Some("/")),
            ("", None),
        ] {
            let got = normalised(path.as_bytes());
            assert_eq!(got.as_deref(), wanted.map(str::as_bytes), "{path}");
        }
    }
}
