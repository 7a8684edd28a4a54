//! The fingerprints of injections.
//!
//! A fingerprint of up to five symbols is cut after the third: each left side has a set of right sides, a row of
//! bits for each fourth symbol, made by the compiler from `fingerprints.txt`. Invariant: a look-up reads two places
//! and finds what is in the list, and nothing else.

use super::list::{cut, line};
use super::token::Kind;

/// Most symbols of a fingerprint.
pub(super) const SYMBOLS_MAX: usize = 5;

const LIST: &[u8] = include_bytes!("fingerprints.txt");

/// All symbols that the list knows. A symbol's place from 1 on is its number, 0 is nothing.
const SYMBOLS: &[u8] = b"&(),1:;ABCEFKNOSTUVX";

const NUMBERS: usize = SYMBOLS.len() + 1;

const LEFTS: usize = NUMBERS * NUMBERS * NUMBERS;

/// Sets of right sides, with the empty one.
const SETS: usize = 179;

struct Table {
    /// The number of each letter.
    numbers: [u8; 128],
    /// The set of each left side.
    lefts: [u8; LEFTS],
    /// For each fourth symbol the fifth ones, one bit each.
    sets: [[u32; NUMBERS]; SETS],
}

static TABLE: Table = Table::of(LIST);

/// Whether these kinds are one of the fingerprints.
pub(super) fn contains(kinds: impl IntoIterator<Item = Kind>) -> bool {
    let mut symbols = [0; SYMBOLS_MAX];
    for (symbol, kind) in symbols.iter_mut().zip(kinds) {
        match TABLE.numbers.get(usize::from(kind.letter())) {
            None | Some(0) => return false,
            Some(number) => *symbol = usize::from(*number),
        }
    }
    let [a, b, c, fourth, fifth] = symbols;
    let set = TABLE.lefts.get(left([a, b, c])).and_then(|set| TABLE.sets.get(usize::from(*set)));
    set.and_then(|set| set.get(fourth)).is_some_and(|row| row >> fifth & 1 == 1)
}

const fn left([a, b, c]: [usize; 3]) -> usize {
    (a * NUMBERS + b) * NUMBERS + c
}

/// A symbol's number, or 0 for one that no fingerprint has.
const fn number(symbol: u8) -> usize {
    let (before, rest) = cut(SYMBOLS, symbol);
    if rest.is_empty() && before.len() == SYMBOLS.len() { 0 } else { before.len() + 1 }
}

impl Table {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::indexing_slicing,
        reason = "runs in the compiler, where a number out of bounds stops the build"
    )]
    const fn of(mut list: &[u8]) -> Self {
        let mut table = Self { numbers: [0; 128], lefts: [0; LEFTS], sets: [[0; NUMBERS]; SETS] };
        let mut letter = 0;
        while letter < table.numbers.len() {
            table.numbers[letter] = number((letter as u8).to_ascii_uppercase()) as u8;
            letter += 1;
        }
        let mut set = 0;
        while let Some((found, after)) = line(list) {
            let (mut lefts, mut rights) = cut(found, b'=');
            set += 1;
            while !lefts.is_empty() {
                let (side, rest) = cut(lefts, b' ');
                table.lefts[left(numbers(side))] = set as u8;
                lefts = rest;
            }
            while !rights.is_empty() {
                let (side, rest) = cut(rights, b' ');
                let [fourth, fifth, _] = numbers(side);
                table.sets[set][fourth] |= 1 << fifth;
                rights = rest;
            }
            list = after;
        }
        table
    }
}

/// The numbers of up to three symbols. `-` has none, as no fingerprint has it.
const fn numbers(side: &[u8]) -> [usize; 3] {
    match side {
        [a] => [number(*a), 0, 0],
        [a, b] => [number(*a), number(*b), 0],
        [a, b, c] => [number(*a), number(*b), number(*c)],
        _ => [0; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::LazyLock;

    const KINDS: [Kind; 26] = [
        Kind::Keyword,
        Kind::Union,
        Kind::Group,
        Kind::Expression,
        Kind::Type,
        Kind::Function,
        Kind::Word,
        Kind::Number,
        Kind::Variable,
        Kind::Text,
        Kind::Operator,
        Kind::Logic,
        Kind::Comment,
        Kind::Collate,
        Kind::Open,
        Kind::Close,
        Kind::OpenBrace,
        Kind::CloseBrace,
        Kind::Dot,
        Kind::Comma,
        Kind::Colon,
        Kind::Semicolon,
        Kind::Statement,
        Kind::Backslash,
        Kind::Unknown,
        Kind::Evil,
    ];

    /// All fingerprints written out.
    static ALL: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let lines =
            std::str::from_utf8(LIST).unwrap().lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once('='))
            .flat_map(|(lefts, rights)| {
                lefts.split(' ').flat_map(|left| {
                    rights.split(' ').map(move |right| format!("{left}{}", right.trim_matches('-')))
                })
            })
            .collect()
    });

    fn check(kinds: &[Kind]) {
        let letters: Vec<u8> = kinds.iter().map(|kind| kind.letter()).collect();
        let print = String::from_utf8(letters).unwrap().to_ascii_uppercase();
        assert_eq!(contains(kinds.iter().copied()), ALL.contains(&print), "{print}");
    }

    fn kinds_of(print: &str) -> Vec<Kind> {
        let kind = |symbol: u8| {
            KINDS.into_iter().find(|kind| kind.letter().to_ascii_uppercase() == symbol)
        };
        print.bytes().map(|symbol| kind(symbol).unwrap()).collect()
    }

    #[test]
    fn every_fingerprint_is_found() {
        assert_eq!(ALL.len(), 8367);
        for print in ALL.iter() {
            check(&kinds_of(print));
        }
        let sets = LIST.split(|byte| *byte == b'\n').filter(|line| line.contains(&b'='));
        assert_eq!(sets.filter(|line| !line.starts_with(b"#")).count() + 1, SETS);
    }

    #[test]
    fn nothing_else_of_up_to_four_is_found() {
        check(&[]);
        for a in KINDS {
            check(&[a]);
            for b in KINDS {
                check(&[a, b]);
                for c in KINDS {
                    check(&[a, b, c]);
                    for d in KINDS.into_iter().step_by(3) {
                        check(&[a, b, c, d]);
                    }
                }
            }
        }
    }

    #[test]
    fn two_kinds_of_type_are_one_symbol() {
        for kinds in
            [[Kind::Number, Kind::Union, Kind::Type], [Kind::Number, Kind::Union, Kind::Statement]]
        {
            check(&kinds);
        }
        assert_eq!(
            contains([Kind::Type, Kind::Number, Kind::Operator, Kind::Open]),
            contains([Kind::Statement, Kind::Number, Kind::Operator, Kind::Open]),
        );
    }

    proptest! {
        #[test]
        fn nothing_else_of_five_is_found(
            at in 0..8367_usize,
            changes in proptest::collection::vec((0..5_usize, 0..KINDS.len()), 0..4),
        ) {
            let mut kinds = kinds_of(ALL.iter().nth(at).unwrap());
            for (place, kind) in changes {
                if let Some(slot) = kinds.get_mut(place) {
                    *slot = KINDS[kind];
                }
            }
            check(&kinds);
        }
    }
}
