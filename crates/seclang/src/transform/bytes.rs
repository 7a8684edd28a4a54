//! Sets of bytes: which occur in a string, and which a transformation reacts to.

use super::Transformation;

/// A set of bytes, and whether the empty string belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSet {
    bits: [u64; 4],
    empty: bool,
}

impl ByteSet {
    /// The bytes that a transformation reacts to: triggers look at single bytes, so they are asked about
    /// each.
    pub(crate) fn touched_by(transformation: &Transformation) -> Self {
        let mut set = Self { bits: [0; 4], empty: (transformation.trigger)(b"") };
        for byte in 0..=u8::MAX {
            if (transformation.trigger)(&[byte]) {
                set.insert(byte);
            }
        }
        set
    }

    /// Every byte of some texts in lower case, in either case.
    pub(crate) fn either_case_of(texts: &[Vec<u8>]) -> Self {
        let mut set = Self::default();
        // The first byte of each is enough: a text that holds the literal holds it.
        for byte in texts.iter().filter_map(|text| text.first()) {
            set.insert(byte.to_ascii_lowercase());
            set.insert(byte.to_ascii_uppercase());
        }
        set
    }

    fn insert(&mut self, byte: u8) {
        if let Some(word) = self.bits.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// The bytes that are not allowed.
    pub(crate) fn outside(allowed: &[bool; 256]) -> Self {
        (0..=u8::MAX).zip(allowed).filter(|(_, allowed)| !**allowed).map(|(byte, _)| byte).collect()
    }

    /// The members of both.
    pub(crate) fn with(self, other: &Self) -> Self {
        let mut both = self;
        for (own, other) in both.bits.iter_mut().zip(other.bits) {
            *own |= other;
        }
        both.empty |= other.empty;
        both
    }

    /// Whether a byte is a member.
    pub(crate) fn contains(&self, byte: u8) -> bool {
        self.bits.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// Its bytes in their order.
    pub(crate) fn members(&self) -> impl Iterator<Item = u8> {
        self.bits.into_iter().zip([0, 64, 128, 192]).flat_map(|(word, first)| {
            // Each step takes the lowest bit away.
            let words = std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)));
            words.take_while(|word| *word != 0).filter_map(move |word| {
                u8::try_from(word.trailing_zeros()).ok().map(|bit| first + bit)
            })
        })
    }

    /// Whether the empty string is a member.
    pub(crate) fn contains_empty(&self) -> bool {
        self.empty
    }
}

impl FromIterator<u8> for ByteSet {
    fn from_iter<T: IntoIterator<Item = u8>>(bytes: T) -> Self {
        let mut set = Self::default();
        bytes.into_iter().for_each(|byte| set.insert(byte));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::ALL;
    use proptest::prelude::*;

    fn meets(set: &ByteSet, text: &[u8]) -> bool {
        text.iter().any(|byte| set.contains(*byte)) || (text.is_empty() && set.contains_empty())
    }

    #[test]
    fn members() {
        let set: ByteSet = b"ab".iter().copied().collect();
        let both = set.with(&ByteSet::either_case_of(&[b"xyz".to_vec()]));
        for (byte, own, in_both) in
            [(b'a', true, true), (b'x', false, true), (b'X', false, true), (b'y', false, false)]
        {
            assert_eq!((set.contains(byte), both.contains(byte)), (own, in_both), "{byte}");
        }
        let mut allowed = [true; 256];
        allowed[7] = false;
        assert_eq!(ByteSet::outside(&allowed), [7].into_iter().collect());
        assert!(!set.contains_empty());
    }

    proptest! {
        #[test]
        fn members_are_those_that_are_contained(
            bytes in proptest::collection::vec(any::<u8>(), 0..300)
        ) {
            let set: ByteSet = bytes.into_iter().collect();
            let contained: Vec<u8> = (0..=u8::MAX).filter(|byte| set.contains(*byte)).collect();
            prop_assert_eq!(set.members().collect::<Vec<_>>(), contained);
        }

        #[test]
        fn a_set_answers_as_its_trigger_does(input in proptest::collection::vec(any::<u8>(), 0..20)) {
            for one in ALL {
                let meets = meets(&ByteSet::touched_by(one), &input);
                prop_assert_eq!(meets, (one.trigger)(&input), "{} {:?}", one.name(), &input);
            }
        }
    }
}
