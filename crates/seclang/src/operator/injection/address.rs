//! Addresses that are scripts, read as a browser reads an attribute: character references decoded, leading
//! control characters and bytes above ASCII passed over.
//!
//! It looks at the scheme's letters only and never at the rest of an address, so `java:` and `data-sheet` count
//! as well; that is libinjection's verdict.

/// How an address begins that runs script or shows another's content as its own.
const SCHEMES: [&[u8]; 4] = [b"DATA", b"VIEW-SOURCE", b"JAVA", b"VBSCRIPT"];

/// Largest number that a reference may name; what is above it is plain text.
const REFERENCE_MAX: u32 = 0x0010_00FF;

/// Whether an attribute's undecoded value is such an address.
pub(super) fn is_script(value: &[u8]) -> bool {
    let skipped = value.iter().position(|byte| matches!(byte, 33..=126)).unwrap_or(value.len());
    let address = value.get(skipped..).unwrap_or_default();
    SCHEMES.iter().any(|scheme| begins_with(address, scheme))
}

fn begins_with(address: &[u8], scheme: &[u8]) -> bool {
    let mut characters = Characters(address)
        .skip_while(|point| *point <= 32)
        .filter(|point| !matches!(point, 0 | 10));
    scheme.iter().all(|letter| characters.next().is_some_and(|point| folded(point) == *letter))
}

/// A capital letter for a small one. Of a character above a byte only its low byte counts, as in libinjection,
/// where `&#x14a;` is a `J`.
fn folded(point: u32) -> u8 {
    u8::try_from(point).map_or_else(
        |_above| {
            let [low, ..] = point.to_le_bytes();
            low
        },
        |byte| byte.to_ascii_uppercase(),
    )
}

/// Characters of an attribute's value. Named references are left as they are: none of them is a letter.
struct Characters<'a>(&'a [u8]);

impl Iterator for Characters<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let reference = match self.0 {
            [b'&', b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
            [b'&', b'#', digits @ ..] => number(digits, 10),
            _ => None,
        };
        let (point, rest) = match reference {
            Some(decoded) => decoded,
            None => self.0.split_first().map(|(byte, rest)| (u32::from(*byte), rest))?,
        };
        self.0 = rest;
        Some(point)
    }
}

/// A number and what follows it and its semicolon, which may be missing. None without a digit or past
/// [`REFERENCE_MAX`].
fn number(text: &[u8], radix: u32) -> Option<(u32, &[u8])> {
    let mut value = None;
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let Some(digit) = char::from(*first).to_digit(radix) else { break };
        let sum = value.unwrap_or(0) * radix + digit;
        if sum > REFERENCE_MAX {
            return None;
        }
        value = Some(sum);
        rest = after;
    }
    Some((value?, rest.strip_prefix(b";").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scripts_however_written() {
        for value in [
            "javascript:alert(1)",
            "JaVaScript:x",
            "java",
            "data:text/html,x",
            "vbscript:x",
            "view-source:x",
            " \t\n\x0b\x7f\u{a0}java",
            "j\na\0v&#10;a",
            "&#106;&#x61;&#X76&#x0000041;",
            "&#1;&#32;&#x20java",
            "j&#97va",
            "&#x14a;ava",
            "jav&#x100041;",
        ] {
            assert!(is_script(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn plain_addresses() {
        for value in [
            "",
            " ",
            "&",
            "&#",
            "&#x",
            "&#;java",
            "jav",
            "/java",
            "https://example.com/?data",
            "j ava",
            "j\tava",
            "j&#9;ava",
            "&Tab;java",
            "dat&#99999999999999999999;",
            "&#99999999;java",
            "&#x16a;ava",
            "&#x10a;java",
            "&#x80;java",
            "jav&#x100061;",
        ] {
            assert!(!is_script(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn references() {
        let all = |value: &str| Characters(value.as_bytes()).collect::<Vec<_>>();
        assert_eq!(all("a&#98;&#x63&#100 &#x1000fF;"), [97, 98, 99, 100, 32, 0x0010_00FF]);
        assert_eq!(all("&#x100100;").len(), 10);
        assert_eq!(all("&#xg;&lt;").len(), 9);
    }

    proptest! {
        /// Each letter may be itself or a reference, decimal or not, padded or not.
        #[test]
        fn any_spelling_of_a_scheme(
            at in 0..SCHEMES.len(),
            spelling in proptest::collection::vec((0..4_u8, 0..5_usize), 16),
        ) {
            let mut value = String::new();
            for (letter, (form, pad)) in SCHEMES[at].iter().zip(spelling) {
                let zeros = "0".repeat(pad);
                match form {
                    0 => value.push(char::from(letter.to_ascii_lowercase())),
                    1 => value.push(char::from(*letter)),
                    2 => value.push_str(&format!("&#{zeros}{letter};")),
                    _ => value.push_str(&format!("&#x{zeros}{letter:x};")),
                }
            }
            prop_assert!(is_script(value.as_bytes()));
            value.insert(0, '_');
            prop_assert!(!is_script(value.as_bytes()));
        }
    }
}
