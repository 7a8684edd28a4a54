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
/// Bytes that a literal is filed under.
const KEY_BYTES: usize = 3;
/// As many in a row, laid over each other.
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

/// Where the entries of a key are.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    key: u32,
    start: u32,
    /// 0 where there is none.
    end: u32,
    /// The bytes that stand before the key in one of the literals, each as one bit of those that share its lower five.
    before: u32,
    /// Those that stand behind it in a literal that it begins.
    after: u32,
    /// Whether one of the literals is the key alone.
    is_all: bool,
    /// What all of them tell: who holds it need not compare them again.
    tells: Tells,
}

/// What the literals of a place tell.
#[derive(Clone, Copy, Debug)]
enum Tells {
    /// Bits of a word.
    Word(usize, u64),
    /// More, which stands at this place of those that do.
    More(u32),
}

impl Default for Tells {
    fn default() -> Self {
        Self::Word(0, u64::MAX)
    }
}

/// Literals, prepared.
pub(super) struct Finder {
    /// Byte → the same in lower case.
    lower: [u8; 256],
    /// A bit for each key under which something is filed.
    filed: Vec<u64>,
    /// Where the entries of each of those are, in the first that was free of the places from its own on; at least every
    /// second is.
    places: Vec<Place>,
    entries: Vec<Entry>,
    /// What finding each literal tells.
    tells: Vec<Holds>,
    /// What all literals of a place tell, where that is more than bits of one word.
    more: Vec<Holds>,
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
        let mut places = vec![Place::default(); (filed.len() * 2).next_power_of_two()];
        let (mut bits, mut entries, mut more) = (vec![0; KEYS / 64], Vec::new(), Vec::new());
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        for (key, list) in filed {
            super::set(&mut bits, key);
            let (from, start) = (entries.len(), entries.len());
            entries.extend(list);
            let mut at = spread(key) & (places.len() - 1);
            while places.get(at).is_some_and(|place| place.end != 0) {
                at = (at + 1) & (places.len() - 1);
            }
            let (start, end) = (small(start), small(entries.len()));
            if let Some((place, list)) = places.get_mut(at).zip(entries.get(from..)) {
                *place = Place { key: small(key), start, end, ..Place::default() };
                let mut all = Holds::default();
                for entry in list {
                    place.admit(entry);
                    let number = usize::try_from(entry.number).ok();
                    all.add(number.and_then(|number| tells.get(number)).unwrap_or(&Holds::ALL));
                }
                place.tells = if let Some((word, bits)) = all.word() {
                    Tells::Word(word, bits)
                } else {
                    more.push(all);
                    Tells::More(small(more.len() - 1))
                };
            }
        }
        Self { lower, filed: bits, places, entries, tells, more }
    }

    /// Adds what the literals of a text tell.
    pub(super) fn find(&self, text: &[u8], holds: &mut Holds) {
        // As an array its bounds need not be looked at again for each byte.
        let Ok(filed) = <&[u64; KEYS / 64]>::try_from(self.filed.as_slice()) else {
            *holds = Holds::ALL;
            return;
        };
        let mut key = 0;
        let mut look = |end, byte: u8| {
            let byte = self.lower.get(usize::from(byte)).copied().unwrap_or(byte);
            key = step(key, byte);
            let word = filed.get(key / 64).copied().unwrap_or(u64::MAX);
            if word >> (key % 64) & 1 == 1 {
                self.compare(text, end, key, holds);
            }
        };
        // Four at a time, as counting them takes as long as the rest.
        let (fours, rest) = text.as_chunks();
        let mut at = 0;
        for &[first, second, third, fourth] in fours {
            look(at + 1, first);
            look(at + 2, second);
            look(at + 3, third);
            look(at + 4, fourth);
            at += 4;
        }
        for (end, byte) in (at + 1..).zip(rest) {
            look(end, *byte);
        }
    }

    /// Compares the literals whose key ends at `end`.
    #[inline(never)]
    fn compare(&self, text: &[u8], end: usize, key: usize, holds: &mut Holds) {
        let last = self.places.len() - 1;
        let mut at = spread(key) & last;
        let place = loop {
            match self.places.get(at) {
                Some(place) if place.end == 0 => return,
                Some(place) if usize::try_from(place.key) == Ok(key) => break place,
                Some(_) => at = (at + 1) & last,
                None => return,
            }
        };
        if !place.may_stand(text, end) || self.is_told(place.tells, holds) {
            return;
        }
        let (from, to) = (usize::try_from(place.start), usize::try_from(place.end));
        let (Ok(from), Ok(to)) = (from, to) else { return };
        self.compare_all(self.entries.get(from..to).unwrap_or_default(), text, end, holds);
    }

    fn is_told(&self, tells: Tells, holds: &Holds) -> bool {
        match tells {
            Tells::Word(word, bits) => holds.has(word, bits),
            Tells::More(at) => {
                let all = usize::try_from(at).ok().and_then(|at| self.more.get(at));
                all.is_some_and(|all| holds.has_all(all))
            }
        }
    }

    #[cold]
    fn compare_all(&self, entries: &[Entry], text: &[u8], end: usize, holds: &mut Holds) {
        for entry in entries.iter().filter(|entry| entry.stands_in(text, end)) {
            let number = usize::try_from(entry.number).ok();
            if let Some(tells) = number.and_then(|number| self.tells.get(number)) {
                holds.add(tells);
            }
        }
    }
}

impl Place {
    /// A literal is filed here.
    fn admit(&mut self, entry: &Entry) {
        match (usize::from(entry.before).checked_sub(KEY_BYTES + 1), entry.after) {
            (Some(at), _) => self.before |= low_bits(entry.byte(at)),
            (None, 1..) if usize::from(entry.before) == KEY_BYTES => {
                self.after |= low_bits(entry.byte(KEY_BYTES));
            }
            (None, _) => self.is_all = true,
        }
    }

    /// Whether one of the literals may stand where the key ends at `end`.
    fn may_stand(self, text: &[u8], end: usize) -> bool {
        let before = end.checked_sub(KEY_BYTES + 1).and_then(|at| text.get(at));
        self.is_all
            || before.is_some_and(|byte| self.before & low_bits(*byte) != 0)
            || text.get(end).is_some_and(|byte| self.after & low_bits(*byte) != 0)
    }
}

/// The lower five bits of a byte, which are the same in both cases of a letter, as one bit of a word.
fn low_bits(byte: u8) -> u32 {
    1 << (byte % 32)
}

/// A key, its bits mixed so that keys that are near each other are not.
fn spread(key: usize) -> usize {
    key.wrapping_mul(0x9e37_79b9) >> 11
}

impl Entry {
    /// A byte of the literal.
    fn byte(&self, at: usize) -> u8 {
        self.text.to_le_bytes().get(at).copied().unwrap_or_default()
    }

    /// Whether the literal stands where its key ends at `end`.
    fn stands_in(&self, text: &[u8], end: usize) -> bool {
        let Some(start) = end.checked_sub(usize::from(self.before)) else { return false };
        let from_there = text.get(start..).unwrap_or_default();
        let own = if let Some(whole) = from_there.first_chunk() {
            u64::from_le_bytes(*whole)
        } else {
            if from_there.len() < usize::from(self.before) + usize::from(self.after) {
                return false;
            }
            from_there.iter().rev().fold(0, |text, byte| text << 8 | u64::from(*byte))
        };
        (self.text ^ own) & self.mask == 0
    }
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
