//! Operators: what is asked of a value. One family a file; [`compile`] is the only list.

mod bytes;
mod injection;
mod ip;
mod number;
mod phrases;
mod text;
mod unbuilt;
mod verify;

use crate::macros::Macro;
use crate::regex::{Captures, Exhausted, Regex};
use smallvec::smallvec;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use injection::{CROSS_SITE_BYTES, SQL_NEEDS};
pub(crate) use number::{Comparison as NumberComparison, parse_integer};
pub(crate) use text::Comparison;
use unbuilt::Asks;
pub(crate) use unbuilt::{Unbuilt, build_all};

/// A compiled operator.
#[derive(Debug)]
pub(crate) enum Operator {
    /// `@rx`
    Regex(Arc<Regex>),
    /// `@rx` whose pattern is only known at run time.
    RegexMacro(Macro),
    /// `@rxGlobal`: every match is captured.
    RegexGlobal(Arc<Regex>),
    /// `@pm`, `@pmFromFile`
    Phrases(phrases::Phrases),
    /// Comparison with a text.
    Text(text::Comparison, Macro),
    /// Comparison of integers.
    Number(number::Comparison, Macro),
    /// `@ipMatch`, `@ipMatchFromFile`
    Addresses(ip::Networks),
    /// `@validateByteRange`
    ByteRange(Box<[bool; 256]>),
    /// `@validateUrlEncoding`
    UrlEncoding,
    /// `@validateUtf8Encoding`
    Utf8Encoding,
    /// `@detectSQLi`
    SqlInjection,
    /// `@detectXSS`
    CrossSiteScripting,
    /// `@verifyCC`, `@verifyCPF`, `@verifySSN`, `@verifySVNR`
    Verify(verify::Number, Arc<Regex>),
    /// `@unconditionalMatch`
    Always,
    /// `@noMatch`
    Never,
    /// `@rbl`: whether a list that is asked by DNS has the client's address.
    Listed(Arc<str>),
    /// One of [`UNAVAILABLE`]: nobody can answer it here.
    Unavailable(&'static str),
}

/// A match with what the operator captured; index 0 is the whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Positions within the value.
    pub(crate) groups: Captures,
    /// A text of the operator's own for `TX:0`, instead of a position.
    pub(crate) text: Option<Vec<u8>>,
    /// Where something was found that is not captured.
    pub(crate) place: Option<std::ops::Range<usize>>,
}

impl Hit {
    fn bare() -> Self {
        Self::default()
    }

    fn whole(range: std::ops::Range<usize>) -> Self {
        Self { groups: smallvec![Some(range)], ..Self::default() }
    }
}

/// Operators that other engines have and this one refuses, with the reason.
pub(crate) static REFUSED: &[(&str, &str)] = &[
    ("fuzzyHash", "similarity hashes are not supported; use an upload scanner"),
    ("gsbLookup", "the service behind it has ended"),
    ("inspectFile", "running programs on requests is not supported; use an upload scanner"),
    ("rsub", "rewriting bodies is not supported"),
    ("validateDTD", "it is not part of this release"),
    ("validateHash", "link signing is not supported"),
    ("validateSchema", "it is not part of this release"),
];

/// Operators that stand in rule sets behind a switch that is off by default, and that cannot be answered
/// here. They load, with a warning; a request that reaches one is refused, never passed.
pub(crate) static UNAVAILABLE: &[&str] = &["geoLookup"];

/// Operators that work, with what they ask.
pub(crate) static WORKS: &[(&str, &str)] = &[
    ("beginsWith", "the value begins with the text"),
    ("contains", "the text stands in the value"),
    ("containsWord", "the same, with no letter on either side"),
    ("detectSQLi", "an SQL injection"),
    ("detectXSS", "a script injection"),
    ("endsWith", "the value ends with the text"),
    ("eq", "the same number"),
    ("ge", "no smaller a number"),
    (
        "geoLookup",
        "the address is in the database of `SecGeoLookupDb`; without one, who reaches it is refused",
    ),
    ("gt", "a greater number"),
    ("ipMatch", "an address within one of the networks"),
    ("ipMatchFromFile", "the same, with the networks of files (`ipMatchF`)"),
    ("le", "no greater a number"),
    ("lt", "a smaller number"),
    ("noMatch", "never"),
    ("pm", "one of the phrases, case ignored"),
    ("pmFromFile", "the same, with the phrases of files (`pmf`)"),
    (
        "rbl",
        "the client's address is on a list that is asked by DNS, where `[rules]` has `block_lists = true`; elsewhere, or where the list does not answer, who reaches it is refused",
    ),
    ("rx", "a regular expression"),
    ("rxGlobal", "the same, each match captured"),
    ("streq", "the same text"),
    ("strmatch", "the text stands in the value"),
    ("unconditionalMatch", "always"),
    ("validateByteRange", "a byte outside the ranges"),
    ("validateUrlEncoding", "a bad percent escape"),
    ("validateUtf8Encoding", "no UTF-8"),
    ("verifyCC", "a credit card's number"),
    ("verifyCPF", "a Brazilian person's number"),
    ("verifySSN", "a number of the social security of the USA"),
    ("verifySVNR", "a number of the social insurance of Austria"),
    ("within", "the value stands in the text"),
];

/// Operators that would look for the letters of a macro, and so never match.
static WITHOUT_MACROS: &[&str] =
    &["pm", "pmf", "pmfromfile", "rxglobal", "verifycc", "verifycpf", "verifyssn", "verifysvnr"];

/// Fills the holes of a text.
pub(crate) trait Expand {
    /// The text; what has no value leaves nothing.
    fn expand<'a>(&'a self, text: &'a Macro) -> Cow<'a, [u8]>;
}

/// Nothing has a value.
impl Expand for () {
    fn expand<'a>(&'a self, text: &'a Macro) -> Cow<'a, [u8]> {
        text.constant().unwrap_or_default().into()
    }
}

/// Reads a file that an operator names, relative to the rule's own.
pub(crate) trait DataFiles {
    /// The content, or why not.
    fn data(&self, path: &Path) -> Result<Vec<u8>, String>;
}

/// Compiles an operator by name and parameter.
pub(crate) fn compile(
    name: &str,
    parameter: &[u8],
    strings: &mut crate::strings::Strings,
    files: &dyn DataFiles,
) -> Result<Operator, String> {
    read(name, parameter, strings, files)?.build()
}

/// Reads an operator by name and parameter, with the files that it names.
pub(crate) fn read(
    name: &str,
    parameter: &[u8],
    strings: &mut crate::strings::Strings,
    files: &dyn DataFiles,
) -> Result<Unbuilt, String> {
    let lower = name.to_ascii_lowercase();
    if let Some((known, why)) = REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Err(format!("operator `@{known}` is refused: {why}"));
    }
    if Macro::is_in(parameter) && WITHOUT_MACROS.contains(&lower.as_str()) {
        return Err(format!("operator `@{name}` takes no macros: it is prepared when rules load"));
    }
    let pattern = |asks| Ok(Unbuilt::Pattern(asks, parameter.to_vec()));
    if let Some(number) = verify::Number::find(&lower) {
        return pattern(Asks::Number(number));
    }
    match lower.as_str() {
        "rx" if !Macro::is_in(parameter) => pattern(Asks::First),
        "rxglobal" => pattern(Asks::Each),
        "pm" => Ok(Unbuilt::Phrases(phrases::from_parameter(parameter)?)),
        "pmf" | "pmfromfile" => Ok(Unbuilt::Phrases(phrases::from_files(parameter, files)?)),
        lower => small(lower, name, parameter, strings, files).map(Unbuilt::Built),
    }
}

/// Those that are built as soon as they are read.
fn small(
    lower: &str,
    name: &str,
    parameter: &[u8],
    strings: &mut crate::strings::Strings,
    files: &dyn DataFiles,
) -> Result<Operator, String> {
    if let Some(known) = UNAVAILABLE.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(Operator::Unavailable(known));
    }
    if let Some(comparison) = text::Comparison::find(lower) {
        return Ok(Operator::Text(comparison, Macro::parse(parameter, strings)?));
    }
    if let Some(comparison) = number::Comparison::find(lower) {
        return Ok(Operator::Number(comparison, Macro::parse(parameter, strings)?));
    }
    Ok(match lower {
        "rx" => Operator::RegexMacro(Macro::parse(parameter, strings)?),
        "ipmatch" => Operator::Addresses(ip::Networks::from_list(parameter)?),
        "ipmatchf" | "ipmatchfromfile" => {
            Operator::Addresses(ip::Networks::from_files(parameter, files)?)
        }
        "validatebyterange" => Operator::ByteRange(bytes::ranges(parameter)?),
        "validateurlencoding" => Operator::UrlEncoding,
        "validateutf8encoding" => Operator::Utf8Encoding,
        "rbl" => Operator::Listed(crate::lists::zone(parameter).ok_or_else(|| {
            "`@rbl` takes the name of one list, without macros, such as `zen.example.org`"
                .to_owned()
        })?),
        "detectsqli" => Operator::SqlInjection,
        "detectxss" => Operator::CrossSiteScripting,
        "unconditionalmatch" => Operator::Always,
        "nomatch" => Operator::Never,
        _ => return Err(format!("unknown operator `@{name}`")),
    })
}

fn data(name: &[u8], files: &dyn DataFiles) -> Result<Vec<u8>, String> {
    let name =
        std::str::from_utf8(name.trim_ascii()).map_err(|_ignored| "file name is not UTF-8")?;
    files.data(&PathBuf::from(name))
}

impl Operator {
    /// Whether it looks for something within a value, rather than at its form, length or worth.
    pub(crate) const fn looks_within(&self) -> bool {
        match self {
            Self::Regex(_)
            | Self::RegexMacro(_)
            | Self::RegexGlobal(_)
            | Self::Phrases(_)
            | Self::SqlInjection
            | Self::CrossSiteScripting => true,
            Self::Text(comparison, _) => comparison.looks_within(),
            Self::Number(..)
            | Self::Addresses(_)
            | Self::ByteRange(_)
            | Self::UrlEncoding
            | Self::Utf8Encoding
            | Self::Verify(..)
            | Self::Always
            | Self::Never
            | Self::Listed(_)
            | Self::Unavailable(_) => false,
        }
    }

    /// The parameter, where it may hold macros.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are prepared when rules load")]
    pub(crate) fn parameter(&self) -> Option<&Macro> {
        match self {
            Self::RegexMacro(text) | Self::Text(_, text) | Self::Number(_, text) => Some(text),
            _ => None,
        }
    }

    /// Asks. `expand` fills in macros; positions are of interest where `capture` is set.
    pub(crate) fn evaluate(
        &self,
        value: &[u8],
        capture: bool,
        expand: &dyn Expand,
    ) -> Result<Option<Hit>, Exhausted> {
        Ok(match self {
            Self::Regex(regex) if !capture => regex.is_match(value)?.then(Hit::bare),
            Self::Regex(regex) => regex.captures(value)?.map(groups),
            Self::RegexMacro(source) => match Regex::new(&expand.expand(source), false) {
                Ok(regex) => regex.captures(value)?.map(groups),
                Err(_) => return Err(Exhausted),
            },
            Self::RegexGlobal(regex) => global(regex, value)?,
            Self::Phrases(phrases) => phrases.find(value).map(Hit::whole),
            Self::Text(comparison, text) => {
                let text = expand.expand(text);
                let place = || capture.then(|| comparison.place(value, &text)).flatten();
                comparison.holds(value, &text).then(|| Hit { place: place(), ..Hit::default() })
            }
            Self::Number(comparison, text) => match text.constant() {
                Some(constant) => comparison.holds(value, constant),
                None => comparison.holds(value, &expand.expand(text)),
            }
            .then(Hit::bare),
            Self::Addresses(networks) => networks.contain(value).then(Hit::bare),
            Self::ByteRange(allowed) => bytes::outside(allowed, value).then(Hit::bare),
            Self::UrlEncoding => burgrave_parse::form::has_bad_escape(value).then(Hit::bare),
            Self::Utf8Encoding => std::str::from_utf8(value).is_err().then(Hit::bare),
            Self::SqlInjection => injection::sql(value),
            Self::CrossSiteScripting => injection::cross_site(value),
            Self::Verify(number, regex) => verify::find(*number, regex, value)?.map(Hit::whole),
            Self::Always => Some(Hit::bare()),
            Self::Never => None,
            Self::Listed(_) | Self::Unavailable(_) => return Err(Exhausted),
        })
    }
}

fn groups(groups: Captures) -> Hit {
    Hit { groups, ..Hit::default() }
}

/// Every match's groups in a row, as far as ten captures go.
fn global(regex: &Regex, value: &[u8]) -> Result<Option<Hit>, Exhausted> {
    let mut all = Captures::new();
    let mut start = 0;
    while all.len() < 10 && start <= value.len() {
        let Some(found) = regex.captures_from(value, start)? else { break };
        let Some(Some(whole)) = found.first() else { break };
        start = if whole.is_empty() { whole.end + 1 } else { whole.end };
        all.extend(found);
    }
    all.truncate(10);
    Ok((!all.is_empty()).then(|| groups(all)))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    struct NoFiles;

    impl DataFiles for NoFiles {
        fn data(&self, path: &Path) -> Result<Vec<u8>, String> {
            match path.to_str() {
                Some("words.data") => Ok(b"# comment\n\nselect\nUnion All\n".to_vec()),
                Some("nets.data") => Ok(b"# comment\n192.0.2.0/24\n2001:db8::/32\n".to_vec()),
                Some("more.data") => Ok(b"198.51.100.0/24".to_vec()),
                _ => Err("no such file".to_owned()),
            }
        }
    }

    /// Compiles and asks once; macros expand to nothing.
    pub(crate) fn ask(name: &str, parameter: &str, value: &[u8]) -> Result<Option<Hit>, String> {
        let mut strings = crate::strings::Strings::constants();
        let operator = compile(name, parameter.as_bytes(), &mut strings, &NoFiles)?;
        operator.evaluate(value, true, &()).map_err(|_ignored| "exhausted".to_owned())
    }

    /// Whether it matches.
    pub(crate) fn matches(name: &str, parameter: &str, value: &[u8]) -> bool {
        ask(name, parameter, value).unwrap().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{ask, matches};
    use super::*;

    #[test]
    fn refused_and_unknown_operators_say_so() {
        for (name, why) in REFUSED {
            let error = ask(name, "x", b"x").unwrap_err();
            assert!(error.contains(why) && error.contains(name), "{error}");
        }
        assert_eq!(ask("rxx", "x", b"x").unwrap_err(), "unknown operator `@rxx`");
        assert!(
            ask("rx", "(", b"").unwrap_err().starts_with("regular expression does not compile")
        );
        assert_eq!(
            ask("pmFromFile", "absent.data", b"").unwrap_err(),
            "`absent.data`: no such file"
        );
    }

    #[test]
    fn captures() {
        let hit = ask("rx", "a(b)?(c)", b"xac").unwrap().unwrap();
        assert_eq!(hit.groups[..], [Some(1..3), None, Some(2..3)]);
        let hit = ask("rxGlobal", "a(.)", b"abac").unwrap().unwrap();
        assert_eq!(hit.groups[..], [Some(0..2), Some(1..2), Some(2..4), Some(3..4)]);
        assert!(matches("rxGlobal", "", b"abc") && !matches("rxGlobal", "x", b"abc"));
        assert!(matches("unconditionalMatch", "", b"") && !matches("noMatch", "", b""));
    }
}
