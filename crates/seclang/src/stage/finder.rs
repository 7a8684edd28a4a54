//! Many short literals looked for at once in short texts, ASCII case ignored.
//!
//! Each literal is filed under the rarest three bytes in a row that it has (two, where it has no more). One
//! pass over a text asks a table of four kilobytes whether the last three bytes are those of a literal, which
//! in ordinary text they hardly ever are; only then literals are compared, eight bytes at a time. An automaton
//! over all literals would do the same work a byte, but out of megabytes. Idea after Wu and Manber, "A fast
//! algorithm for multi-pattern searching" (1994).
//!
//! Linear in the text: no three bytes have more than a bounded number of literals but where literals cannot
//! be told apart by others.

use super::holds::Holds;

/// Bytes of a literal.
pub(super) const LITERAL_BYTES_MAX: usize = 8;
/// Bits of a class of bytes.
const CLASS_BITS: u32 = 5;
/// Three classes in a row.
const KEYS: usize = 1 << (3 * CLASS_BITS);
const KEY_MASK: usize = KEYS - 1;
/// Two classes in a row.
const PAIR_MASK: usize = (1 << (2 * CLASS_BITS)) - 1;

/// A literal as it is compared; small, as there are thousands.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// In lower case, as a little-endian number.
    text: u64,
    /// Which literal.
    number: u32,
    /// Bytes of the literal up to the end of those that it is filed under.
    before: u8,
    /// Those after it.
    after: u8,
}

/// Literals, prepared.
pub(super) struct Finder {
    /// Byte → class.
    classes: [usize; 256],
    /// A bit for each three classes under which something is filed.
    filed: Vec<u64>,
    /// Three classes → where their entries begin; one more for the end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// What finding each literal tells.
    tells: Vec<Holds>,
}

/// Letters by themselves, whatever their case; all else shares six classes.
fn class(byte: u8) -> usize {
    let place = match byte {
        b'a'..=b'z' => byte - b'a',
        b'A'..=b'Z' => byte - b'A',
        b'0'..=b'9' => 26,
        b' ' | b'\t'..=b'\r' => 27,
        b'.' | b'/' | b'-' | b'_' => 28,
        b'=' | b'&' | b'?' | b'+' | b'%' | b',' | b';' | b':' => 29,
        0x80.. => 30,
        _ => 31,
    };
    usize::from(place)
}

/// How common a class is in ordinary text; only speed hangs on it.
fn commonness(class: usize) -> u64 {
    const LETTERS: &[u8; 26] = &[
        82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24,
        2, 20, 1,
    ];
    let letter = LETTERS.get(class).copied().map(u64::from);
    letter.unwrap_or(match class {
        26 => 90,
        27 => 100,
        28 => 50,
        29 => 30,
        _ => 10,
    })
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finder of {} literals", self.tells.len())
    }
}

impl Finder {
    /// For these literals of two to eight bytes, in lower case, each with what finding it tells.
    pub(super) fn new(literals: impl Iterator<Item = (Vec<u8>, Holds)>) -> Self {
        let mut filed: Vec<Vec<Entry>> = vec![Vec::new(); KEYS];
        let mut tells = Vec::new();
        for (literal, holds) in literals {
            let number = tells.len();
            tells.push(holds);
            let (before, keys) = place(&literal, &filed);
            for key in keys {
                if let Some(list) = filed.get_mut(key) {
                    list.push(entry(&literal, before, number));
                }
            }
        }
        let mut classes = [0; 256];
        classes.iter_mut().zip(0..=u8::MAX).for_each(|(place, byte)| *place = class(byte));
        let mut finder = Self {
            classes,
            filed: vec![0; KEYS / 64],
            starts: vec![0],
            entries: Vec::new(),
            tells,
        };
        for (key, list) in filed.into_iter().enumerate() {
            if !list.is_empty() {
                super::set(&mut finder.filed, key);
            }
            finder.entries.extend(list);
            finder.starts.push(u32::try_from(finder.entries.len()).unwrap_or(u32::MAX));
        }
        finder
    }

    /// Adds what the literals of a text tell.
    pub(super) fn find(&self, text: &[u8], holds: &mut Holds) {
        let mut key = 0;
        for (at, &byte) in text.iter().enumerate() {
            let class = self.classes.get(usize::from(byte)).copied().unwrap_or_default();
            key = (key << CLASS_BITS | class) & KEY_MASK;
            let word = self.filed.get(key / 64).copied().unwrap_or(u64::MAX);
            if word >> (key % 64) & 1 == 1 {
                self.compare(text, at + 1, key, holds);
            }
        }
    }

    /// Compares the literals whose three bytes end at `end`.
    fn compare(&self, text: &[u8], end: usize, key: usize, holds: &mut Holds) {
        let Some([from, to]) = self.starts.get(key..key + 2) else { return };
        let (from, to) = (usize::try_from(*from), usize::try_from(*to));
        let (Ok(from), Ok(to)) = (from, to) else { return };
        let window = window(text, end);
        let rest = text.len() - end;
        for entry in self.entries.get(from..to).unwrap_or_default() {
            if (entry.text ^ entry.part_of(window)) & entry.mask() == 0
                && usize::from(entry.before) <= end
                && usize::from(entry.after) <= rest
                && let Some(tells) =
                    usize::try_from(entry.number).ok().and_then(|n| self.tells.get(n))
            {
                holds.add(tells);
            }
        }
    }
}

impl Entry {
    /// All bits of the literal's bytes: there are two to eight.
    fn mask(self) -> u64 {
        u64::MAX >> (u64::BITS - 8 * u32::from(self.before + self.after))
    }

    /// The eight bytes that begin where the literal would.
    fn part_of(self, window: u128) -> u64 {
        let from_there = window >> (u64::BITS - 8 * u32::from(self.before));
        from_there.to_le_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
    }
}

/// The eight bytes before a place and the eight after it in lower case, as a little-endian number; zeros where the text
/// has none.
fn window(text: &[u8], at: usize) -> u128 {
    let start = at.checked_sub(LITERAL_BYTES_MAX);
    let whole = start.and_then(|start| text.get(start..)).and_then(<[u8]>::first_chunk);
    let mut window: [u8; 2 * LITERAL_BYTES_MAX] = whole.copied().unwrap_or_else(|| {
        let mut window = [0; 2 * LITERAL_BYTES_MAX];
        let from = text.get(at.saturating_sub(LITERAL_BYTES_MAX)..).unwrap_or_default();
        let into = window.iter_mut().skip(LITERAL_BYTES_MAX.saturating_sub(at));
        into.zip(from).for_each(|(place, byte)| *place = *byte);
        window
    });
    window.make_ascii_lowercase();
    u128::from_le_bytes(window)
}

/// Of a literal of at most eight bytes, of which these end with those that it is filed under.
fn entry(literal: &[u8], before: usize, number: usize) -> Entry {
    let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
    Entry {
        text: literal.iter().rev().fold(0, |text, byte| text << 8 | u64::from(*byte)),
        number: u32::try_from(number).unwrap_or(u32::MAX),
        before: small(before),
        after: small(literal.len().saturating_sub(before)),
    }
}

/// Where a literal is filed: how many of its bytes there are up to the end of those, and the keys. One of two
/// bytes stands under every third byte before them.
fn place(literal: &[u8], filed: &[Vec<Entry>]) -> (usize, Vec<usize>) {
    let key = |bytes: &[u8]| bytes.iter().fold(0, |key, byte| key << CLASS_BITS | class(*byte));
    let cost = |bytes: &[u8]| {
        let rarity: u64 = bytes.iter().map(|byte| commonness(class(*byte))).product();
        let load = filed.get(key(bytes)).map_or(0, Vec::len);
        rarity.saturating_mul(u64::try_from(load + 4).unwrap_or(u64::MAX))
    };
    let triples = literal.windows(3).enumerate();
    if let Some((at, triple)) = triples.min_by_key(|(_, triple)| cost(triple)) {
        return (at + 3, vec![key(triple)]);
    }
    let pair = key(literal) & PAIR_MASK;
    let before = 1 << CLASS_BITS;
    (literal.len(), (0..before).map(|first| first << (2 * CLASS_BITS) | pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Gate;
    use proptest::prelude::*;

    fn finder(literals: &[&[u8]]) -> Finder {
        let all = literals.iter().map(|text| text.to_vec()).enumerate();
        Finder::new(all.map(|(number, text)| (text, Holds::literal(number))))
    }

    fn found(finder: &Finder, count: usize, text: &[u8]) -> Vec<usize> {
        let mut holds = Holds::default();
        finder.find(text, &mut holds);
        (0..count).filter(|number| Gate::new(0, Some(*number)).is_open(&holds)).collect()
    }

    #[test]
    fn literals_at_either_end_and_in_either_case() {
        let literals: [&[u8]; 6] = [b"select", b"or", b"<script", b"\xff\0", b"12345678", b"x=1"];
        let finder = finder(&literals);
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"SELECT", &[0]),
            (b"a SeLeCt", &[0]),
            (b"selec", &[]),
            (b"or", &[1]),
            (b"xoR", &[1]),
            (b"<Script>or", &[1, 2]),
            (b"\x1cscript", &[]),
            (b"a\xff\0", &[3]),
            (b"\xdf\0", &[]),
            (b"012345678", &[4]),
            (b"1234567", &[]),
            (b"X=1", &[5]),
            (b"x\x1d1", &[]),
        ] {
            assert_eq!(found(&finder, literals.len(), text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_to_look_for_is_found_nowhere() {
        assert!(found(&finder(&[]), 3, b"select").is_empty());
    }

    proptest! {
        #[test]
        fn it_finds_what_a_plain_search_finds(
            literals in proptest::collection::vec(
                proptest::collection::vec(prop::sample::select(&b"abcz1 <=\0\xff"[..]), 2..9), 0..40),
            text in proptest::collection::vec(prop::sample::select(&b"abcABCz1 <=\0\xff\x1c\x80"[..]), 0..60),
        ) {
            let texts: Vec<&[u8]> = literals.iter().map(Vec::as_slice).collect();
            let lower = text.to_ascii_lowercase();
            let expected: Vec<usize> = (0..texts.len())
                .filter(|number| memchr::memmem::find(&lower, texts[*number]).is_some())
                .collect();
            prop_assert_eq!(found(&finder(&texts), texts.len(), &text), expected);
        }
    }
}
