//! Sets of bytes: which occur in a string, and which a transformation reacts to.

use super::Transformation;

/// A set of bytes, and whether the empty string belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByteSet {
    bits: [u64; 4],
    empty: bool,
}

impl ByteSet {
    /// The bytes that occur in a string.
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut set = Self { bits: [0; 4], empty: text.is_empty() };
        for &byte in text {
            set.insert(byte);
        }
        set
    }

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

    /// Whether the two have something in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let words = self.bits.iter().zip(&other.bits);
        words.fold(0, |common, (own, other)| common | (own & other)) != 0
            || (self.empty && other.empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::ALL;
    use proptest::prelude::*;

    #[test]
    fn sets_meet() {
        for (left, right, meet) in [
            (&b"abc"[..], &b"c\xff"[..], true),
            (b"abc", b"d", false),
            (b"\xff", b"\xff", true),
            (b"", b"", true),
            (b"", b"a", false),
        ] {
            assert_eq!(ByteSet::of(left).meets(&ByteSet::of(right)), meet, "{left:?} {right:?}");
        }
    }

    proptest! {
        #[test]
        fn a_set_answers_as_its_trigger_does(input in proptest::collection::vec(any::<u8>(), 0..20)) {
            for one in ALL {
                let meets = ByteSet::touched_by(one).meets(&ByteSet::of(&input));
                prop_assert_eq!(meets, (one.trigger)(&input), "{} {:?}", one.name(), &input);
            }
        }
    }
}
