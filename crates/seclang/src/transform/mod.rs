//! Transformations: pure functions over bytes, one family a file.
//!
//! Each has a *trigger*: a cheap test that is false only when the function would return its input as
//! it is. The engine asks it first and so neither calls nor stores anything for the common value. The
//! trigger of several bytes is that of any of them, so that a table can answer it; where that says yes too
//! often, a closer test follows.

mod base64;
mod bytes;
mod code_page;
mod command;
mod comments;
mod css;
mod digest;
mod escape;
mod hex;
mod html;
mod javascript;
mod parity;
mod path;
mod php;
mod simple;
mod unicode;
mod url;

pub(crate) use self::bytes::ByteSet;
pub(crate) use self::code_page::CodePage;
pub(crate) use self::url::decode as url_decode;

/// One transformation of the language.
pub(crate) struct Transformation {
    /// Names in rules, compared without case; the first is the canonical one.
    pub(crate) names: &'static [&'static str],
    /// Appends the result to an empty buffer.
    pub(crate) apply: fn(&[u8], &mut Vec<u8>),
    /// A test of single bytes; false: the result is the input.
    pub(crate) trigger: fn(&[u8]) -> bool,
    /// A closer test; false: the result is the input.
    pub(crate) changes: fn(&[u8]) -> bool,
    /// The result is the input but for the case of ASCII letters.
    pub(crate) keeps_all_but_case: bool,
}

impl std::fmt::Debug for Transformation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Transformation {
    /// The canonical name.
    pub(crate) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// The shortest value, in bytes, of which it may make one of this length.
    pub(crate) fn input_bytes_min(&self, output_bytes: usize) -> usize {
        match self.name() {
            "base64Decode" | "base64DecodeExt" => output_bytes.saturating_mul(4).div_ceil(3),
            "base64Encode" | "hexEncode" | "length" | "md5" | "sha1" | "urlEncode"
            | "utf8toUnicode" => 0,
            _ => output_bytes,
        }
    }
}

/// The closer test where there is one, else the trigger.
macro_rules! closer {
    ($trigger:expr) => {
        $trigger
    };
    ($trigger:expr, $changes:expr) => {
        $changes
    };
}

macro_rules! all {
    ($([$($name:literal),+] $apply:expr, $trigger:expr $(, $changes:expr)?;)*) => {
        /// Every transformation that the engine knows.
        pub(crate) static ALL: &[Transformation] = &[
            $(Transformation {
                names: &[$($name),+],
                apply: $apply,
                trigger: $trigger,
                changes: closer!($trigger $(, $changes)?),
                keeps_all_but_case: is_about_case(&[$($name),+]),
            },)*
        ];
    };
}

const fn is_about_case(names: &[&str]) -> bool {
    matches!(names, [name] if matches!(name.as_bytes(), b"lowercase" | b"uppercase"))
}

fn always(_: &[u8]) -> bool {
    true
}

fn not_empty(input: &[u8]) -> bool {
    !input.is_empty()
}

/// A trigger: any of these bytes.
macro_rules! any_of {
    ($pattern:pat) => {
        |input: &[u8]| input.iter().any(|byte| matches!(byte, $pattern))
    };
}

all! {
    ["base64Decode"] base64::decode, not_empty;
    ["base64DecodeExt"] base64::decode_forgiving, not_empty;
    ["base64Encode"] base64::encode, not_empty;
    ["cmdLine", "cmd_line"] command::line, command::line_trigger;
    ["compressWhitespace"] simple::compress_whitespace, simple::has_whitespace, simple::has_odd_whitespace;
    ["cssDecode"] css::decode, any_of!(b'\\');
    ["escapeSeqDecode"] escape::decode, any_of!(b'\\');
    ["hexDecode"] hex::decode, not_empty;
    ["hexEncode"] hex::encode, not_empty;
    ["htmlEntityDecode"] html::decode, any_of!(b'&');
    ["jsDecode"] javascript::decode, any_of!(b'\\');
    ["length"] simple::length, always;
    ["lowercase"] simple::lowercase, any_of!(b'A'..=b'Z');
    ["md5"] digest::md5, always;
    ["normalisePath", "normalizePath"] path::normalise, path::trigger, path::changes;
    ["normalisePathWin", "normalizePathWin"] path::normalise_win, path::trigger, path::changes_win;
    ["parityEven7bit"] parity::even, not_empty;
    ["parityOdd7bit"] parity::odd, not_empty;
    ["parityZero7bit"] parity::zero, any_of!(0x80..);
    ["phpArgsNames"] php::argument_names, not_empty;
    ["removeComments"] comments::remove, any_of!(b'/' | b'<' | b'-' | b'#');
    ["removeCommentsChar"] comments::remove_marks, any_of!(b'*' | b'-' | b'#');
    ["removeNulls"] simple::remove_nulls, any_of!(0);
    ["removeWhitespace"] simple::remove_whitespace, simple::has_whitespace;
    ["replaceComments"] comments::replace, any_of!(b'/');
    ["replaceNulls"] simple::replace_nulls, any_of!(0);
    ["sha1"] digest::sha1, always;
    ["sqlHexDecode"] hex::decode_sql, any_of!(b'x' | b'X');
    ["trim"] simple::trim, simple::has_whitespace;
    ["trimLeft"] simple::trim_left, simple::has_whitespace;
    ["trimRight"] simple::trim_right, simple::has_whitespace;
    ["uppercase"] simple::uppercase, any_of!(b'a'..=b'z');
    ["urlDecode"] url::decode, any_of!(b'%' | b'+');
    ["urlDecodeUni"] url::decode_uni, any_of!(b'%' | b'+');
    ["urlEncode"] url::encode, not_empty;
    ["utf8toUnicode"] unicode::utf8_to_unicode, any_of!(0x80..);
}

/// The transformation of this name, case ignored.
pub(crate) fn find(name: &str) -> Option<&'static Transformation> {
    ALL.iter().find(|one| one.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// The place of a transformation in [`ALL`].
pub(crate) fn place(one: &Transformation) -> usize {
    ALL.iter().position(|other| std::ptr::eq(other, one)).unwrap_or_default()
}

/// There are no more of them than a word has bits.
const _: () = assert!(ALL.len() <= 64);

/// Value of a hexadecimal digit.
pub(crate) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The byte that two hexadecimal digits stand for.
pub(crate) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    Some((hex_value(high)? << 4) | hex_value(low)?)
}

/// C's `isspace` in the C locale.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Feeds the transformation by pattern: what `step` returns is how many bytes it consumed.
fn scan(input: &[u8], out: &mut Vec<u8>, mut step: impl FnMut(&[u8], &mut Vec<u8>) -> usize) {
    let mut rest = input;
    while !rest.is_empty() {
        let used = step(rest, out).max(1);
        rest = rest.get(used..).unwrap_or_default();
    }
}

#[cfg(test)]
pub(crate) fn run(name: &str, input: &[u8]) -> Vec<u8> {
    let one = find(name).unwrap_or_else(|| panic!("no transformation {name}"));
    let mut out = Vec::new();
    (one.apply)(input, &mut out);
    if !(one.trigger)(input) || !(one.changes)(input) {
        assert_eq!(out, input, "{name}: trigger is off, yet it changes");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_unique_and_found_without_case() {
        let mut seen = std::collections::BTreeSet::new();
        for one in ALL {
            for name in one.names {
                assert!(seen.insert(name.to_lowercase()), "{name} twice");
                assert_eq!(find(&name.to_uppercase()).unwrap().name(), one.name());
            }
        }
        assert!(find("none").is_none() && find("").is_none());
    }

    proptest! {
        #[test]
        fn none_panics_nor_explodes_and_none_lies_of_itself(
            input in proptest::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(&b"%u0041\\x/*.;&#+-<! \0"[..])],
                0..200,
            ),
        ) {
            for one in ALL {
                let out = run(one.name(), &input);
                prop_assert!(out.len() <= input.len() * 8 + 64, "{} grows", one.name());
                // Nor do those that would not change the input change more than case where others have changed its case.
                for cased in [input.to_ascii_lowercase(), input.to_ascii_uppercase()] {
                    let mut out = Vec::new();
                    (one.apply)(&cased, &mut out);
                    let same = out.eq_ignore_ascii_case(&input);
                    prop_assert!(same || (one.trigger)(&input), "{}", one.name());
                }
                prop_assert!(input.len() >= one.input_bytes_min(out.len()), "{}", one.name());
                if one.keeps_all_but_case {
                    prop_assert!(out.eq_ignore_ascii_case(&input), "{}", one.name());
                }
            }
        }
    }
}
