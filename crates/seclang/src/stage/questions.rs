//! Sets of questions whose answer follows from a string alone. A question that a string has said no to need not be put
//! to it again.

/// Words of bits.
const WORDS: usize = 8;
/// How many questions can be told apart; those beyond are always put.
pub(super) const COUNT: usize = WORDS * 64;

/// Questions by their numbers, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Questions([u64; WORDS]);

/// One question, prepared for asking whether it is among some; or none, which is among no others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    word: usize,
    bit: u64,
}

impl Asked {
    /// The question of this number.
    pub(super) fn new(number: Option<usize>) -> Self {
        let known = number.filter(|number| *number < COUNT);
        known.map_or_else(Self::default, |number| Self {
            word: number / 64,
            bit: 1 << (number % 64),
        })
    }
}

impl Questions {
    /// Every one.
    pub(crate) const ALL: Self = Self([u64::MAX; WORDS]);

    /// Adds the question of this number.
    pub(crate) fn add(&mut self, number: usize) {
        super::set(&mut self.0, number);
    }

    /// Whether it is among them.
    pub(crate) fn have(&self, number: usize) -> bool {
        super::is_set(&self.0, number)
    }

    /// Whether a prepared question is among them.
    pub(super) fn answer(&self, asked: Asked) -> bool {
        self.0.get(asked.word % WORDS).is_some_and(|word| word & asked.bit != 0)
    }

    /// Keeps those that are among the others too.
    pub(crate) fn keep(&mut self, others: &Self) {
        for (own, other) in self.0.iter_mut().zip(&others.0) {
            *own &= other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let mut some = Questions::default();
        some.add(3);
        some.add(COUNT - 1);
        some.add(COUNT);
        assert!(some.have(3) && some.have(COUNT - 1) && !some.have(4) && !some.have(COUNT));
        for number in [Some(3), Some(COUNT - 1), Some(4), Some(COUNT), Some(COUNT + 3), None] {
            let expected = number.is_some_and(|number| some.have(number));
            assert_eq!(some.answer(Asked::new(number)), expected, "{number:?}");
        }
        let mut all = Questions::ALL;
        assert!(all.have(0) && !all.have(COUNT), "what has no bit is in no set");
        all.keep(&some);
        assert_eq!(all, some);
        all.keep(&Questions::default());
        assert_eq!(all, Questions::default());
    }
}
