//! `Content-Disposition` of a part (RFC 7578 §4.2).

use super::Oddities;
use crate::Malformed;

/// What it says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: Vec<u8>,
    pub(super) filename: Option<Vec<u8>>,
}

/// Accepts only what every reader understands alike.
pub(super) fn parse(value: &[u8], odd: &mut Oddities) -> Result<Disposition, Malformed> {
    let mut rest = value
        .strip_prefix(b"form-data")
        .ok_or_else(|| Malformed::new("content-disposition is not form-data"))?
        .trim_ascii_start();
    let mut name = None;
    let mut filename = None;
    let mut extended = false;
    while let Some(after) = rest.strip_prefix(b";") {
        if after.trim_ascii().is_empty() {
            rest = &[];
            break;
        }
        let (key, value, after) = parameter(after.trim_ascii_start(), odd)?;
        let slot = match key {
            b"name" => &mut name,
            b"filename" => &mut filename,
            b"filename*" => {
                extended_value(&value)?;
                if std::mem::replace(&mut extended, true) {
                    return Err(Malformed::new("content-disposition names `filename*` twice"));
                }
                rest = after.trim_ascii_start();
                continue;
            }
            _ => return Err(Malformed::new("content-disposition has an unknown parameter")),
        };
        if slot.replace(value).is_some() {
            return Err(Malformed::new("content-disposition has a parameter twice"));
        }
        rest = after.trim_ascii_start();
    }
    if !rest.is_empty() {
        odd.invalid_quoting |= rest.contains(&b'"') || rest.contains(&b'\'');
        return Err(Malformed::new("content-disposition is malformed"));
    }
    if extended && filename.is_none() {
        return Err(Malformed::new("content-disposition has `filename*` without `filename`"));
    }
    let name = name.filter(|name: &Vec<u8>| !name.is_empty());
    let name = name.ok_or_else(|| Malformed::new("content-disposition has no name"))?;
    Ok(Disposition { name, filename: filename.filter(|name: &Vec<u8>| !name.is_empty()) })
}

/// Key, value unescaped, and what follows.
type Parameter<'a> = (&'a [u8], Vec<u8>, &'a [u8]);

/// `key = value`, and what follows.
fn parameter<'a>(text: &'a [u8], odd: &mut Oddities) -> Result<Parameter<'a>, Malformed> {
    let equals = memchr::memchr(b'=', text)
        .ok_or_else(|| Malformed::new("content-disposition parameter has no value"))?;
    let (key, value) = text.split_at(equals);
    let value = value.get(1..).unwrap_or_default().trim_ascii_start();
    let (value, rest) = match value.first() {
        Some(&quote @ (b'"' | b'\'')) if key != b"filename*" => {
            odd.invalid_quoting |= quote == b'\'';
            quoted(value.get(1..).unwrap_or_default(), quote)?
        }
        _ => {
            let end =
                value.iter().position(|&byte| byte == b';' || byte == b' ').unwrap_or(value.len());
            let (token, rest) = value.split_at(end);
            odd.invalid_quoting |=
                key != b"filename*" && (token.contains(&b'\'') || token.contains(&b'"'));
            (token.to_vec(), rest)
        }
    };
    Ok((key.trim_ascii_end(), value, rest))
}

/// Only the quote and the backslash can be escaped; another backslash stays, as browsers send it.
fn quoted(text: &[u8], quote: u8) -> Result<(Vec<u8>, &[u8]), Malformed> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'\\', escaped, tail @ ..] if *escaped == quote || *escaped == b'\\' => {
                value.push(*escaped);
                rest = tail;
            }
            [byte, tail @ ..] if *byte == quote => return Ok((value, tail)),
            [byte, tail @ ..] => {
                value.push(*byte);
                rest = tail;
            }
            [] => return Err(Malformed::new("content-disposition has an open quote")),
        }
    }
}

/// `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &[u8]) -> Result<(), Malformed> {
    let bad = |what: &str| Malformed::new(format!("content-disposition `filename*` has {what}"));
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&+-^_`{}~.".contains(byte);
    let mut parts = value.splitn(3, |&byte| byte == b'\'');
    let charset = parts.next().filter(|charset| !charset.is_empty() && charset.iter().all(token));
    charset.ok_or_else(|| bad("no character set"))?;
    let _language = parts.next();
    let text = parts.next().ok_or_else(|| bad("no language"))?;
    if text.iter().all(token) && !crate::form::has_bad_escape(text) {
        Ok(())
    } else {
        Err(bad("a bad character"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name, filename, quoting) in [
            ("form-data; name=\"a b\"", "a b", None, false),
            ("form-data;name=a ; filename=b.txt", "a", Some("b.txt"), false),
            ("form-data; name=\"a\\\"b\\c\"", "a\"b\\c", None, false),
            ("form-data; name='a'", "a", None, true),
            ("form-data; name=a'b", "a'b", None, true),
            ("form-data; name=\"it's\"", "it's", None, false),
            ("form-data; name=a; filename=\"x\"; filename*=UTF-8''x%20y", "a", Some("x"), false),
            ("form-data; name=a; filename=\"\"", "a", None, false),
        ] {
            let mut odd = Oddities::default();
            let found =
                parse(text.as_bytes(), &mut odd).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.name, name.as_bytes(), "{text}");
            assert_eq!(found.filename.as_deref(), filename.map(str::as_bytes), "{text}");
            assert_eq!(odd.invalid_quoting, quoting, "{text}");
        }
    }

    #[test]
    fn malformed() {
        for text in [
            "attachment; name=a",
            "form-data",
            "form-data;",
            "form-data; name=\"\"",
            "form-data; name=\"a",
            "form-data; name",
            "form-data; name=a; name=b",
            "form-data; name=a; filename=b; filename=c",
            "form-data; name=a; x=y",
            "form-data; name=\"a\" b",
            "form-data; name=a; filename*=UTF-8''b",
            "form-data; name=a; filename=b; filename*=''b",
            "form-data; name=a; filename=b; filename*=UTF-8''%4",
        ] {
            assert!(parse(text.as_bytes(), &mut Oddities::default()).is_err(), "{text}");
        }
    }
}
