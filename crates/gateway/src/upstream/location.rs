//! Answers that send the client to another place by an address that only we can reach: an application that writes its own
//! address there, as it knows it, means the site.

use http::header::{CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION};

/// Takes the upstream's address, as in `http://10.0.0.1:3000`, out of what says where something is. A path that is left is
/// the site's own (RFC 9110 §10.2.2).
pub(super) fn hide(upstream: Option<&str>, headers: &mut HeaderMap) {
    let Some(upstream) = upstream else { return };
    for name in [LOCATION, CONTENT_LOCATION] {
        if let Some(path) = headers.get(&name).and_then(|value| path_at(value, upstream)) {
            headers.insert(name, path);
        }
    }
}

/// The path and what follows it, of a place at that upstream.
fn path_at(value: &HeaderValue, upstream: &str) -> Option<HeaderValue> {
    let place = value.as_bytes();
    let rest = behind(place, upstream.as_bytes()).or_else(|| {
        // The port that goes without saying (RFC 9110 §4.2).
        let bare = match upstream.split_once("://")? {
            ("https", _) => upstream.strip_suffix(":443"),
            _ => upstream.strip_suffix(":80"),
        };
        behind(place, bare?.as_bytes())
    })?;
    // Browsers leave such bytes out, and read what is left as another host's name (WHATWG URL, basic URL parser).
    if rest.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return None;
    }
    match rest {
        // Two slashes would begin another host's name.
        [b'/', b'/' | b'\\', ..] => None,
        [b'/', ..] => HeaderValue::from_bytes(rest).ok(),
        [] | [b'?' | b'#', ..] => HeaderValue::from_bytes(&[b"/", rest].concat()).ok(),
        _ => None,
    }
}

fn behind<'a>(place: &'a [u8], address: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = place.split_at_checked(address.len())?;
    start.eq_ignore_ascii_case(address).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_at_the_upstream_become_the_sites() {
        for (upstream, place, wanted) in [
            ("http://10.0.0.1:3000", "http://10.0.0.1:3000/login?next=/a#b", "/login?next=/a#b"),
            ("http://10.0.0.1:3000", "HTTP://10.0.0.1:3000", "/"),
            ("http://10.0.0.1:3000", "http://10.0.0.1:3000?a=b", "/?a=b"),
            ("http://app:80", "http://app/x", "/x"),
            ("http://app:80", "http://app:80/x", "/x"),
            ("https://app:443", "https://app/x", "/x"),
            ("http://[::1]:3000", "http://[::1]:3000/x", "/x"),
            // Somebody else's, or nothing that we are sure of.
            ("http://10.0.0.1:3000", "http://10.0.0.1:30001/x", "http://10.0.0.1:30001/x"),
            ("http://10.0.0.1:3000", "http://10.0.0.1:3000@x/", "http://10.0.0.1:3000@x/"),
            ("http://10.0.0.1:3000", "http://10.0.0.1:3000//evil/", "http://10.0.0.1:3000//evil/"),
            ("http://app:80", "http://app/\t/evil.test/", "http://app/\t/evil.test/"),
            ("http://app:80", "http://application/x", "http://application/x"),
            ("http://app:443", "http://app/x", "http://app/x"),
            ("http://app:3000", "https://app:3000/x", "https://app:3000/x"),
            ("unix:/run/app.sock", "/x", "/x"),
            ("http://app:80", "/x", "/x"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(place));
            headers.insert(CONTENT_LOCATION, HeaderValue::from_static(place));
            hide(Some(upstream), &mut headers);
            assert_eq!(headers[LOCATION], wanted, "{upstream}");
            assert_eq!(headers[CONTENT_LOCATION], wanted, "{upstream}");
        }
    }
}
