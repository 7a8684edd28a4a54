//! Integers of variable length (RFC 9000 §16), byte by byte.

/// How far into one we are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Integer {
    value: u64,
    missing: u8,
    begun: bool,
}

impl Integer {
    /// Takes a byte; the integer once it is whole.
    pub(super) fn take(&mut self, byte: u8) -> Option<u64> {
        if self.begun {
            self.value = (self.value << 8) | u64::from(byte);
            self.missing = self.missing.saturating_sub(1);
        } else {
            self.begun = true;
            self.value = u64::from(byte & 0x3f);
            self.missing = match byte >> 6 {
                0 => 0,
                1 => 1,
                2 => 3,
                _ => 7,
            };
        }
        if self.missing > 0 {
            return None;
        }
        let whole = self.value;
        *self = Self::default();
        Some(whole)
    }

    /// Whether bytes of it are missing.
    pub(super) fn is_begun(self) -> bool {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_four_lengths() {
        // RFC 9000, appendix A.1.
        for (bytes, wanted) in [
            (&[0x25][..], 37),
            (&[0x40, 0x25], 37),
            (&[0x7b, 0xbd], 15_293),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
        ] {
            let mut integer = Integer::default();
            let (last, first) = bytes.split_last().unwrap();
            for byte in first {
                assert_eq!(integer.take(*byte), None);
                assert!(integer.is_begun());
            }
            assert_eq!(integer.take(*last), Some(wanted));
            assert!(!integer.is_begun());
        }
    }
}
