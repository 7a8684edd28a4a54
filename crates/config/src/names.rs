//! Host names, paths, header names and upstreams: text that means something outside of Burgrave.
//! Each `parse` gives the one spelling that the rest works with, or says what is wrong.

use crate::error::quoted;
use crate::kinds::{Kind, Words, text};
use crate::settings::{Authority, Host, RateBy, Upstream};
use crate::sink::{Sink, Spot};
use crate::watch_settings::Syslog;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use toml::de::DeValue;

/// Most characters of a host name (RFC 1035, 2.3.4).
const HOST_MAX: usize = 253;
/// Most characters of one of its labels.
const LABEL_MAX: usize = 63;
/// Most characters of a route's path.
const PATH_MAX: usize = 1_024;

/// Reads a text by a function that says what is wrong with it.
pub(crate) struct Parsed<T: 'static> {
    pub(crate) parse: fn(&str) -> Result<T, &'static str>,
    pub(crate) words: &'static str,
}

impl<T> Words for Parsed<T> {
    fn words(&self) -> String {
        self.words.to_owned()
    }
}

impl<T> Kind for Parsed<T> {
    type Value = T;

    fn read(&self, value: &DeValue<'_>, spot: &Spot, sink: &mut Sink<'_>) -> Option<T> {
        let text = text(self, value, spot, sink)?;
        match (self.parse)(text) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                sink.wrong(spot, format!("{}: {why}", quoted(text)), self.words());
                None
            }
        }
    }
}

/// A unit of systemd (systemd.unit(5)), or the kernel.
pub(crate) fn unit(text: &str) -> Result<String, &'static str> {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let has_type = text.rsplit_once('.').is_some_and(|(name, kind)| {
        !name.is_empty()
            && ["service", "socket", "scope", "slice", "target", "timer"].contains(&kind)
    });
    if text == "kernel" {
        return Ok(text.to_owned());
    }
    if text.len() > 255 || !text.bytes().all(is_of_it) || !has_type {
        return Err("this is not the name of a unit");
    }
    Ok(text.to_owned())
}

/// A socket of syslog.
pub(crate) fn syslog(text: &str) -> Result<Syslog, &'static str> {
    let address = |text: &str| text.parse().map_err(|_bad| "this is no address with a port");
    if let Some(rest) = text.strip_prefix("udp://") {
        return Ok(Syslog::Udp(address(rest)?));
    }
    if let Some(rest) = text.strip_prefix("tcp://") {
        return Ok(Syslog::Tcp(address(rest)?));
    }
    match text.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') && !path.contains('\0') => {
            Ok(Syslog::Unix(PathBuf::from(path)))
        }
        _ => Err("this is no socket of syslog"),
    }
}

/// A site's host: a name in lower case, an address, or `*` (RFC 9110, 4.2.3; RFC 1123, 2.1).
pub(crate) fn host(text: &str) -> Result<String, &'static str> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    if let Some(rest) = text.strip_prefix("*.") {
        if !rest.contains('.') || rest.parse::<Ipv4Addr>().is_ok() {
            return Err("behind `*.` is a name with a dot, such as `*.example.com`");
        }
        return domain(rest).map(|rest| format!("*.{rest}"));
    }
    if text.contains('/') {
        return Err("a host is no address of a page: leave out scheme and path");
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = inner.parse::<Ipv6Addr>().map_err(|_bad| "this is not an IPv6 address")?;
        return Ok(format!("[{address}]"));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err("an IPv6 address is written in brackets");
    }
    if text.contains(':') {
        return Err("a host has no port: ports are the listeners' own");
    }
    domain(text)
}

/// A domain name or an IPv4 address, in lower case.
fn domain(text: &str) -> Result<String, &'static str> {
    if !text.is_ascii() {
        return Err("a name in other letters is written in its `xn--` form");
    }
    if text.is_empty() || text.len() > HOST_MAX {
        return Err("a host has 1 to 253 characters");
    }
    if text.ends_with('.') {
        return Err("leave out the dot at the end");
    }
    for label in text.split('.') {
        if label.is_empty() || label.len() > LABEL_MAX {
            return Err("each part between dots has 1 to 63 characters");
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !label.bytes().all(letter) || label.starts_with('-') || label.ends_with('-') {
            return Err("a host is made of letters, digits, hyphens and dots");
        }
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<Ipv4Addr>().is_err() {
        return Err("this is not an IPv4 address");
    }
    Ok(text.to_ascii_lowercase())
}

/// A route's path, as a client's decoded and normalised path is compared with it.
pub(crate) fn route_path(text: &str) -> Result<String, &'static str> {
    if !text.starts_with('/') {
        return Err("a path begins with `/`");
    }
    if text.len() > PATH_MAX {
        return Err("a path has at most 1024 characters");
    }
    if text.contains('%') {
        return Err("a path is written decoded, without `%`");
    }
    if text.contains(['?', '#', '*']) {
        return Err("a route is chosen by the path alone: leave out `?`, `#` and `*`");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err("a path is made of visible ASCII characters without `\\`");
    }
    if text.split('/').any(|part| part == "." || part == "..") {
        return Err("a path has no `.` or `..` in it");
    }
    if text.contains("//") {
        return Err("a path has no empty parts");
    }
    Ok(text.to_owned())
}

/// The name of an account of the system (useradd(8)).
pub(crate) fn account(text: &str) -> Result<String, &'static str> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() || text.len() > 32 || !text.bytes().all(letter) || text.starts_with('-') {
        return Err("this is not the name of an account");
    }
    if text == "root" {
        return Err("the gateway gives up root: name another account");
    }
    Ok(text.to_owned())
}

/// The name of an account of the system that is kept from going out, root as well.
pub(crate) fn any_account(text: &str) -> Result<String, &'static str> {
    if text == "root" { Ok(text.to_owned()) } else { account(text) }
}

/// A name for networks.
pub(crate) fn label(text: &str) -> Result<String, &'static str> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = text.bytes().next().is_some_and(|first| first.is_ascii_lowercase());
    if begins && text.len() <= 32 && text.bytes().all(letter) {
        Ok(text.to_owned())
    } else {
        Err("this is no name for networks")
    }
}

/// A header's name in lower case (RFC 9110, 5.1).
pub(crate) fn header(text: &str) -> Result<String, &'static str> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() || text.len() > 128 || !text.bytes().all(token) {
        return Err("this is not the name of a header");
    }
    Ok(text.to_ascii_lowercase())
}

/// A file of a web root, for a page.
pub(crate) fn page(text: &str) -> Result<String, &'static str> {
    if !text.starts_with('/') || text.ends_with('/') {
        return Err("a page's path begins with `/` and names a file");
    }
    route_path(text)
}

/// A script's file name.
pub(crate) fn script(text: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let named = text.strip_suffix(".php").is_some_and(|name| !name.is_empty());
    if named && text.bytes().all(plain) && !text.starts_with('.') {
        Ok(text.to_owned())
    } else {
        Err("this is not the name of a script")
    }
}

/// A script's path beneath its root.
pub(crate) fn script_path(text: &str) -> Result<String, &'static str> {
    let wrong = "this is not the path of a script";
    let (folder, name) = text.rsplit_once('/').filter(|_| text.starts_with('/')).ok_or(wrong)?;
    script(name).map_err(|_not_one| wrong)?;
    if folder.is_empty() || self::folder(folder).as_deref() == Ok(folder) {
        Ok(text.to_owned())
    } else {
        Err(wrong)
    }
}

/// A folder in which no script is run: `/a/b` or `a/b`, without a slash at the end.
pub(crate) fn folder(text: &str) -> Result<String, &'static str> {
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    let relative = trimmed.strip_prefix('/').unwrap_or(trimmed);
    let odd = |byte: u8| byte.is_ascii_control() || matches!(byte, b'\\' | b'%' | b'?' | b'#');
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    if relative.split('/').all(plain) && !relative.bytes().any(odd) {
        Ok(trimmed.to_owned())
    } else {
        Err("this is neither a folder's name nor its path")
    }
}

/// A cookie's name (RFC 6265, 4.1.1).
pub(crate) fn cookie(text: &str) -> Result<String, &'static str> {
    if text.starts_with("__Host-") || text.starts_with("__Secure-") {
        return Err("a name with `__Host-` or `__Secure-` promises what we do not check");
    }
    header(text).map_err(|_why| "this is not the name of a cookie")?;
    Ok(text.to_owned())
}

/// A request header that may be recorded.
pub(crate) fn logged_header(text: &str) -> Result<String, &'static str> {
    let name = header(text)?;
    if matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization") {
        return Err("this header holds secrets, which have no place in a log");
    }
    Ok(name)
}

/// Who has a bucket of requests.
pub(crate) fn rate_by(text: &str) -> Result<RateBy, &'static str> {
    match text {
        "client" => Ok(RateBy::Client),
        "user" => Ok(RateBy::User),
        _ => match text.strip_prefix("header:") {
            Some(name) => header(name).map(RateBy::Header),
            None => Err("a bucket is somebody's"),
        },
    }
}

/// Where a stream goes.
pub(crate) fn tcp_upstream(text: &str) -> Result<Authority, &'static str> {
    let rest = text.strip_prefix("tcp://").ok_or("a stream's upstream begins with `tcp://`")?;
    let authority = authority(rest, 0)?;
    if authority.port == 0 {
        return Err("a stream's upstream has a port");
    }
    Ok(authority)
}

/// A party of a FIX session (FIX 4.2 and later, tags 49 and 56).
pub(crate) fn comp_id(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > 64 {
        return Err("a CompID has 1 to 64 characters");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=') {
        return Err("a CompID is made of visible ASCII characters");
    }
    Ok(text.to_owned())
}

/// A certificate's fingerprint, in lower case.
pub(crate) fn fingerprint(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("this is not the fingerprint of a certificate");
    }
    Ok(text.to_ascii_lowercase())
}

const SCHEMES: &str = "an upstream begins with `http://`, `https://`, `h2c://`, `unix:/`, `fastcgi://` or `fastcgi:/`";

/// Where a route goes.
pub(crate) fn upstream(text: &str) -> Result<Upstream, &'static str> {
    if let Some(path) = text.strip_prefix("unix:") {
        let clean = path.starts_with('/') && !path.ends_with('/') && !path.contains('\0');
        return if clean {
            Ok(Upstream::Unix(PathBuf::from(path)))
        } else {
            Err("the path of a socket is absolute, as `unix:/run/app.sock`")
        };
    }
    if let Some(path) = text.strip_prefix("fastcgi:/")
        && !path.starts_with('/')
    {
        let clean = !path.is_empty() && !path.ends_with('/') && !path.contains('\0');
        return if clean {
            Ok(Upstream::FastCgiUnix(PathBuf::from(format!("/{path}"))))
        } else {
            Err("the path of a socket is absolute, as `fastcgi:/run/php.sock`")
        };
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(SCHEMES);
    };
    match scheme {
        "http" => authority(rest, 80).map(Upstream::Http),
        "https" => authority(rest, 443).map(Upstream::Https),
        "h2c" => authority(rest, 80).map(Upstream::H2c),
        "fastcgi" => authority(rest, 9000).map(Upstream::FastCgi),
        "tcp" => Err("bytes that are no HTTP are a `[[stream]]`"),
        _ => Err(SCHEMES),
    }
}

/// Host and port; the port may be left out.
pub(crate) fn authority(text: &str, default_port: u16) -> Result<Authority, &'static str> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.contains(['/', '?', '#']) {
        return Err("an upstream has no path: a request's path is passed on as it is");
    }
    if text.contains('@') {
        return Err("an upstream has no user or password");
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let digits = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.map_or(Ok(default_port), str::parse::<u16>);
    let given = text.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let Some(port) = port.ok().filter(|port| digits && (*port != 0 || !given)) else {
        return Err("a port is a number from 1 to 65535");
    };
    let name = host(name)?;
    if name.starts_with('*') {
        return Err("an upstream is one host");
    }
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let host = bare.parse::<IpAddr>().map_or_else(|_name| Host::Name(name.clone()), Host::Address);
    Ok(Authority { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_spelling() {
        let long = format!("{}.{}", "a".repeat(63), "b".repeat(63));
        for (text, host) in [
            ("*", "*"),
            ("Shop.Example.COM", "shop.example.com"),
            ("localhost", "localhost"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a_b.example", "a_b.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0:0::1]", "[::1]"),
            (&long, &long),
            ("*.Example.com", "*.example.com"),
        ] {
            assert_eq!(super::host(text).as_deref(), Ok(host), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            ".",
            "a..b",
            "example.com.",
            "-a.example",
            "a-.example",
            "exa mple",
            "a:80",
            "[::1]:80",
            "::1",
            "[::1",
            "[x]",
            "https://a",
            "a/b",
            "*.",
            "*.com",
            "*.1.2.3.4",
            "*.*.example.com",
            "**.example.com",
            "a.*.example.com",
            "*a.example.com",
            "a*b",
            "bücher.example",
            "1.2.3",
            "256.1.1.1",
            "a\0",
            &long,
        ] {
            assert!(host(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn paths_are_as_they_are_compared() {
        for text in ["/", "/api", "/api/", "/a.b/c-d", "/.well-known/x", "/a..b"] {
            assert_eq!(route_path(text).as_deref(), Ok(text));
        }
        for text in [
            "", "api", "/a?b", "/a#b", "/%2e%2e/", "/a/../b", "/..", "/./a", "/a//b", "/a b",
            "/a\\b", "/ü", "/a*", "/a\n",
        ] {
            assert!(route_path(text).is_err(), "{text:?}");
        }
        assert!(route_path(&format!("/{}", "a".repeat(1_024))).is_err());
    }

    #[test]
    fn headers_are_names_and_secrets_are_not_logged() {
        assert_eq!(header("X-Request-ID").as_deref(), Ok("x-request-id"));
        for text in ["", "a b", "a:", "é", "a\r\n"] {
            assert!(header(text).is_err(), "{text:?}");
        }
        assert!(logged_header("X-Request-Id").is_ok());
        for text in ["Cookie", "authorization", "Proxy-Authorization"] {
            assert!(logged_header(text).is_err() && header(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn accounts_are_names_but_not_root() {
        assert_eq!(account("www-data").as_deref(), Ok("www-data"));
        for text in ["", "root", "-a", "a b", "a:b", "é", &"a".repeat(33)] {
            assert!(account(text).is_err(), "{text}");
        }
    }

    #[test]
    fn upstreams_are_read() {
        let http = |host, port| Ok(Upstream::Http(Authority { host, port }));
        let name = |name: &str| Host::Name(name.to_owned());
        for (text, expected) in [
            ("http://127.0.0.1:3000", http(Host::Address([127, 0, 0, 1].into()), 3_000)),
            ("http://[::1]:3000/", http(Host::Address(Ipv6Addr::LOCALHOST.into()), 3_000)),
            ("http://[::1]", http(Host::Address(Ipv6Addr::LOCALHOST.into()), 80)),
            ("http://App.internal", http(name("app.internal"), 80)),
            ("https://App", Ok(Upstream::Https(Authority { host: name("app"), port: 443 }))),
            ("h2c://a:50051", Ok(Upstream::H2c(Authority { host: name("a"), port: 50_051 }))),
            ("fastcgi://a", Ok(Upstream::FastCgi(Authority { host: name("a"), port: 9_000 }))),
            ("fastcgi:/run/php.sock", Ok(Upstream::FastCgiUnix("/run/php.sock".into()))),
            ("unix:/run/app.sock", Ok(Upstream::Unix("/run/app.sock".into()))),
        ] {
            assert_eq!(upstream(text), expected, "{text}");
        }
        for text in [
            "",
            "127.0.0.1:3000",
            "http://",
            "http://a:0",
            "http://a:65536",
            "http://a:",
            "http://a:+1",
            "http://a/b",
            "http://a?b",
            "http://u:p@a",
            "http://*",
            "unix:app.sock",
            "unix:/run/",
            "https://a/b",
            "h2c://",
            "fastcgi:///run",
            "fastcgi:run",
            "fastcgi:/",
            "tcp://a",
            "ftp://a",
        ] {
            assert!(upstream(text).is_err(), "{text:?}");
        }
    }
}
