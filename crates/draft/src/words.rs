//! Text of the host that goes into a configuration: what may be a host, a path, a network or an upstream there, and
//! how it is written.
//!
//! Invariants: what these functions let through is taken by our own configuration; nothing that stands on the host can
//! end a string or a comment early.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Most letters of a text that are shown in a comment.
const SHOWN_MAX: usize = 300;

/// Whether it is a plain host name or an address, in lower case.
pub(crate) fn is_host(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(inner) = inner {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let letter = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_numeric = last.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253
        && text.split('.').all(label)
        && (!is_numeric || text.parse::<Ipv4Addr>().is_ok())
}

/// Whether a path may stand in a route.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 1_000
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\%?#*".contains(&byte))
        && !text.contains("//")
        && text.split('/').all(|part| part != "." && part != "..")
}

/// Whether a path of the file system may stand in a configuration.
pub(crate) fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.to_str().is_some_and(|text| {
            !text.contains('$') && !text.contains('\\') && !text.chars().any(char::is_control)
        })
}

/// An address or a network without bits beyond its prefix; `None` where it is neither.
pub(crate) fn network(text: &str) -> Option<String> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let Some(prefix) = prefix else { return Some(address.to_string()) };
    let bits: u32 = prefix.parse().ok()?;
    let first = match address {
        IpAddr::V4(v4) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => return None,
    };
    Some(format!("{first}/{bits}"))
}

/// Host and port as an upstream has them.
pub(crate) fn authority(text: &str, port: u16) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let split = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let (host, port) = match split {
        Some((host, digits)) => (host.to_owned(), digits.parse::<u16>().ok()?),
        None => (text, port),
    };
    (is_host(&host) && port > 0).then(|| format!("{host}:{port}"))
}

/// The path of a socket as an upstream has it.
pub(crate) fn socket(path: &str) -> Option<String> {
    let good = path.len() > 1 && !path.ends_with('/') && is_plain(Path::new(path));
    good.then(|| format!("unix:{path}"))
}

/// A size in nginx's or Apache's spelling, in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(['k', 'm', 'g']);
    let unit: u64 = match lower.strip_prefix(digits)? {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// A string of TOML.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => {
                out.push_str(&format!("\\u{:04X}", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// A list of strings of TOML.
pub(crate) fn list(texts: &[String]) -> String {
    let all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", all.join(", "))
}

/// A text of the host in a comment: in one line, without anything that changes how it is shown.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, letter) in text.trim().chars().enumerate() {
        let odd = letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if count >= SHOWN_MAX {
            out.push('…');
            break;
        }
        if odd {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_configuration_takes_comes_through() {
        for good in ["a.example", "localhost", "10.0.0.1", "[::1]", "xn--bcher-kva.example", "a_b"]
        {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "*.a", "~^a$", "a..b", "-a", "a b", "1.2.3", "ä", "A.example", "a:1"] {
            assert!(!is_host(bad), "{bad}");
        }
        for bad in ["", "a", "/a?b", "/a%20", "/a//b", "/../x", "/a\nb", "/a*", "/ä"] {
            assert!(!is_path(bad), "{bad}");
        }
        assert!(is_path("/") && is_path("/api/v1") && is_path("/a.b/"));
        assert!(is_plain(Path::new("/srv/a b")) && !is_plain(Path::new("/srv/$host")));
    }

    #[test]
    fn networks_lose_the_bits_beyond_their_prefix() {
        for (text, wanted) in [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("192.0.2.7", Some("192.0.2.7")),
            ("2001:db8::7/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("example.com", None),
            ("10.0.0.0/255.0.0.0", None),
        ] {
            assert_eq!(network(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn upstreams_and_sizes_are_read_as_their_programs_do() {
        assert_eq!(authority("App:3000", 80).as_deref(), Some("app:3000"));
        assert_eq!(authority("[::1]", 80).as_deref(), Some("[::1]:80"));
        assert_eq!(authority("a:0", 80), None);
        assert_eq!(authority("$backend", 80), None);
        assert_eq!(socket("/run/a.sock").as_deref(), Some("unix:/run/a.sock"));
        assert_eq!(socket("run/a.sock"), None);
        assert_eq!((size("20m"), size("5"), size("1G")), (Some(20 << 20), Some(5), Some(1 << 30)));
        assert_eq!((size("m"), size("1x"), size("99999999999g")), (None, None, None));
    }

    #[test]
    fn nothing_of_the_host_ends_a_string_or_a_comment() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000Ad\"");
        assert_eq!(shown("a\nb\r\u{202e}c"), "a\\nb\\r\\u{202e}c");
        assert!(shown(&"x".repeat(9_999)).chars().count() < 400);
    }
}
