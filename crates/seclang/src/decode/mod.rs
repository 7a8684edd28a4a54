//! What a value says once its encoding is taken off: base64, hexadecimal, and the escapes of URLs, HTML
//! and JavaScript, nested up to a bound. An attack that hides in one reads as harmless letters before.
//!
//! Invariants: pure; a value that is not *plainly* an encoding has no form, and looking at one that has
//! none allocates nothing; time and output are linear in the value (each step is shorter than what it
//! is made of, and there are at most `depth_max` of them); it judges nothing, and replaces nothing: the
//! forms are offered beside the value.

mod escapes;
mod look;
mod whole;

use look::Look;
use std::fmt;

/// Bounds of the forms of one value.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each is the most of something")]
pub(crate) struct Limits {
    /// Encodings within each other.
    pub(crate) depth_max: usize,
    /// Forms of one value, those of its pieces included.
    pub(crate) forms_max: usize,
    /// Bytes of a value.
    pub(crate) bytes_max: usize,
}

/// A way of writing bytes as others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// RFC 4648, either alphabet, with or without padding.
    Base64,
    /// Two digits a byte.
    Hex,
    /// `%3C`, `%u003C`; UTF-8 longer than it need be is read as what it stands for.
    Url,
    /// `&lt;`, `&#60;`, `&#x3c;`.
    Html,
    /// `\x3c`, `\u003c`, `\u{3c}`.
    JavaScript,
}

impl Encoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Url => "url",
            Self::Html => "html",
            Self::JavaScript => "js",
        }
    }
}

/// Most encodings that a path can name.
const DEPTH_MAX: usize = 3;

/// The encodings that were taken off, outermost first. Empty for a value as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken([Option<Encoding>; DEPTH_MAX]);

impl Taken {
    /// Whether it is a value as it came.
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }

    fn then(mut self, encoding: Encoding) -> Self {
        if let Some(free) = self.0.iter_mut().find(|step| step.is_none()) {
            *free = Some(encoding);
        }
        self
    }
}

impl fmt::Display for Taken {
    /// `base64+url`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, encoding) in self.0.iter().flatten().enumerate() {
            let between = if index == 0 { "" } else { "+" };
            write!(out, "{between}{}", encoding.name())?;
        }
        Ok(())
    }
}

/// A value without its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// What was taken off.
    pub(crate) taken: Taken,
    /// What is left.
    pub(crate) text: Vec<u8>,
}

/// The forms of a value: each encoding taken off in turn, and those of the parts of a token
/// (`header.payload.signature`) and of the content of a `data:` URL. `None`: past a limit, so that it
/// cannot be said that all were looked at.
pub(crate) fn forms(value: &[u8], limits: Limits) -> Option<Vec<Form>> {
    if value.len() > limits.bytes_max {
        return None;
    }
    let mut found = Vec::new();
    let look = Look::at(value);
    if look.is_plain() {
        return Some(found);
    }
    chain(value, look, limits, &mut found);
    if let Some(content) = data_url(value) {
        chain(content, Look::at(content), limits, &mut found);
    } else if look.may_be_token() {
        for part in value.split(|&byte| byte == b'.') {
            if found.len() > limits.forms_max {
                return None;
            }
            chain(part, Look::at(part), limits, &mut found);
        }
    }
    (found.len() <= limits.forms_max).then_some(found)
}

/// The forms of a path: those of the whole, of what follows its first slash (base64 may hold slashes)
/// and of its segments.
pub(crate) fn path_forms(path: &[u8], limits: Limits) -> Option<Vec<Form>> {
    let mut found = forms(path, limits)?;
    let rest = path.strip_prefix(b"/").unwrap_or(path);
    if rest.contains(&b'/') {
        found.append(&mut forms(rest, limits)?);
    }
    for segment in rest.split(|&byte| byte == b'/') {
        found.append(&mut forms(segment, limits)?);
        if found.len() > limits.forms_max {
            return None;
        }
    }
    // The whole and its only segment say the same.
    found.dedup_by(|next, before| next.text == before.text);
    Some(found)
}

/// Takes one encoding off after the other.
fn chain(value: &[u8], look: Look, limits: Limits, found: &mut Vec<Form>) {
    let Some((encoding, text)) = step(value, look) else { return };
    found.push(Form { taken: Taken::default().then(encoding), text });
    for _ in 1..limits.depth_max.min(DEPTH_MAX) {
        let Some(last) = found.last() else { return };
        let Some((encoding, text)) = step(&last.text, Look::at(&last.text)) else { return };
        let taken = last.taken.then(encoding);
        found.push(Form { taken, text });
    }
}

/// The outermost encoding of a value, if it plainly has one.
fn step(value: &[u8], look: Look) -> Option<(Encoding, Vec<u8>)> {
    let whole = || {
        let hex = look.may_be_hex().then(|| whole::hex(value)).flatten();
        let found = hex.map(|text| (Encoding::Hex, text));
        found.or_else(|| {
            let base64 = look.may_be_base64().then(|| whole::base64(value)).flatten();
            base64.map(|text| (Encoding::Base64, text))
        })
    };
    let escapes = |has: bool, encoding, undo: fn(&[u8]) -> Option<Vec<u8>>| {
        has.then(|| undo(value)).flatten().map(|text| (encoding, text))
    };
    whole()
        .or_else(|| escapes(look.has_percent(), Encoding::Url, escapes::url))
        .or_else(|| escapes(look.has_ampersand(), Encoding::Html, escapes::html))
        .or_else(|| escapes(look.has_backslash(), Encoding::JavaScript, escapes::javascript))
}

/// What follows `;base64,` of a `data:` URL (RFC 2397).
fn data_url(value: &[u8]) -> Option<&[u8]> {
    let scheme = value.get(..5)?;
    if !scheme.eq_ignore_ascii_case(b"data:") {
        return None;
    }
    let comma = memchr::memchr(b',', value)?;
    let media = value.get(..comma)?;
    let tail = media.get(media.len().checked_sub(7)?..)?;
    if tail.eq_ignore_ascii_case(b";base64") { value.get(comma + 1..) } else { None }
}

#[cfg(test)]
mod tests;
