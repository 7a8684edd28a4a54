//! Interned byte strings.
//!
//! A rule set has one pool of constants (names, parameters); each transaction lays its own pool over
//! it. The same bytes always have the same [`StrId`], so a value is transformed and looked at once,
//! however many rules want it, and names compare as integers. The hash is keyed anew at each load and
//! every hit is compared in full: a collision costs time, never a verdict.

use foldhash::quality::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::num::NonZeroU32;
use std::sync::Arc;

/// Bytes of a name that needs no memory of its own to be changed.
const SHORT_BYTES: usize = 64;

/// Bits that say of a string that it is no constant, before the constants are asked.
const HINTS: usize = 1 << 15;

/// Slots for finding the strings of a small request; a power of two, as all such numbers are.
const SLOTS: usize = 512;
/// Slots that are kept from one request to the next.
const SLOTS_KEPT_MAX: usize = 4 * SLOTS;

/// The bit of a hash.
fn hint(hash: u64) -> usize {
    usize::try_from(hash >> 24).unwrap_or(0) % HINTS
}

/// Appends a number in decimal, without an allocation of its own.
pub(crate) fn write_number(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    burgrave_parse::push_decimal(number.unsigned_abs(), out);
}

/// Whether there is a capital letter (ASCII). Sixteen bytes at a time, or eight, and the last of them again for those that
/// are left.
pub(crate) fn has_upper(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<16>() {
        let (parts, _) = bytes.as_chunks::<16>();
        return parts.iter().any(capital_in) || capital_in(last);
    }
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            (capitals(u64::from_le_bytes(*first)) | capitals(u64::from_le_bytes(*last))) != 0
        }
        (None, _) | (_, None) => bytes.iter().any(u8::is_ascii_uppercase),
    }
}

/// The same of sixteen bytes, without a branch for each.
fn capital_in(part: &[u8; 16]) -> bool {
    part.iter().fold(false, |any, byte| any | byte.is_ascii_uppercase())
}

/// The high bit of each of eight bytes that is a capital letter.
fn capitals(eight: u64) -> u64 {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    let seven = eight & !HIGH;
    let from = |byte: u8| seven + LOW * (0x80 - u64::from(byte));
    from(b'A') & !from(b'Z' + 1) & !eight & HIGH
}

/// A handle to an interned string; only valid with the pool that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StrId(NonZeroU32);

impl StrId {
    /// The empty string; every pool has it.
    pub(crate) const EMPTY: Self = Self(NonZeroU32::MIN);

    /// Its place among all strings.
    pub(crate) fn index(self) -> usize {
        usize::try_from(self.0.get() - 1).unwrap_or(usize::MAX)
    }

    /// The string at a place. A pool is full long before its places are.
    fn at(index: usize) -> Self {
        let number = u32::try_from(index).unwrap_or(u32::MAX - 1);
        Self(NonZeroU32::MIN.saturating_add(number))
    }
}

/// Where a string stands, and what it is found by.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    end: usize,
    hash: u64,
}

/// A string by a part of its hash; or none.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    tag: u32,
    id: Option<StrId>,
}

/// The part of a hash that a slot has; the slot's own place follows from the rest.
fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX)
}

/// Constants of a rule set, or the strings of a transaction on top of them.
#[derive(Debug)]
pub(crate) struct Strings {
    base: Option<Arc<Strings>>,
    first: usize,
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// Twice as many as there are strings, or more: a string stands in the first that was free from its own on.
    slots: Vec<Slot>,
    /// Of constants: a bit for the hash of each. Empty where nobody lies on top.
    hints: Vec<u64>,
    hasher: RandomState,
}

impl Strings {
    /// A pool of constants.
    pub(crate) fn constants() -> Self {
        let mut pool = Self::nothing();
        pool.hints.resize(HINTS / 64, 0);
        pool.intern(b"");
        pool
    }

    /// A pool that holds nothing at all, not even the empty string.
    pub(crate) fn nothing() -> Self {
        Self {
            base: None,
            first: 0,
            bytes: Vec::new(),
            places: Vec::new(),
            slots: Vec::new(),
            hints: Vec::new(),
            hasher: RandomState::default(),
        }
    }

    /// A pool on top of another, whose ids stay valid.
    pub(crate) fn over(base: &Arc<Self>) -> Self {
        Self {
            first: base.len(),
            bytes: Vec::with_capacity(4096),
            places: Vec::with_capacity(128),
            slots: vec![Slot::default(); SLOTS],
            hints: Vec::new(),
            hasher: base.hasher.clone(),
            base: Some(Arc::clone(base)),
        }
    }

    /// Forgets all strings that are not the base's, and keeps the room for new ones.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        if self.slots.len() > SLOTS_KEPT_MAX {
            self.slots.truncate(SLOTS);
            self.slots.shrink_to_fit();
        }
        if self.places.len() * 8 > self.slots.len() {
            self.slots.fill(Slot::default());
            self.places.clear();
        }
        // Each stands in the first slot that was free from its own on, so that none is behind one that is empty.
        let last = self.slots.len().wrapping_sub(1);
        for place in self.places.drain(..) {
            let mut at = usize::try_from(place.hash).unwrap_or(0) & last;
            while let Some(slot) = self.slots.get_mut(at).filter(|slot| slot.id.is_some()) {
                *slot = Slot::default();
                at = (at + 1) & last;
            }
        }
    }

    /// Whether it lies on top of this pool.
    pub(crate) fn is_over(&self, base: &Arc<Self>) -> bool {
        self.base.as_ref().is_some_and(|own| Arc::ptr_eq(own, base))
    }

    /// Bytes of room that it holds, used or not.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity() + self.places.capacity() * size_of::<Place>()
    }

    /// How many strings, the base's included.
    pub(crate) fn len(&self) -> usize {
        self.first + self.places.len()
    }

    /// All strings, in the order of their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(StrId::at(index)))
    }

    /// Bytes held by this pool alone.
    pub(crate) fn bytes_held(&self) -> usize {
        self.bytes.len()
    }

    /// The string.
    pub(crate) fn get(&self, id: StrId) -> &[u8] {
        let Some(own) = id.index().checked_sub(self.first) else {
            return self.base.as_ref().map_or(&[], |base| base.get(id));
        };
        let place = self.places.get(own);
        place.and_then(|place| self.bytes.get(place.start..place.end)).unwrap_or_default()
    }

    /// The string, and its hash, which is the same in all pools over the same constants.
    pub(crate) fn get_hashed(&self, id: StrId) -> (&[u8], u64) {
        let Some(own) = id.index().checked_sub(self.first) else {
            return self.base.as_ref().map_or((&[], 0), |base| base.get_hashed(id));
        };
        let text = |place: &Place| Some((self.bytes.get(place.start..place.end)?, place.hash));
        self.places.get(own).and_then(text).unwrap_or_default()
    }

    /// The id of a string that is already here.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<StrId> {
        let hash = self.hash(bytes);
        self.find_constant(hash, bytes).or_else(|| self.probe(hash, bytes).ok())
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    fn find_constant(&self, hash: u64, bytes: &[u8]) -> Option<StrId> {
        let base = self.base.as_ref().filter(|base| base.may_have(hash))?;
        base.probe(hash, bytes).ok()
    }

    /// The id of an own string, or the slot in which it would stand.
    #[inline]
    fn probe(&self, hash: u64, bytes: &[u8]) -> Result<StrId, usize> {
        let (tag, last) = (tag(hash), self.slots.len().wrapping_sub(1));
        let mut at = usize::try_from(hash).unwrap_or(0) & last;
        // There are always free ones.
        while let Some(Slot { tag: own, id: Some(id) }) = self.slots.get(at) {
            if *own == tag && self.get(*id) == bytes {
                return Ok(*id);
            }
            at = (at + 1) & last;
        }
        Err(at)
    }

    /// Whether a string with this hash may be here.
    fn may_have(&self, hash: u64) -> bool {
        let bit = hint(hash);
        self.hints.get(bit / 64).is_none_or(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The id of a string, which is stored if it is new.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> StrId {
        let hash = self.hash(bytes);
        if let Some(id) = self.find_constant(hash, bytes) {
            return id;
        }
        let free = match self.probe(hash, bytes) {
            Ok(id) => return id,
            Err(free) => free,
        };
        let id = StrId::at(self.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.places.push(Place { start, end: self.bytes.len(), hash });
        let bit = hint(hash);
        if let Some(word) = self.hints.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
        if let Some(slot) = self.slots.get_mut(free) {
            *slot = Slot { tag: tag(hash), id: Some(id) };
        }
        if self.places.len() * 2 > self.slots.len() {
            self.grow();
        }
        id
    }

    #[cold]
    fn grow(&mut self) {
        let count = (self.slots.len() * 2).max(SLOTS);
        self.slots.clear();
        self.slots.resize(count, Slot::default());
        for (own, place) in self.places.iter().enumerate() {
            let mut at = usize::try_from(place.hash).unwrap_or(0) & (count - 1);
            while self.slots.get(at).is_some_and(|slot| slot.id.is_some()) {
                at = (at + 1) & (count - 1);
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = Slot { tag: tag(place.hash), id: Some(StrId::at(self.first + own)) };
            }
        }
    }

    /// The id of the string in lower case (ASCII).
    pub(crate) fn intern_lower(&mut self, bytes: &[u8]) -> StrId {
        if !has_upper(bytes) {
            return self.intern(bytes);
        }
        let mut room = [0; SHORT_BYTES];
        match room.get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                room.make_ascii_lowercase();
                self.intern(room)
            }
            None => self.intern(&bytes.to_ascii_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_decimal() {
        for number in [0, 7, -1, 10, 1234, i64::MAX, i64::MIN] {
            let mut out = b"x".to_vec();
            write_number(number, &mut out);
            assert_eq!(out, format!("x{number}").into_bytes());
        }
    }

    #[test]
    fn capitals_are_found_wherever_they_are() {
        for length in 0..40 {
            let mut text = vec![b'@'; length];
            assert!(!has_upper(&text));
            for at in 0..length {
                for (byte, expected) in [(b'A', true), (b'Z', true), (b'[', false), (b'z', false)] {
                    text[at] = byte;
                    assert_eq!(has_upper(&text), expected, "{text:?}");
                }
                text[at] = b'\xc1';
            }
        }
    }

    #[test]
    fn same_bytes_same_id_over_both_pools() {
        let mut constants = Strings::constants();
        let name = constants.intern(b"name");
        assert_eq!(constants.intern(b""), StrId::EMPTY);
        let base = Arc::new(constants);
        let mut own = Strings::over(&base);
        assert_eq!(own.intern(b"name"), name);
        assert_eq!(own.intern(b""), StrId::EMPTY);
        let ids: Vec<_> = (0..1000).map(|n: u32| own.intern(n.to_string().as_bytes())).collect();
        for (n, &id) in ids.iter().enumerate() {
            assert_eq!(own.get(id), n.to_string().as_bytes());
            assert_eq!(own.intern(n.to_string().as_bytes()), id);
            assert_eq!(own.find(n.to_string().as_bytes()), Some(id));
        }
        assert_eq!(own.get(name), b"name");
        assert_eq!(own.find(b"absent"), None);
        assert_eq!(own.intern_lower(b"NAME"), name);
    }

    #[test]
    fn what_was_cleared_is_not_found_and_leaves_no_gap() {
        let base = Arc::new(Strings::constants());
        let mut own = Strings::over(&base);
        let texts = |count: usize| (0..count).map(|n| n.to_string().into_bytes());
        for count in [1000, 1, 10, 60, 200, 1000] {
            for (n, text) in texts(count).enumerate() {
                assert_eq!(own.intern(&text).index(), base.len() + n);
            }
            assert!(texts(count).all(|text| own.find(&text).is_some()));
            own.clear();
            assert!(own.slots.iter().all(|slot| slot.id.is_none()), "after {count}");
            assert_eq!(own.find(b"0"), None);
        }
    }
}
