//! What a string, or several together, hold: which literals, and bytes of which classes. One line of a
//! processor's cache, so that thousands of them are put together in no time.

/// Words of bits.
const WORDS: usize = 8;
/// Bits for literals; the last word is for the classes.
const LITERAL_BITS: usize = (WORDS - 1) * 64;

/// Bits for literals and for classes of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds([u64; WORDS]);

impl Holds {
    /// Everything: nothing is ruled out.
    pub(crate) const ALL: Self = Self([u64::MAX; WORDS]);

    /// Bytes of these classes.
    pub(super) fn classes(bits: u64) -> Self {
        Self::default().with_classes(bits)
    }

    /// The same literals with bytes of other classes.
    pub(crate) fn with_classes(mut self, bits: u64) -> Self {
        if let Some(last) = self.0.last_mut() {
            *last = bits;
        }
        self
    }

    /// A literal of the set with this number.
    pub(crate) fn literal(set: usize) -> Self {
        let mut holds = Self::default();
        let bit = set % LITERAL_BITS;
        if let Some(word) = holds.0.get_mut(bit / 64) {
            *word = 1 << (bit % 64);
        }
        holds
    }

    /// Everything but these sets of literals, by the places of their bits.
    pub(super) fn all_but(sets: impl Iterator<Item = usize>) -> Self {
        let mut holds = Self::ALL;
        for set in sets {
            if let Some(word) = holds.0.get_mut(set / 64) {
                *word &= !(1 << (set % 64));
            }
        }
        holds
    }

    /// The sets of literals of which it holds one, by the places of their bits.
    pub(super) fn literals(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().take(WORDS - 1).enumerate();
        words.flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(at * 64 + usize::try_from(bit).ok()?)
            })
        })
    }

    /// Whether it holds one of any.
    pub(super) fn has_literals(&self) -> bool {
        self.0.iter().take(WORDS - 1).any(|word| *word != 0)
    }

    /// The only word that is not empty, and its bits.
    pub(super) fn word(&self) -> Option<(usize, u64)> {
        let mut words = self.0.iter().copied().enumerate().filter(|(_, word)| *word != 0);
        words.next().filter(|_| words.next().is_none())
    }

    /// Whether all of these bits of a word are held.
    pub(super) fn has(&self, word: usize, bits: u64) -> bool {
        self.0.get(word % WORDS).is_some_and(|own| own & bits == bits)
    }

    /// The classes.
    pub(super) fn own_classes(&self) -> u64 {
        let [.., classes] = self.0;
        classes
    }

    /// Whether all of this is held.
    pub(super) fn has_all(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |left, (own, other)| left | other & !own) == 0
    }

    /// Whether there are bytes of all of these classes.
    pub(super) fn have_classes(&self, bits: u64) -> bool {
        self.0.last().is_none_or(|own| own & bits == bits)
    }

    /// What either holds.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own |= other;
        }
    }
}

/// What is asked of a string before an operator is: all of it must be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// The word and the bit of a set of literals; no bit, nothing is asked.
    word: usize,
    bit: u64,
    classes: u64,
}

impl Gate {
    /// Bytes of these classes, and a literal of the set with this number. There are more sets than bits
    /// only in the largest of rule sets, where some then share theirs.
    pub(super) fn new(classes: u64, literals: Option<usize>) -> Self {
        let bit = literals.map(|set| set % LITERAL_BITS);
        Self {
            word: bit.map_or(0, |bit| bit / 64),
            bit: bit.map_or(0, |bit| 1 << (bit % 64)),
            classes,
        }
    }

    /// Whether it is open to what is held.
    pub(crate) fn is_open(self, holds: &Holds) -> bool {
        let [.., classes] = holds.0;
        let found = holds.0.get(self.word % WORDS).copied().unwrap_or(u64::MAX);
        (!found & self.bit) | (!classes & self.classes) == 0
    }

    /// The place of the bit of the set of literals that it asks for.
    pub(super) fn literal(self) -> Option<usize> {
        let bit = usize::try_from(self.bit.trailing_zeros()).ok()?;
        (self.bit != 0).then_some(self.word * 64 + bit)
    }

    /// The classes that it asks for.
    pub(super) fn classes(self) -> u64 {
        self.classes
    }

    /// Asks for nothing.
    pub(super) const OPEN: Self = Self { word: 0, bit: 0, classes: 0 };

    /// Whether it asks for nothing.
    pub(super) fn is_always_open(self) -> bool {
        self.bit == 0 && self.classes == 0
    }
}

/// What is asked of a string besides by those who may match plain text only where it has certain words: something else
/// than plain text, or one of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainGate {
    /// The class of bytes that plain text has none of.
    pub(super) outside: u64,
    /// The words.
    pub(super) literals: Gate,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_asked_for_must_be_held() {
        let gate = Gate::new(5, Some(70));
        let mut holds = Holds::literal(70);
        holds.add(&Holds::literal(1));
        assert!(!gate.is_open(&holds), "no class yet");
        holds.add(&Holds::classes(4));
        assert!(!gate.is_open(&holds), "one class of two");
        holds.add(&Holds::classes(1));
        assert!(gate.is_open(&holds) && gate.is_open(&Holds::ALL));
        assert!(!Gate::new(0, Some(69)).is_open(&holds));
        assert!(
            Gate::new(0, None).is_open(&Holds::default()) && Gate::new(0, None).is_always_open()
        );
        assert_eq!(Holds::literal(LITERAL_BITS + 3), Holds::literal(3), "shared");
        assert_eq!(Gate::new(0, Some(LITERAL_BITS + 3)), Gate::new(0, Some(3)), "by both");
    }

    #[test]
    fn what_is_held_and_asked_for_can_be_told() {
        let mut holds = Holds::literal(70);
        assert_eq!(holds.word(), Some((1, 1 << 6)));
        holds.add(&Holds::literal(1));
        holds.add(&Holds::classes(5));
        assert_eq!((holds.word(), Holds::default().word()), (None, None));
        assert!(holds.has(1, 1 << 6) && !holds.has(1, 3 << 6) && !holds.has(2, 1));
        assert_eq!(holds.literals().collect::<Vec<_>>(), [1, 70]);
        assert_eq!(Holds::ALL.literals().count(), LITERAL_BITS);
        assert!(holds.have_classes(5) && holds.have_classes(0) && !holds.have_classes(2));
        let gate = Gate::new(5, Some(70));
        assert_eq!((gate.literal(), gate.classes()), (Some(70), 5));
        assert_eq!((Gate::OPEN.literal(), Gate::OPEN.classes()), (None, 0));
    }
}
