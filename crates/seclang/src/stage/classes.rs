//! Classes of bytes: sets of which a pattern needs a member, and the table that says in one pass over a
//! string which of them it holds and which transformations would change it.

use crate::transform::{self, ByteSet};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::collections::BTreeMap;

/// Rare classes of one pattern.
const CLASSES_OF_ONE_MAX: usize = 3;
/// Bits of a word.
const BITS: usize = 64;
/// How much more a class counts that is all that a link has.
const WEIGHT_OF_AN_ONLY_GATE: usize = 8;
/// A class that is this common in ordinary text tells nothing.
const COMMON: u32 = 60;
/// Texts that are so long have many a byte more than once.
const BYTES_OF_A_LONG_TEXT: usize = 192;

/// What the bytes of a string say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// The classes of which it holds a byte.
    pub(crate) classes: u64,
    /// The transformations that may change it, by their bits.
    pub(crate) reacts: u64,
}

impl Marks {
    /// Nothing is ruled out.
    pub(crate) const ALL: Self = Self { classes: u64::MAX, reacts: u64::MAX };

    fn and(self, other: Self) -> Self {
        Self { classes: self.classes | other.classes, reacts: self.reacts | other.reacts }
    }
}

/// Byte → marks.
#[derive(Debug)]
pub(crate) struct MarkTable {
    bytes: [Marks; 256],
    empty: Marks,
}

impl MarkTable {
    /// For these classes.
    pub(super) fn new(classes: &[ByteSet]) -> Self {
        let touched: Vec<(u64, ByteSet)> = transform::ALL
            .iter()
            .enumerate()
            .map(|(place, one)| (1 << place, ByteSet::touched_by(one)))
            .collect();
        let marks = |holds: &dyn Fn(&ByteSet) -> bool| Marks {
            classes: (0..)
                .zip(classes)
                .fold(0, |bits, (bit, set)| bits | u64::from(holds(set)) << bit),
            reacts: touched
                .iter()
                .filter(|(_, set)| holds(set))
                .fold(0, |bits, (bit, _)| bits | bit),
        };
        let mut bytes = [0_u8; 256];
        bytes.iter_mut().zip(0..=u8::MAX).for_each(|(place, byte)| *place = byte);
        Self {
            bytes: bytes.map(|byte| marks(&|set| set.contains(byte))),
            empty: marks(&|set| set.contains_empty()),
        }
    }

    /// The marks of a string.
    pub(crate) fn of(&self, text: &[u8]) -> Marks {
        if text.is_empty() {
            return self.empty;
        }
        if text.len() >= BYTES_OF_A_LONG_TEXT {
            return self.of_long(text);
        }
        let of_byte = |byte: u8| self.bytes.get(usize::from(byte)).copied().unwrap_or_default();
        // Four at a time, as counting them takes as long as the rest.
        let (fours, rest) = text.as_chunks();
        let of_fours =
            fours.iter().fold(Marks::default(), |marks, &[first, second, third, fourth]| {
                let (start, end) =
                    (of_byte(first).and(of_byte(second)), of_byte(third).and(of_byte(fourth)));
                marks.and(start).and(end)
            });
        rest.iter().fold(of_fours, |marks, byte| marks.and(of_byte(*byte)))
    }

    /// The same: first which bytes there are, then what each says.
    #[inline(never)]
    fn of_long(&self, text: &[u8]) -> Marks {
        let mut seen = [0_u8; 256];
        let mut see = |byte: u8| seen.get_mut(usize::from(byte)).map_or((), |seen| *seen = 1);
        let (fours, rest) = text.as_chunks();
        for &[first, second, third, fourth] in fours {
            see(first);
            see(second);
            see(third);
            see(fourth);
        }
        rest.iter().copied().for_each(see);
        let (bytes, seen) = (self.bytes.as_chunks::<8>().0, seen.as_chunks::<8>().0);
        let mut marks = Marks::default();
        for (bytes, seen) in bytes.iter().zip(seen).filter(|(_, seen)| **seen != [0; 8]) {
            let both = bytes.iter().zip(seen).filter(|(_, seen)| **seen != 0);
            marks = both.fold(marks, |marks, (byte, _)| marks.and(*byte));
        }
        marks
    }
}

/// The classes that a rule set's patterns need most.
#[derive(Debug)]
pub(super) struct Classes(Vec<ByteSet>);

impl Classes {
    /// As many as a word has bits: those that most links ask for, where a link that has no other gate
    /// counts for more.
    pub(super) fn choose<'a>(links: impl Iterator<Item = (&'a [ByteSet], bool)>) -> Self {
        let mut weights: BTreeMap<ByteSet, usize> = BTreeMap::new();
        for (sets, only) in links {
            for set in sets {
                *weights.entry(*set).or_default() += if only { WEIGHT_OF_AN_ONLY_GATE } else { 1 };
            }
        }
        let mut all: Vec<(ByteSet, usize)> = weights.into_iter().collect();
        all.sort_by_key(|(set, weight)| (std::cmp::Reverse(*weight), *set));
        all.truncate(BITS);
        Self(all.into_iter().map(|(set, _)| set).collect())
    }

    /// The bits of those that were chosen.
    pub(super) fn bits(&self, sets: &[ByteSet]) -> u64 {
        let bit = |set| self.0.iter().position(|own| own == set);
        sets.iter().filter_map(bit).fold(0, |bits, bit| bits | 1 << bit)
    }

    /// In the order of their bits.
    pub(super) fn sets(&self) -> &[ByteSet] {
        &self.0
    }
}

/// Of some sets those that tell most.
pub(super) fn rarest(mut sets: Vec<ByteSet>) -> Vec<ByteSet> {
    sets.sort_unstable();
    sets.dedup();
    sets.retain(|set| commonness(set) < COMMON);
    sets.sort_by_cached_key(|set| (commonness(set), *set));
    sets.truncate(CLASSES_OF_ONE_MAX);
    sets
}

/// Sets of which every match of a pattern holds a byte each.
pub(super) fn every(hir: &Hir) -> Vec<ByteSet> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            literal.0.iter().map(|byte| ByteSet::from_iter([*byte])).collect()
        }
        HirKind::Class(Class::Bytes(class)) => {
            vec![class.ranges().iter().flat_map(|range| range.start()..=range.end()).collect()]
        }
        HirKind::Capture(capture) => every(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => every(&repetition.sub),
        HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Class(Class::Unicode(_))
        | HirKind::Repetition(_) => Vec::new(),
        HirKind::Concat(pieces) => pieces.iter().flat_map(every).collect(),
        HirKind::Alternation(pieces) => {
            let rarest = |piece| every(piece).into_iter().min_by_key(commonness);
            let all: Option<Vec<ByteSet>> = pieces.iter().map(rarest).collect();
            all.into_iter().map(|all| all.iter().fold(ByteSet::default(), ByteSet::with)).collect()
        }
    }
}

/// How common the members are in ordinary text together, a thousand at most: letters by their frequency in
/// English, marks by a guess, none above ASCII. Only speed hangs on it.
fn commonness(set: &ByteSet) -> u32 {
    let of_byte = |byte: u8| match byte {
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'h' | b'r' => 70,
        b'd' | b'l' | b'c' | b'u' | b'm' | b'w' | b'f' | b'g' | b'y' | b'p' | b'b' => 25,
        b'v' | b'k' | b'0'..=b'9' | b'/' | b'.' | b'-' => 12,
        b'A'..=b'Z' | b'=' | b'_' | b',' | b':' | b';' | b'(' | b')' => 4,
        0x80.. => 0,
        _ => 1,
    };
    set.members().map(of_byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::{Regex, parse};
    use proptest::prelude::*;

    #[test]
    fn rare_bytes_of_patterns() {
        for (pattern, expected) in [
            ("sleep\\s*\\(", "( l p"),
            ("(?:a=|b<)x", "<= x"),
            ("a|", ""),
            ("[a-z]+", ""),
            ("\\[[^]]+\\]", "[ ]"),
            ("(?i)z", "Zz"),
        ] {
            let mut found: Vec<String> = rarest(every(&parse(pattern, false).unwrap()))
                .iter()
                .map(|set| {
                    (0..=127_u8).filter(|byte| set.contains(*byte)).map(char::from).collect()
                })
                .collect();
            found.sort();
            assert_eq!(found.join(" "), expected, "{pattern}");
        }
    }

    #[test]
    fn no_more_classes_than_bits() {
        let sets: Vec<ByteSet> = (0..100).map(|byte| ByteSet::from_iter([byte])).collect();
        let classes = Classes::choose([(&sets[..], false), (&sets[90..], true)].into_iter());
        assert_eq!(classes.sets().len(), 64);
        assert_eq!(classes.bits(&sets[90..]).count_ones(), 10, "the wanted ones are chosen first");
    }

    proptest! {
        #[test]
        fn no_match_is_without_its_classes(
            text in proptest::collection::vec(prop::sample::select(&b"abcdxyzZ<=[](). \xff"[..]), 0..12),
        ) {
            for pattern in ["(?:a=|b<)x?", "\\[[^]]+\\]", "(?i)z", "x(?:ab|c.d)*y", "a+b{2}|[<\\xff]"] {
                let regex = Regex::new(pattern.as_bytes(), false).unwrap();
                let sets = every(&parse(regex.pattern(), false).unwrap());
                let holds = sets.iter().all(|set| text.iter().any(|byte| set.contains(*byte)));
                prop_assert!(holds || !regex.is_match(&text).unwrap(), "{pattern} on {text:?}");
            }
        }
    }
}
