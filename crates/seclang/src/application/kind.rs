//! Types of values that cannot be an attack, whoever reads them.
//!
//! What makes a type safe is its values alone, not where they stand: no quote, bracket, slash, space or
//! separator that a language could take hold of; no word that could be a command, a function or a member
//! that code knows (a token needs a digit for that, and is spared only with no more than three letters in a row or where
//! all of it is hexadecimal: `python3` and `base64_decode` are looked at as ever); nothing that begins like an option or means a folder above.

use super::alphabet::Alphabet;
use std::fmt;

/// Digits of a number, before and behind its point.
const DIGITS_MAX: usize = 20;
/// Bytes of a token.
pub const TOKEN_BYTES_MAX: usize = 128;
/// Letters of a token that may follow each other.
const LETTERS_MAX: usize = 3;
/// Bytes of a word that is one of several.
const WORD_BYTES_MAX: usize = 64;
/// Words of one argument.
pub const WORDS_MAX: usize = 1_000;
/// The names of all types, for who looks for one.
const NAMES: &str =
    "`integer`, `number`, `boolean`, `uuid`, `date`, `date-time`, `one-of` and `token`";

/// What a value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decimal digits, with a sign or without, within bounds.
    Integer(Option<i128>, Option<i128>),
    /// The same with a decimal fraction; no exponent.
    Number,
    /// `true` or `false`.
    Boolean,
    /// RFC 9562, in hexadecimal digits of either case.
    Uuid,
    /// RFC 3339, `full-date`.
    Date,
    /// RFC 3339, `date-time`.
    DateTime,
    /// One of these words, sorted.
    OneOf(Vec<String>),
    /// Letters, digits and single marks between them, at least one digit; the bounds are bytes.
    Token(Alphabet, usize, usize),
}

impl Kind {
    /// As it is written in a profile: its name, and what narrows it.
    pub fn parse(words: &[Vec<u8>]) -> Result<Self, String> {
        let Some((name, rest)) = words.split_first() else {
            return Err(format!("a type is missing, one of {NAMES}"));
        };
        let kind = match (name.as_slice(), rest) {
            (b"integer", [] | [_]) => {
                let (min, max) = rest.first().map_or(Ok((None, None)), |text| range(text))?;
                Self::Integer(min, max)
            }
            (b"number", []) => Self::Number,
            (b"boolean", []) => Self::Boolean,
            (b"uuid", []) => Self::Uuid,
            (b"date", []) => Self::Date,
            (b"date-time", []) => Self::DateTime,
            (b"one-of", words) => Self::one_of(words.iter().map(Vec::as_slice))?,
            (b"token", [alphabet, length]) => {
                let (min, max) = range(length)?;
                let max =
                    max.ok_or_else(|| format!("a token has at most {TOKEN_BYTES_MAX} bytes"))?;
                Self::token(Alphabet::parse(alphabet)?, bytes(min.unwrap_or(1))?, bytes(max)?)?
            }
            (b"token", _) => {
                return Err(
                    "a token is `token ALPHABET MIN..MAX`, as in `token A-Z0-9- 1..20`".to_owned()
                );
            }
            (b"integer" | b"number" | b"boolean" | b"uuid" | b"date" | b"date-time", _) => {
                return Err(format!("`{}` has too much behind it", bstr::BStr::new(name)));
            }
            _ => {
                return Err(format!(
                    "`{}` is no type whose values cannot be an attack, as {NAMES} are: leave the argument out, and it is looked at as ever",
                    name.escape_ascii()
                ));
            }
        };
        Ok(kind)
    }

    /// One of these words, each of which is harmless.
    pub fn one_of<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let mut own = Vec::new();
        for word in words {
            let text = std::str::from_utf8(word).ok().filter(|word| is_word(word.as_bytes()));
            let text = text.ok_or_else(|| {
                format!(
                    "`{}` could be an attack: a word has letters and digits of ASCII with single `-`, `_` or `.` between them, at most {WORD_BYTES_MAX} bytes",
                    word.escape_ascii()
                )
            })?;
            own.push(text.to_owned());
        }
        own.sort_unstable();
        own.dedup();
        match own.len() {
            0 => Err("`one-of` names no word".to_owned()),
            1..=WORDS_MAX => Ok(Self::OneOf(own)),
            _ => Err(format!("`one-of` has more than {WORDS_MAX} words")),
        }
    }

    /// A token of these bytes, so many at least and at most.
    pub fn token(alphabet: Alphabet, min: usize, max: usize) -> Result<Self, String> {
        if max > TOKEN_BYTES_MAX || min == 0 || min > max {
            return Err(format!("a token has 1 to {TOKEN_BYTES_MAX} bytes, not `{min}..{max}`"));
        }
        if !alphabet.has_digit() {
            return Err("a token of letters alone could be a command: it needs digits in its alphabet, or `one-of` names the words".to_owned());
        }
        Ok(Self::Token(alphabet, min, max))
    }

    /// Whether a value is of this type. Takes no longer for a long value than for a short one.
    pub fn admits(&self, value: &[u8]) -> bool {
        match self {
            Self::Integer(min, max) => {
                let Some(number) = integer(value) else { return false };
                min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
            }
            Self::Number => is_number(value),
            Self::Boolean => matches!(value, b"true" | b"false"),
            Self::Uuid => is_like(value, b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
            Self::Date => is_date(value),
            Self::DateTime => is_date_time(value),
            Self::OneOf(words) => words.binary_search_by(|word| word.as_bytes().cmp(value)).is_ok(),
            Self::Token(alphabet, min, max) => {
                (*min..=*max).contains(&value.len())
                    && value.iter().all(|byte| alphabet.has(*byte))
                    && value.iter().any(u8::is_ascii_digit)
                    && is_joined(value)
            }
        }
    }

    /// Whether a value is of this type and cannot be an attack: of a token, that no word is in it.
    pub fn spares(&self, value: &[u8]) -> bool {
        self.admits(value) && (!matches!(self, Self::Token(..)) || has_no_word(value))
    }

    /// The types that need no words and no bounds, narrower ones first.
    pub const PLAIN: [Self; 6] = [
        Self::Integer(None, None),
        Self::Number,
        Self::Boolean,
        Self::Uuid,
        Self::Date,
        Self::DateTime,
    ];

    /// The narrowest of these that a value is of: it is no attack wherever it stands.
    pub fn plain(value: &[u8]) -> Option<Self> {
        Self::PLAIN.into_iter().find(|kind| kind.admits(value))
    }
}

/// `MIN..MAX`, either of which may be missing, or one number for both.
fn range(text: &[u8]) -> Result<(Option<i128>, Option<i128>), String> {
    let wrong = || format!("`{}` is no range such as `1..100`", text.escape_ascii());
    let one = |part: &[u8]| match part {
        b"" => Ok(None),
        part => integer(part).map(Some).ok_or_else(wrong),
    };
    let Some(at) = text.windows(2).position(|pair| pair == b"..") else {
        let both = integer(text).ok_or_else(wrong)?;
        return Ok((Some(both), Some(both)));
    };
    let min = one(text.get(..at).unwrap_or_default())?;
    let max = one(text.get(at + 2..).unwrap_or_default())?;
    if min.zip(max).is_some_and(|(min, max)| min > max) || (min.is_none() && max.is_none()) {
        return Err(wrong());
    }
    Ok((min, max))
}

fn bytes(number: i128) -> Result<usize, String> {
    usize::try_from(number).map_err(|_negative| format!("`{number}` is no number of bytes"))
}

fn integer(value: &[u8]) -> Option<i128> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    if !are_digits(digits) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn are_digits(text: &[u8]) -> bool {
    (1..=DIGITS_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

fn is_number(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    match value.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b'.') {
        None => are_digits(value),
        Some(at) => {
            are_digits(value.get(..at).unwrap_or_default())
                && are_digits(value.get(at + 1..).unwrap_or_default())
        }
    }
}

/// Whether a value has this form: `x` is a hexadecimal digit, `9` a decimal one, all else itself.
fn is_like(value: &[u8], form: &[u8]) -> bool {
    value.len() == form.len()
        && value.iter().zip(form).all(|(byte, form)| match form {
            b'x' => byte.is_ascii_hexdigit(),
            b'9' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

fn is_date(value: &[u8]) -> bool {
    is_like(value, b"9999-99-99") && is_within(value, 5, 1, 12) && is_within(value, 8, 1, 31)
}

fn is_date_time(value: &[u8]) -> bool {
    let Some((stamp, rest)) = value.split_at_checked(19) else { return false };
    let fits = stamp.get(..10).is_some_and(is_date)
        && stamp.get(10..).is_some_and(|time| is_like(time, b"T99:99:99"))
        && is_within(stamp, 11, 0, 23)
        && is_within(stamp, 14, 0, 59)
        && is_within(stamp, 17, 0, 60);
    let zone = match rest.strip_prefix(b".") {
        None => rest,
        Some(rest) => {
            let digits = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            rest.get(digits..).unwrap_or_default()
        }
    };
    let is_offset =
        |form| is_like(zone, form) && is_within(zone, 1, 0, 23) && is_within(zone, 4, 0, 59);
    fits && (zone == b"Z" || is_offset(b"+99:99") || is_offset(b"-99:99"))
}

/// Whether two digits are a number within bounds.
fn is_within(value: &[u8], at: usize, min: u8, max: u8) -> bool {
    let Some([tens, ones]) = value.get(at..at + 2) else { return false };
    let number = tens.wrapping_sub(b'0').wrapping_mul(10).wrapping_add(ones.wrapping_sub(b'0'));
    (min..=max).contains(&number)
}

fn is_word(value: &[u8]) -> bool {
    let is_of_words = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    value.len() <= WORD_BYTES_MAX && value.iter().all(is_of_words) && is_joined(value)
}

/// Whether no run of letters is long enough for a word; hexadecimal digits are none.
fn has_no_word(value: &[u8]) -> bool {
    let is_hexadecimal = |byte: &u8| byte.is_ascii_hexdigit() || !byte.is_ascii_alphanumeric();
    let letters = value.split(|byte| !byte.is_ascii_alphabetic());
    value.iter().all(is_hexadecimal) || letters.into_iter().all(|run| run.len() <= LETTERS_MAX)
}

/// Whether marks stand single and between letters and digits.
fn is_joined(value: &[u8]) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_pair = |pair: &[u8]| pair.iter().any(u8::is_ascii_alphanumeric);
    is_end(value.first()) && is_end(value.last()) && value.windows(2).all(is_pair)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bound: &Option<i128>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        match self {
            Self::Integer(None, None) => f.write_str("integer"),
            Self::Integer(min, max) => write!(f, "integer {}..{}", text(min), text(max)),
            Self::Number => f.write_str("number"),
            Self::Boolean => f.write_str("boolean"),
            Self::Uuid => f.write_str("uuid"),
            Self::Date => f.write_str("date"),
            Self::DateTime => f.write_str("date-time"),
            Self::OneOf(words) => write!(f, "one-of {}", words.join(" ")),
            Self::Token(alphabet, min, max) => write!(f, "token {alphabet} {min}..{max}"),
        }
    }
}

#[cfg(test)]
mod tests;
