//! Words and phrases with a meaning in SQL, found without regard to case.
//!
//! The table is made by the compiler from `words.txt`: nothing is loaded, nothing allocated, and a look-up costs
//! about the same for any word. Invariant: what is in the list is found, and nothing else; words whose hashes meet
//! cost a second look and no more. No word is as long as [`TEXT_BYTES_MAX`], so a longer one's beginning is none.

use super::list::{cut, line};
use super::token::{Kind, TEXT_BYTES_MAX, Token};

const LIST: &[u8] = include_bytes!("words.txt");

const WORDS: usize = count(LIST);

/// At least twice as many as words, so that searches are short.
const SLOTS: usize = 2048;

type Entry = (&'static [u8], Kind);

struct Table {
    entries: [Entry; WORDS],
    /// An entry's number from 1 on, and what of its hash its place does not tell; 0 is free.
    slots: [(u16, u16); SLOTS],
    /// For each first letter (its low five bits) the lengths of phrases, one bit each.
    phrases: [u32; 32],
}

static TABLE: Table = Table::of(LIST);

/// The word's kind.
pub(super) fn find(word: &[u8]) -> Option<Kind> {
    entry(word).map(|(_, kind)| *kind)
}

/// What two words mean together, with a space between them.
pub(super) fn phrase(first: &[u8], second: &[u8]) -> Option<Token<'static>> {
    let length = first.len() + 1 + second.len();
    let lengths = TABLE.phrases.get(usize::from(first.first()? & 31))?;
    if length > TEXT_BYTES_MAX || lengths >> length & 1 == 0 {
        return None;
    }
    let mut joined = [b' '; TEXT_BYTES_MAX];
    joined.get_mut(..first.len())?.copy_from_slice(first);
    joined.get_mut(first.len() + 1..length)?.copy_from_slice(second);
    entry(joined.get(..length)?).map(|(text, kind)| Token::new(*kind, text))
}

fn entry(word: &[u8]) -> Option<&'static Entry> {
    let (first, tag) = place(word);
    let (after, before) = (TABLE.slots.get(first..)?, TABLE.slots.get(..first)?);
    after
        .iter()
        .chain(before)
        .take_while(|(number, _)| *number != 0)
        .filter(|(_, other)| *other == tag)
        .find_map(|(number, _)| {
            let entry = TABLE.entries.get(usize::from(*number) - 1)?;
            entry.0.eq_ignore_ascii_case(word).then_some(entry)
        })
}

/// Where the search for a word begins, and what tells it from most others that begin there: a hash over its first and
/// last eight bytes, without regard to case.
#[expect(clippy::as_conversions, reason = "parts of a hash, in a constant function")]
const fn place(word: &[u8]) -> (usize, u16) {
    /// Clears the bit between small and capital letters; that other bytes fall together costs a second look.
    const CASE: u64 = 0xDFDF_DFDF_DFDF_DFDF;
    let (first, last) = match (word.first_chunk(), word.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (padded(word), 0),
    };
    let hash = (first & CASE).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (last & CASE).wrapping_mul(0xC2B2_AE3D_27D4_EB4F).rotate_left(29);
    ((hash >> 32) as usize % SLOTS, (hash >> 48) as u16)
}

/// Fewer than eight bytes as a number.
const fn padded(mut word: &[u8]) -> u64 {
    let mut number = 0;
    while let [byte, rest @ ..] = word {
        number = number << 8 | u64::from_le_bytes([*byte, 0, 0, 0, 0, 0, 0, 0]);
        word = rest;
    }
    number
}

const fn count(mut list: &[u8]) -> usize {
    let mut count = 0;
    while let Some((found, after)) = line(list) {
        let (_, mut words) = cut(found, b' ');
        while !words.is_empty() {
            (_, words) = cut(words, b'|');
            count += 1;
        }
        list = after;
    }
    count
}

impl Table {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::indexing_slicing,
        clippy::large_stack_arrays,
        reason = "runs in the compiler, where a number out of bounds stops the build"
    )]
    const fn of(mut list: &'static [u8]) -> Self {
        let mut table =
            Self { entries: [(b"", Kind::Word); WORDS], slots: [(0, 0); SLOTS], phrases: [0; 32] };
        let mut number = 0;
        while let Some((found, after)) = line(list) {
            let (letter, mut words) = cut(found, b' ');
            while !words.is_empty() {
                let (word, rest) = cut(words, b'|');
                table.entries[number] = (word, kind(letter));
                number += 1;
                let (mut slot, tag) = place(word);
                while table.slots[slot].0 != 0 {
                    slot = (slot + 1) % SLOTS;
                }
                table.slots[slot] = (number as u16, tag);
                if cut(word, b' ').0.len() < word.len() {
                    table.phrases[word[0] as usize % 32] |= 1 << word.len();
                }
                words = rest;
            }
            list = after;
        }
        table
    }
}

#[expect(clippy::panic, reason = "runs in the compiler: a letter that is none stops the build")]
const fn kind(letter: &[u8]) -> Kind {
    match letter {
        b"k" => Kind::Keyword,
        b"U" => Kind::Union,
        b"B" => Kind::Group,
        b"E" => Kind::Expression,
        b"t" => Kind::Type,
        b"f" => Kind::Function,
        b"n" => Kind::Word,
        b"1" => Kind::Number,
        b"v" => Kind::Variable,
        b"o" => Kind::Operator,
        b"&" => Kind::Logic,
        b"A" => Kind::Collate,
        b"T" => Kind::Statement,
        _ => panic!("no kind of words"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All words by reading the list as a person does.
    fn all() -> impl Iterator<Item = (&'static str, u8)> {
        std::str::from_utf8(LIST)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split_at(2).1.split('|').map(|word| (word, line.as_bytes()[0])))
    }

    fn find_slowly(word: &[u8]) -> Option<u8> {
        let capital = word.to_ascii_uppercase();
        all().find(|(other, _)| other.as_bytes() == capital).map(|(_, letter)| letter)
    }

    fn letter(word: &[u8]) -> Option<u8> {
        find(word).map(Kind::letter)
    }

    #[test]
    fn every_word_is_found_in_any_case_and_once() {
        assert_eq!(all().count(), WORDS);
        for (word, expected) in all() {
            assert_eq!(all().filter(|(other, _)| *other == word).count(), 1, "{word}");
            assert!(word.len() < TEXT_BYTES_MAX && *word == word.to_ascii_uppercase(), "{word}");
            assert_eq!(letter(word.as_bytes()), Some(expected), "{word}");
            assert_eq!(letter(word.to_ascii_lowercase().as_bytes()), Some(expected), "{word}");
        }
    }

    #[test]
    fn near_misses_are_not_found() {
        for word in [
            "",
            "s",
            "selec",
            "selects",
            "sel\0ct",
            "\x13elect",
            "union  all",
            "union\tall",
            "unionall",
        ] {
            assert_eq!(find(word.as_bytes()), None, "{word:?}");
        }
    }

    #[test]
    fn phrases() {
        for (first, second, letter) in [
            ("union", "all", Some(b'U')),
            ("Union All", "Distinct", Some(b'U')),
            ("into", "outfile", Some(b'k')),
            ("order", "by", Some(b'B')),
            ("by", "order", None),
            ("", "all", None),
            ("union", "", None),
            ("natural right", "outer join x", None),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", None),
        ] {
            let found = phrase(first.as_bytes(), second.as_bytes());
            assert_eq!(found.map(|token| token.kind.letter()), letter, "{first} {second}");
        }
    }

    #[test]
    fn searches_are_short() {
        let free = TABLE.slots.iter().filter(|slot| slot.0 == 0).count();
        assert!(free * 2 > SLOTS);
        let longest = TABLE.slots.split(|slot| slot.0 == 0).map(<[_]>::len).max();
        assert!(longest < Some(32), "{longest:?}");
    }

    proptest! {
        #[test]
        fn what_is_found_is_in_the_list(
            at in 0..WORDS,
            change in proptest::option::of((0..TEXT_BYTES_MAX, any::<u8>())),
            cut in 0..3_usize,
            split in 0..TEXT_BYTES_MAX,
        ) {
            let mut word = all().nth(at).unwrap().0.to_ascii_lowercase().into_bytes();
            if let Some((place, byte)) = change {
                let place = place % word.len();
                word[place] = byte;
            }
            word.truncate(word.len().saturating_sub(cut).max(1));
            prop_assert_eq!(letter(&word), find_slowly(&word));
            let (first, second) = word.split_at(split % word.len());
            let joined = [first, b" ", second].concat();
            let expected = if joined.len() > TEXT_BYTES_MAX { None } else { find_slowly(&joined) };
            prop_assert_eq!(phrase(first, second).map(|token| token.kind.letter()), expected);
            if let Some(at) = word.iter().position(|byte| *byte == b' ') {
                let together = phrase(&word[..at], &word[at + 1..]);
                prop_assert_eq!(together.map(|token| token.kind.letter()), find_slowly(&word));
            }
        }
    }
}
