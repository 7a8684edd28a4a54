//! The boundary parameter of `multipart/form-data` (RFC 2046 §5.1.1).

use super::Oddities;
use crate::Malformed;

/// A boundary.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    pub(super) text: Vec<u8>,
    /// Other parameters stand behind it.
    pub(super) has_more: bool,
}

/// The boundary, with what was odd about how it is written.
pub(super) fn find(content_type: &[u8], odd: &mut Oddities) -> Result<Boundary, Malformed> {
    let rest = strip_prefix_ignore_case(content_type.trim_ascii_start(), b"multipart/form-data")
        .ok_or_else(|| Malformed::new("content type is not multipart/form-data"))?;
    let lower = rest.to_ascii_lowercase();
    let at = memchr::memmem::find(&lower, b"boundary")
        .ok_or_else(|| Malformed::new("multipart names no boundary"))?;
    let (before, parameter) = rest.split_at(at);
    let after_name = parameter.get(8..).unwrap_or_default();
    if memchr::memmem::find(&after_name.to_ascii_lowercase(), b"boundary=").is_some() {
        return Err(Malformed::new("multipart names more than one boundary"));
    }
    // Some readers look for this spelling alone (RFC 9110 §5.6.6 has no case here).
    if !parameter.starts_with(b"boundary") {
        return Err(Malformed::new("multipart boundary parameter is not in lower case"));
    }
    odd.missing_semicolon |= !before.contains(&b';');
    let equals = memchr::memchr(b'=', after_name)
        .ok_or_else(|| Malformed::new("multipart boundary has no value"))?;
    let (space_before, value) = after_name.split_at(equals);
    let value = value.get(1..).unwrap_or_default();
    if !space_before.iter().all(u8::is_ascii_whitespace) {
        return Err(Malformed::new("multipart boundary parameter is malformed"));
    }
    odd.boundary_whitespace |= !space_before.is_empty();
    let has_more = value.contains(&b';');
    let text = value_of(value, odd)?;
    check(&text)?;
    Ok(Boundary { text, has_more })
}

fn value_of(value: &[u8], odd: &mut Oddities) -> Result<Vec<u8>, Malformed> {
    let trimmed = value.trim_ascii_start();
    odd.boundary_whitespace |= trimmed.len() != value.len();
    if let Some(inner) = trimmed.strip_prefix(b"\"") {
        odd.boundary_quoted = true;
        let end = memchr::memchr(b'"', inner)
            .ok_or_else(|| Malformed::new("multipart boundary's quote does not end"))?;
        let (text, tail) = inner.split_at(end);
        let tail = tail.get(1..).unwrap_or_default().trim_ascii_start();
        if !tail.is_empty() && !tail.starts_with(b";") {
            return Err(Malformed::new("multipart boundary goes on after its quote"));
        }
        return Ok(text.to_vec());
    }
    let end = trimmed.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(trimmed.len());
    let text = trimmed.get(..end).unwrap_or_default();
    let bare = text.trim_ascii_end();
    odd.boundary_whitespace |= bare.len() != text.len() || bare.contains(&b' ');
    odd.invalid_quoting |= bare.contains(&b'"');
    if bare.ends_with(b"\"") {
        return Err(Malformed::new("multipart boundary has a quote on one side"));
    }
    Ok(bare.to_vec())
}

fn check(boundary: &[u8]) -> Result<(), Malformed> {
    if boundary.is_empty() {
        return Err(Malformed::new("multipart boundary is empty"));
    }
    if boundary.len() > 128 {
        return Err(Malformed::new("multipart boundary is longer than 128 bytes"));
    }
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    if !boundary.iter().all(allowed) || boundary.ends_with(b" ") {
        return Err(Malformed::new("multipart boundary holds characters that it may not"));
    }
    Ok(())
}

fn strip_prefix_ignore_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries() {
        for (text, expected, quoted, white, semicolon) in [
            ("multipart/form-data; boundary=abc", "abc", false, false, false),
            ("Multipart/Form-Data;boundary=abc; charset=x", "abc", false, false, false),
            ("multipart/form-data; boundary=\"a b\"", "a b", true, false, false),
            ("multipart/form-data; boundary = abc ", "abc", false, true, false),
            ("multipart/form-data boundary=abc", "abc", false, false, true),
        ] {
            let mut odd = Oddities::default();
            let found = find(text.as_bytes(), &mut odd).unwrap();
            assert_eq!(found.text, expected.as_bytes(), "{text}");
            assert_eq!(found.has_more, text.contains("charset"), "{text}");
            assert_eq!(
                (odd.boundary_quoted, odd.boundary_whitespace, odd.missing_semicolon),
                (quoted, white, semicolon),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_boundary() {
        for text in [
            "text/plain",
            "multipart/form-data",
            "multipart/form-data; boundary",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"abc",
            "multipart/form-data; boundary=\"abc\"d",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary=a\x01b",
            "multipart/form-data; boundaryx=a",
            "multipart/form-data; Boundary=a",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=a\"",
        ] {
            assert!(find(text.as_bytes(), &mut Oddities::default()).is_err(), "{text}");
        }
    }
}
