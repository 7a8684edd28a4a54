//! From host and path to site and route.

use crate::guard::head::{Head, Version, authority};
use crate::plan::{Plan, RoutePlan};
use crate::refusal::Reason;
use crate::spelling;
use std::net::Ipv6Addr;

/// Longest host name (RFC 1035 §2.3.4) with a trailing dot.
const HOST_BYTES_MAX: usize = 254;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Normalised: lower case, no port, no trailing dot. Empty in HTTP/1.0 without `Host`.
    pub(crate) host: String,
    pub(crate) site: usize,
    pub(crate) route: Option<usize>,
}

/// Path and query of a target, whatever its form; empty paths become `/`.
pub(crate) fn path_and_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let local = authority(target).map_or(target, |(_, rest)| rest);
    let (path, query) = match memchr::memchr(b'?', local) {
        Some(mark) => (local.get(..mark).unwrap_or_default(), local.get(mark + 1..)),
        None => (local, None),
    };
    (if path.is_empty() { b"/" } else { path }, query)
}

/// Finds the site and the route. `sni` is the name that the client asked TLS for.
pub(crate) fn find(plan: &Plan, head: &Head, sni: Option<&str>) -> Result<Place, Reason> {
    // A target in absolute form overrides the field (RFC 9112 §3.2.2).
    let named = authority(head.target()).map(|(authority, _)| authority).or_else(|| head.host());
    if let Some(field) = head.host() {
        host_name(field)?;
    }
    let (host, site) = match named {
        Some(name) => {
            let host = host_name(name)?;
            let site = plan.site_of(&host).ok_or(Reason::HostUnknown)?;
            (host, site)
        }
        None if head.version == Version::Http10 => {
            (String::new(), plan.any_host().ok_or(Reason::HostUnknown)?)
        }
        None => return Err(Reason::HostMissing),
    };
    if let Some(sni) = sni
        && plan.site_of(&sni.to_ascii_lowercase()) != Some(site)
    {
        return Err(Reason::Misdirected);
    }
    // Over QUIC no client is asked for a certificate.
    let certified = plan.sites.get(site).is_some_and(|own| own.site.client_ca.is_some());
    if head.version == Version::Http3 && certified {
        return Err(Reason::Misdirected);
    }
    let (path, _) = path_and_query(head.target());
    let decoded = memchr::memchr(b'%', path).map(|_| decode(path));
    let path = decoded.as_deref().unwrap_or(path);
    let routes = plan.sites.get(site).map_or(&[][..], |own| &own.routes);
    let route = route_of(routes, path);
    if spelling::is_ambiguous(routes, path, route) {
        return Err(Reason::PathForbidden("path of another route to a lenient reader"));
    }
    Ok(Place { host, site, route })
}

/// The route that takes a path, which is decoded once.
pub(crate) fn route_of(routes: &[RoutePlan], path: &[u8]) -> Option<usize> {
    let one = |plan: &RoutePlan| {
        let own = plan.route.path.as_bytes();
        // What is closed is closed without its last slash as well.
        takes(own, path) || (!plan.route.access.is_open() && own.strip_suffix(b"/") == Some(path))
    };
    routes.iter().position(one)
}

fn takes(route: &[u8], path: &[u8]) -> bool {
    match path.strip_prefix(route) {
        // A gRPC path is `/package.Service/Method`: a dot ends a part of it too.
        Some(rest) => {
            route.ends_with(b"/") || route.ends_with(b".") || matches!(rest, [] | [b'/', ..])
        }
        None => false,
    }
}

/// Percent-decoded once; a percent sign without two digits stays.
pub(crate) fn decode(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let pair = match tail {
            [high, low, after @ ..] if *byte == b'%' => {
                digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        match pair {
            Some((value, after)) => {
                out.push(value);
                rest = after;
            }
            None => out.push(*byte),
        }
    }
    out
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Normalises a `Host`: lower case, without port and trailing dot.
pub(crate) fn host_name(field: &[u8]) -> Result<String, Reason> {
    if field.is_empty() {
        return Err(Reason::HostMissing);
    }
    let text = std::str::from_utf8(field).ok().ok_or(Reason::HostInvalid)?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(Reason::HostInvalid)?;
        check_port(port)?;
        let address: Ipv6Addr = address.parse().ok().ok_or(Reason::HostInvalid)?;
        return Ok(address.to_string());
    }
    let (name, port) = match text.find(':') {
        Some(colon) => text.split_at_checked(colon).ok_or(Reason::HostInvalid)?,
        None => (text, ""),
    };
    check_port(port)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > HOST_BYTES_MAX || !name.split('.').all(label) {
        return Err(Reason::HostInvalid);
    }
    Ok(name.to_ascii_lowercase())
}

/// `:` and one to five digits, or nothing.
fn check_port(port: &str) -> Result<(), Reason> {
    let Some(digits) = port.strip_prefix(':') else {
        return if port.is_empty() { Ok(()) } else { Err(Reason::HostInvalid) };
    };
    let fine = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    if fine { Ok(()) } else { Err(Reason::HostInvalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_normalised_or_refused() {
        for (field, wanted) in [
            (&b"Shop.Example.com"[..], Ok("shop.example.com")),
            (b"shop.example.com:8443", Ok("shop.example.com")),
            (b"shop.example.com.", Ok("shop.example.com")),
            (b"127.0.0.1:80", Ok("127.0.0.1")),
            (b"[::1]:80", Ok("::1")),
            (b"[0:0:0:0:0:0:0:1]", Ok("::1")),
            (b"a_b", Ok("a_b")),
            (b"", Err(Reason::HostMissing)),
            (b"a/b", Err(Reason::HostInvalid)),
            (b"user@a", Err(Reason::HostInvalid)),
            (b"a b", Err(Reason::HostInvalid)),
            (b"a,b", Err(Reason::HostInvalid)),
            (b"a\"b", Err(Reason::HostInvalid)),
            (b"a:80:80", Err(Reason::HostInvalid)),
            (b"a:", Err(Reason::HostInvalid)),
            (b"a:65536", Err(Reason::HostInvalid)),
            (b"a:+80", Err(Reason::HostInvalid)),
            (b"a..", Err(Reason::HostInvalid)),
            (b".a", Err(Reason::HostInvalid)),
            (b"[::1", Err(Reason::HostInvalid)),
            (b"[::1]x", Err(Reason::HostInvalid)),
            (b"\xff", Err(Reason::HostInvalid)),
        ] {
            assert_eq!(host_name(field), wanted.map(str::to_owned), "{field:?}");
        }
    }

    #[test]
    fn routes_take_whole_segments() {
        for (route, path, wanted) in [
            ("/api/", "/api/x", true),
            ("/api/", "/api/", true),
            ("/api/", "/api", false),
            ("/api", "/api", true),
            ("/shop.", "/shop.Orders/Get", true),
            ("/shop.", "/shop", false),
            ("/api", "/api/x", true),
            ("/api", "/apix", false),
            ("/", "/anything", true),
        ] {
            assert_eq!(takes(route.as_bytes(), path.as_bytes()), wanted, "{route} {path}");
        }
    }

    #[test]
    fn targets_are_split_and_decoded() {
        for (target, path, query) in [
            ("/a?b=c?d", "/a", Some("b=c?d")),
            ("/", "/", None),
            ("http://x", "/", None),
            ("http://x?q", "/", Some("q")),
            ("https://x:1/a", "/a", None),
            ("*", "*", None),
        ] {
            let got = path_and_query(target.as_bytes());
            assert_eq!(got, (path.as_bytes(), query.map(str::as_bytes)), "{target}");
        }
        assert_eq!(decode(b"/%61%2e%2E%zz%4"), b"/a..%zz%4");
    }
}
