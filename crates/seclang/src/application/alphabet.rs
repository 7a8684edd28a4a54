//! The bytes of which a token may consist.

use std::fmt;

/// Some of the letters and digits of ASCII, `-` and `_`: with others than these a value could be an attack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alphabet(u128);

/// Runs that are written as one.
const RUNS: [(u8, u8); 3] = [(b'A', b'Z'), (b'a', b'z'), (b'0', b'9')];
/// Of the bytes that are neither letter nor digit, those that a token may have.
const MARKS: [u8; 2] = [b'-', b'_'];

impl Alphabet {
    /// As it is written: single characters, and runs such as `a-f`; a `-` at either end is itself.
    pub fn parse(written: &[u8]) -> Result<Self, String> {
        let mut alphabet = Self::default();
        let mut rest = written;
        while let Some((&first, behind)) = rest.split_first() {
            let (last, behind) = match behind {
                [b'-', last, behind @ ..] => (*last, behind),
                _ => (first, behind),
            };
            if last < first {
                return Err(format!("`{}` is no run", shown(&[first, b'-', last])));
            }
            for byte in first..=last {
                alphabet.add(byte)?;
            }
            rest = behind;
        }
        if alphabet.0 == 0 {
            return Err("a token needs an alphabet, such as `A-Za-z0-9_-`".to_owned());
        }
        Ok(alphabet)
    }

    /// The smallest in whole runs that has every byte; `None` where no token has one of them.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let mut alphabet = Self::default();
        for &byte in bytes {
            let run = RUNS.iter().find(|(first, last)| (*first..=*last).contains(&byte));
            let (first, last) = run.copied().unwrap_or((byte, byte));
            for byte in first..=last {
                alphabet.add(byte).ok()?;
            }
        }
        Some(alphabet)
    }

    /// What either has.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has a byte.
    pub(crate) fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }

    /// Whether it has a digit.
    pub(crate) fn has_digit(self) -> bool {
        (b'0'..=b'9').any(|digit| self.has(digit))
    }

    fn add(&mut self, byte: u8) -> Result<(), String> {
        if !byte.is_ascii_alphanumeric() && !MARKS.contains(&byte) {
            return Err(format!(
                "a token with `{}` could be an attack: it may have letters and digits of ASCII, `-` and `_`",
                shown(&[byte])
            ));
        }
        self.0 |= 1 << byte;
        Ok(())
    }
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl fmt::Display for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (from, to) in RUNS {
            let mut byte = from;
            while byte <= to {
                let end = (byte..=to).take_while(|byte| self.has(*byte)).last();
                match end {
                    Some(end) if end > byte + 1 => {
                        write!(f, "{}-{}", char::from(byte), char::from(end))?;
                    }
                    Some(end) => {
                        (byte..=end).try_for_each(|one| write!(f, "{}", char::from(one)))?;
                    }
                    None => {}
                }
                byte = end.unwrap_or(byte) + 1;
            }
        }
        for mark in MARKS.iter().rev().filter(|mark| self.has(**mark)) {
            write!(f, "{}", char::from(*mark))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_are_read_and_written() {
        for (written, shown) in [
            ("A-Za-z0-9_-", "A-Za-z0-9_-"),
            ("-_9-90-8zyx", "x-z0-9_-"),
            ("a-fA-F0-9", "A-Fa-f0-9"),
            ("abx", "abx"),
            ("-", "-"),
        ] {
            let alphabet = Alphabet::parse(written.as_bytes()).unwrap();
            assert_eq!(alphabet.to_string(), shown, "{written}");
            assert_eq!(Alphabet::parse(shown.as_bytes()), Ok(alphabet), "{shown}");
        }
        let hex = Alphabet::parse(b"a-f0-9").unwrap();
        assert!(hex.has(b'f') && !hex.has(b'g') && !hex.has(0xe6) && hex.has_digit());
        assert!(!Alphabet::parse(b"a-z").unwrap().has_digit());
    }

    #[test]
    fn what_could_be_an_attack_is_in_no_alphabet() {
        for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_alphanumeric()) {
            let taken = Alphabet::parse(&[b'a', byte]).is_ok();
            assert_eq!(taken, matches!(byte, b'-' | b'_'), "{byte}");
        }
        for (written, why) in [
            (&b"a-zA-Z."[..], "a token with `.` could be an attack"),
            (b" -~", "a token with ` ` could be an attack"),
            (b"0-z", "a token with `:` could be an attack"),
            (b"a\xff", "a token with `\\xff` could be an attack"),
            (b"z-a", "`z-a` is no run"),
            (b"", "needs an alphabet"),
        ] {
            let error = Alphabet::parse(written).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_smallest_alphabet_of_values() {
        let of = |text: &str| Alphabet::of(text.as_bytes()).map(|own| own.to_string());
        assert_eq!(of("b7-").as_deref(), Some("a-z0-9-"));
        assert_eq!(of("a.b"), None);
        let both = Alphabet::of(b"A").unwrap().or(Alphabet::of(b"1").unwrap());
        assert_eq!(both.to_string(), "A-Z0-9");
    }
}
