//! Many short literals looked for at once in short texts, ASCII case ignored.
//!
//! Each literal is filed under the rarest three bytes in a row that it has (two, where it has no more). One
//! pass over a text asks a table of 256 kilobytes, of which a text touches a line for each two bytes in a row that differ,
//! whether the last three bytes are those of a literal, or share a key with them, which in ASCII none do; only then
//! literals are compared, eight bytes at a time. An automaton over all literals would do the same work a byte, but out of megabytes. Idea after Wu and
//! Manber, "A fast algorithm for multi-pattern searching" (1994).
//!
//! Linear in the text: no three bytes have more than a bounded number of literals but where literals cannot
//! be told apart by others.

use super::holds::Holds;
use std::collections::BTreeMap;

/// Bytes of a literal.
pub(super) const LITERAL_BYTES_MAX: usize = 8;
/// By so many bits a key moves with each byte; of the oldest of the three bytes as many are left.
const SHIFT: u32 = 7;
/// Three bytes in a row, laid over each other.
const KEYS: usize = 1 << (3 * SHIFT);
const KEY_MASK: usize = KEYS - 1;

/// A literal as it is compared; small, as there are thousands.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// In lower case, as a little-endian number.
    text: u64,
    /// The bits of it that a text has as well: of a letter all but the one that its cases differ in.
    mask: u64,
    /// Which literal.
    number: u32,
    /// Bytes of the literal up to the end of those that it is filed under.
    before: u8,
    /// Those after it.
    after: u8,
}

/// Literals, prepared.
pub(super) struct Finder {
    /// Byte → the same in lower case.
    lower: [u8; 256],
    /// A bit for each key under which something is filed.
    filed: Vec<u64>,
    /// How many bits are set before each word of those.
    ranks: Vec<u32>,
    /// For each bit that is set where its entries begin; one more for the end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// What finding each literal tells.
    tells: Vec<Holds>,
}

/// How common a byte is in the texts that clients send; only speed hangs on it.
fn commonness(byte: u8) -> u64 {
    const LETTERS: &[u8; 26] = &[
        82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24,
        2, 20, 1,
    ];
    let letter = LETTERS.get(usize::from(byte).wrapping_sub(usize::from(b'a')));
    letter.map_or_else(
        || match byte {
            b' ' | b'.' | b'"' | b'+' => 80,
            b'0'..=b'9' | b'/' | b'-' | b'_' | b'=' | b'&' | b',' | b':' | b'%' | b';' => 40,
            _ => 8,
        },
        |letter| u64::from(*letter),
    )
}

/// The key of some bytes in a row, the last of which weigh most.
fn key(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |key, byte| step(key, *byte))
}

fn step(key: usize, byte: u8) -> usize {
    (key << SHIFT ^ usize::from(byte)) & KEY_MASK
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Finder of {} literals", self.tells.len())
    }
}

impl Finder {
    /// For these literals of two to eight bytes, in lower case, each with what finding it tells.
    pub(super) fn new(literals: impl Iterator<Item = (Vec<u8>, Holds)>) -> Self {
        let mut filed: BTreeMap<usize, Vec<Entry>> = BTreeMap::new();
        let mut tells = Vec::new();
        for (literal, holds) in literals {
            let number = tells.len();
            tells.push(holds);
            let (before, keys) = place(&literal, &filed);
            for key in keys {
                filed.entry(key).or_default().push(entry(&literal, before, number));
            }
        }
        let mut lower = [0; 256];
        lower.iter_mut().zip(0..=u8::MAX).for_each(|(to, byte)| *to = byte.to_ascii_lowercase());
        let (mut bits, mut starts, mut entries) = (vec![0; KEYS / 64], vec![0], Vec::new());
        for (key, list) in filed {
            super::set(&mut bits, key);
            entries.extend(list);
            starts.push(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        }
        let before = |sum: &mut u32, word: &u64| {
            let rank = *sum;
            *sum += word.count_ones();
            Some(rank)
        };
        let ranks = bits.iter().scan(0, before).collect();
        Self { lower, filed: bits, ranks, starts, entries, tells }
    }

    /// Adds what the literals of a text tell.
    pub(super) fn find(&self, text: &[u8], holds: &mut Holds) {
        // As an array its bounds need not be looked at again for each byte.
        let Ok(filed) = <&[u64; KEYS / 64]>::try_from(self.filed.as_slice()) else {
            *holds = Holds::ALL;
            return;
        };
        let mut key = 0;
        for (at, &byte) in text.iter().enumerate() {
            let byte = self.lower.get(usize::from(byte)).copied().unwrap_or(byte);
            key = step(key, byte);
            let word = filed.get(key / 64).copied().unwrap_or(u64::MAX);
            if word >> (key % 64) & 1 == 1 {
                self.compare(text, at + 1, key, holds);
            }
        }
    }

    /// Compares the literals whose key ends at `end`.
    #[inline(never)]
    fn compare(&self, text: &[u8], end: usize, key: usize, holds: &mut Holds) {
        let below = self.filed.get(key / 64).map_or(0, |word| word & ((1 << (key % 64)) - 1));
        let Some(rank) = self.ranks.get(key / 64).map(|rank| rank + below.count_ones()) else {
            return;
        };
        let Ok(rank) = usize::try_from(rank) else { return };
        let Some([from, to]) = self.starts.get(rank..rank + 2) else { return };
        let (from, to) = (usize::try_from(*from), usize::try_from(*to));
        let (Ok(from), Ok(to)) = (from, to) else { return };
        let window = window(text, end);
        let rest = text.len() - end;
        for entry in self.entries.get(from..to).unwrap_or_default() {
            if (entry.text ^ entry.part_of(window)) & entry.mask == 0
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
    /// The eight bytes that begin where the literal would.
    fn part_of(self, window: u128) -> u64 {
        let from_there = window >> (u64::BITS - 8 * u32::from(self.before));
        from_there.to_le_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
    }
}

/// The eight bytes before a place and the eight after it, as a little-endian number; zeros where the text has none.
fn window(text: &[u8], at: usize) -> u128 {
    let start = at.checked_sub(LITERAL_BYTES_MAX);
    let whole = start.and_then(|start| text.get(start..)).and_then(<[u8]>::first_chunk);
    let window: [u8; 2 * LITERAL_BYTES_MAX] = whole.copied().unwrap_or_else(|| {
        let mut window = [0; 2 * LITERAL_BYTES_MAX];
        let from = text.get(at.saturating_sub(LITERAL_BYTES_MAX)..).unwrap_or_default();
        let into = window.iter_mut().skip(LITERAL_BYTES_MAX.saturating_sub(at));
        into.zip(from).for_each(|(place, byte)| *place = *byte);
        window
    });
    u128::from_le_bytes(window)
}

/// Of a literal of at most eight bytes, of which these end with those that it is filed under.
fn entry(literal: &[u8], before: usize, number: usize) -> Entry {
    let small = |count: usize| u8::try_from(count).unwrap_or(u8::MAX);
    let as_number = |byte: fn(u8) -> u8| {
        literal.iter().rev().fold(0, |text, own| text << 8 | u64::from(byte(*own)))
    };
    Entry {
        text: as_number(|byte| byte),
        mask: as_number(|byte| if byte.is_ascii_lowercase() { !0x20 } else { u8::MAX }),
        number: u32::try_from(number).unwrap_or(u32::MAX),
        before: small(before),
        after: small(literal.len().saturating_sub(before)),
    }
}

/// Where a literal is filed: how many of its bytes there are up to the end of those, and the keys. One of two
/// bytes stands under every third byte before them.
fn place(literal: &[u8], filed: &BTreeMap<usize, Vec<Entry>>) -> (usize, Vec<usize>) {
    let cost = |bytes: &[u8]| {
        let rarity: u64 = bytes.iter().map(|byte| commonness(*byte)).product();
        let load = filed.get(&key(bytes)).map_or(0, Vec::len);
        rarity.saturating_mul(u64::try_from(load + 4).unwrap_or(u64::MAX))
    };
    let triples = literal.windows(3).enumerate();
    if let Some((at, triple)) = triples.min_by_key(|(_, triple)| cost(triple)) {
        return (at + 3, vec![key(triple)]);
    }
    let pair = key(literal);
    let before = 0..1 << SHIFT;
    (literal.len(), before.map(|first: usize| first << (2 * SHIFT) ^ pair).collect())
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
    fn every_byte_is_told_from_every_other_but_for_case() {
        for own in 0..=u8::MAX {
            let lower = own.to_ascii_lowercase();
            let literal = [b'#', lower, b'#'];
            let finder = finder(&[&literal]);
            for other in 0..=u8::MAX {
                let expected = if other.to_ascii_lowercase() == lower { &[0][..] } else { &[] };
                assert_eq!(found(&finder, 1, &[b'#', other, b'#']), expected, "{own} {other}");
            }
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
