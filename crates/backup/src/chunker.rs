//! Where a file is cut, so that an insertion moves few cuts: a rolling hash over a window of 64 bytes, by Rabin's
//! method with the polynomial of the repository, as restic's chunker does it (its package `chunker`).
//!
//! The cuts are a matter of deduplication only: whoever reads a repository does not care where they are.

use crate::error::BackupError;
use burgrave_sys::{Live, System as _};

/// The shortest chunk, but for the last of a file.
pub(crate) const CHUNK_BYTES_MIN: usize = 512 * 1024;
/// The longest.
pub(crate) const CHUNK_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Cuts are where these bits of the hash are zero: every MiB on average.
const CUT_MASK: u64 = (1 << 20) - 1;
const WINDOW: usize = 64;
/// Bytes that are gone through at once, in four stretches.
const LANE: usize = 4096;
const BLOCK: usize = 4 * LANE;
/// The degree that a polynomial has.
const DEGREE: u32 = 53;

/// A polynomial over the field of two elements, with its tables.
pub(crate) struct Chunker {
    out: [u64; 256],
    reduce: [u64; 256],
    shift: u32,
}

fn degree(polynomial: u64) -> Option<u32> {
    polynomial.checked_ilog2()
}

/// The remainder of a division.
fn remainder(mut of: u64, by: u64) -> u64 {
    let Some(low) = degree(by) else { return of };
    while let Some(high) = degree(of).filter(|high| *high >= low) {
        of ^= by << (high - low);
    }
    of
}

/// The product of two polynomials, reduced.
fn product(mut a: u64, mut b: u64, by: u64) -> u64 {
    let top = degree(by).map_or(0, |degree| 1 << degree);
    let mut sum = 0;
    while b != 0 {
        if b & 1 == 1 {
            sum ^= a;
        }
        a <<= 1;
        if a & top != 0 {
            a ^= by;
        }
        b >>= 1;
    }
    sum
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, remainder(a, b));
    }
    a
}

/// Ben-Or's test: no factor of a degree up to half of its own.
fn is_irreducible(polynomial: u64) -> bool {
    let Some(high) = degree(polynomial) else { return false };
    // x to the power of 2^i, less x, has every irreducible factor of degree i.
    let mut power = remainder(2, polynomial);
    for _ in 1..=high / 2 {
        power = product(power, power, polynomial);
        if common_divisor(polynomial, power ^ 2) != 1 {
            return false;
        }
    }
    true
}

/// A polynomial for a new repository: random, irreducible, of degree 53.
pub(crate) fn random_polynomial() -> Result<u64, BackupError> {
    // One in some 53 is irreducible, half of the even ones away: this cannot end without one.
    for _ in 0..1_000_000 {
        let mut bytes = [0; 8];
        Live.random(&mut bytes)?;
        let polynomial = (u64::from_le_bytes(bytes) & ((1 << DEGREE) - 1)) | (1 << DEGREE) | 1;
        if is_irreducible(polynomial) {
            return Ok(polynomial);
        }
    }
    Err(BackupError::Refused("the machine's randomness is not random".to_owned()))
}

fn append(hash: u64, byte: u8, polynomial: u64) -> u64 {
    remainder((hash << 8) | u64::from(byte), polynomial)
}

impl Chunker {
    /// For a repository's polynomial. Its degree must leave room for a byte: 9 to 55.
    pub(crate) fn new(polynomial: u64) -> Result<Self, BackupError> {
        let degree = degree(polynomial).filter(|degree| (9..=55).contains(degree));
        let degree = degree.ok_or_else(|| {
            BackupError::damaged("the repository's configuration", "its polynomial is none")
        })?;
        let (mut out, mut reduce) = ([0; 256], [0; 256]);
        for (byte, (out, reduce)) in (0_u8..=255).zip(out.iter_mut().zip(&mut reduce)) {
            let mut hash = append(0, byte, polynomial);
            for _ in 1..WINDOW {
                hash = append(hash, 0, polynomial);
            }
            *out = hash;
            let high = u64::from(byte) << degree;
            *reduce = remainder(high, polynomial) | high;
        }
        Ok(Self { out, reduce, shift: degree - 8 })
    }

    /// How long the first chunk of these bytes is. They must be all that is left of a file, or
    /// [`CHUNK_BYTES_MAX`] of it at least.
    pub(crate) fn cut(&self, bytes: &[u8]) -> usize {
        let longest = bytes.len().min(CHUNK_BYTES_MAX);
        if longest <= CHUNK_BYTES_MIN {
            return longest;
        }
        let first = CHUNK_BYTES_MIN - WINDOW;
        let (Some(leaving), Some(entering)) =
            (bytes.get(first..longest), bytes.get(first..longest))
        else {
            return longest;
        };
        // The window begins as a one and zeros.
        let mut hash = self.slide(0, 0, 1);
        let mut old = [0_u8; WINDOW];
        if let Some(last) = old.first_mut() {
            *last = 1;
        }
        // The one entered first, so it leaves first but for the place that the first byte takes.
        old.rotate_left(1);
        for (leaves, enters) in old.iter().zip(entering) {
            hash = self.slide(hash, *leaves, *enters);
        }
        if hash & CUT_MASK == 0 {
            return CHUNK_BYTES_MIN;
        }
        let found = self.scan(hash, leaving, entering.get(WINDOW..).unwrap_or_default());
        found.map_or(longest, |index| CHUNK_BYTES_MIN + index + 1)
    }

    /// The first place, after the window that `hash` is of, at which is cut.
    ///
    /// Each step of the hash waits for the one before; so several stretches are gone through at once, each from the hash
    /// of the window before it, and the first one that has a cut counts.
    fn scan(&self, mut hash: u64, leaving: &[u8], entering: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            let (leaves, enters) = (leaving.get(at..)?, entering.get(at..)?);
            let (Some(leaves), Some(enters)) =
                (leaves.first_chunk::<BLOCK>(), enters.first_chunk::<BLOCK>())
            else {
                let rest = leaves.iter().zip(enters).position(|(leaves, enters)| {
                    hash = self.slide(hash, *leaves, *enters);
                    hash & CUT_MASK == 0
                });
                return rest.map(|index| at + index);
            };
            if let Some(index) = self.lanes(&mut hash, leaves, enters) {
                return Some(at + index);
            }
            at += BLOCK;
        }
    }

    /// One block, by four stretches at once.
    fn lanes(&self, hash: &mut u64, leaves: &[u8; BLOCK], enters: &[u8; BLOCK]) -> Option<usize> {
        let (leaves, enters) = (leaves.as_chunks::<LANE>().0, enters.as_chunks::<LANE>().0);
        let ([l0, l1, l2, l3], [e0, e1, e2, e3]) = (leaves, enters) else { return None };
        // The window before a stretch is what leaves in its first steps.
        let whole = |window: &[u8; LANE]| {
            window.iter().take(WINDOW).fold(0, |hash, byte| self.slide(hash, 0, *byte))
        };
        let (mut h0, mut h1, mut h2, mut h3) = (*hash, whole(l1), whole(l2), whole(l3));
        let mut first = [None; 4];
        let [f0, f1, f2, f3] = &mut first;
        for index in 0..LANE {
            let byte = |lane: &[u8; LANE]| lane.get(index).copied().unwrap_or(0);
            h0 = self.slide(h0, byte(l0), byte(e0));
            h1 = self.slide(h1, byte(l1), byte(e1));
            h2 = self.slide(h2, byte(l2), byte(e2));
            h3 = self.slide(h3, byte(l3), byte(e3));
            // Rare: each of them once in a MiB.
            if [h0, h1, h2, h3].iter().any(|hash| hash & CUT_MASK == 0) {
                for (hash, first) in
                    [(h0, &mut *f0), (h1, &mut *f1), (h2, &mut *f2), (h3, &mut *f3)]
                {
                    if hash & CUT_MASK == 0 && first.is_none() {
                        *first = Some(index);
                    }
                }
            }
        }
        *hash = h3;
        let mut lanes = first.iter().enumerate();
        lanes.find_map(|(lane, index)| index.map(|index| lane * LANE + index))
    }

    #[inline]
    fn slide(&self, hash: u64, leaves: u8, enters: u8) -> u64 {
        let hash = hash ^ self.out.get(usize::from(leaves)).copied().unwrap_or(0);
        let [high, ..] = (hash >> self.shift).to_le_bytes();
        let hash = (hash << 8) | u64::from(enters);
        hash ^ self.reduce.get(usize::from(high)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known to be irreducible: it is the one in restic's own tests.
    const POLYNOMIAL: u64 = 0x3D_A335_8B4D_C173;

    fn noise(bytes: usize, mut seed: u64) -> Vec<u8> {
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_le_bytes()
        };
        (0..bytes.div_ceil(8)).flat_map(|_| next()).take(bytes).collect()
    }

    fn cuts(chunker: &Chunker, mut bytes: &[u8]) -> Vec<usize> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            let cut = chunker.cut(bytes);
            all.push(cut);
            bytes = &bytes[cut..];
        }
        all
    }

    #[test]
    fn polynomials_are_irreducible() {
        assert!(is_irreducible(POLYNOMIAL));
        for (polynomial, expected) in
            [(0b111, true), (0b101, false), (0b1011, true), (0b1001, false)]
        {
            assert_eq!(is_irreducible(polynomial), expected, "{polynomial:b}");
        }
        let random = random_polynomial().unwrap();
        assert!(is_irreducible(random) && degree(random) == Some(DEGREE));
        assert!(Chunker::new(0).is_err() && Chunker::new(1 << 60).is_err());
    }

    #[test]
    fn the_hash_is_of_the_window_alone() {
        // The rolling hash at each place is the plain remainder of the 64 bytes before it.
        let chunker = Chunker::new(POLYNOMIAL).unwrap();
        let bytes = noise(1000, 5);
        let mut hash = 0;
        for (index, byte) in bytes.iter().enumerate() {
            let leaves = index.checked_sub(WINDOW).map_or(0, |old| bytes[old]);
            hash = chunker.slide(hash, leaves, *byte);
            let start = (index + 1).saturating_sub(WINDOW);
            let plain =
                bytes[start..=index].iter().fold(0, |hash, byte| append(hash, *byte, POLYNOMIAL));
            assert_eq!(hash, plain, "{index}");
        }
    }

    #[test]
    fn chunks_are_within_bounds_and_together_the_file() {
        let chunker = Chunker::new(POLYNOMIAL).unwrap();
        for bytes in [0, 1, CHUNK_BYTES_MIN, CHUNK_BYTES_MIN + 1, 20 << 20] {
            let cuts = cuts(&chunker, &noise(bytes, 99));
            assert_eq!(cuts.iter().sum::<usize>(), bytes);
            let (last, others) =
                cuts.split_last().map_or((0, &[][..]), |(last, rest)| (*last, rest));
            assert!(last <= CHUNK_BYTES_MAX);
            assert!(others.iter().all(|cut| (CHUNK_BYTES_MIN..=CHUNK_BYTES_MAX).contains(cut)));
        }
        assert_eq!(cuts(&chunker, &vec![0; 2 << 20]), [CHUNK_BYTES_MIN; 4], "zeros are cut short");
    }

    #[test]
    fn cuts_are_where_the_hash_is_zero_first() {
        let chunker = Chunker::new(POLYNOMIAL).unwrap();
        for seed in 1..6 {
            let bytes = noise(CHUNK_BYTES_MAX + 1000, seed);
            let mut hash = 0;
            let plain = bytes.iter().enumerate().take(CHUNK_BYTES_MAX).find_map(|(index, byte)| {
                let leaves = index.checked_sub(WINDOW).map_or(0, |old| bytes[old]);
                hash = chunker.slide(hash, leaves, *byte);
                (index + 1 >= CHUNK_BYTES_MIN && hash & CUT_MASK == 0).then_some(index + 1)
            });
            assert_eq!(chunker.cut(&bytes), plain.unwrap_or(CHUNK_BYTES_MAX), "seed {seed}");
        }
    }

    #[test]
    fn an_insertion_moves_few_cuts() {
        let chunker = Chunker::new(POLYNOMIAL).unwrap();
        let old = noise(32 << 20, 3);
        let mut new = old[..5_000_000].to_vec();
        new.extend_from_slice(b"inserted");
        new.extend_from_slice(&old[5_000_000..]);
        let digests = |bytes: &[u8]| {
            let mut at = 0;
            let mut all = std::collections::BTreeSet::new();
            for cut in cuts(&chunker, bytes) {
                all.insert(crate::id::Id::of(&bytes[at..at + cut]));
                at += cut;
            }
            all
        };
        let (old, new) = (digests(&old), digests(&new));
        assert!(new.difference(&old).count() <= 3, "of {}", new.len());
    }
}
