//! Interned byte strings.
//!
//! A rule set has one pool of constants (names, parameters); each transaction lays its own pool over
//! it. The same bytes always have the same [`StrId`], so a value is transformed and looked at once,
//! however many rules want it, and names compare as integers. The hash is keyed and every hit is
//! compared in full: a collision costs time, never a verdict.

use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// A handle to an interned string; only valid with the pool that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StrId(usize);

impl StrId {
    /// Its place among all strings.
    pub(crate) const fn index(self) -> usize {
        self.0
    }

    /// The empty string; every pool has it.
    pub(crate) const EMPTY: Self = Self(0);
}

/// Constants of a rule set, or the strings of a transaction on top of them.
#[derive(Debug)]
pub(crate) struct Strings {
    base: Option<Arc<Strings>>,
    first: usize,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    table: HashTable<StrId>,
    hasher: RandomState,
}

impl Strings {
    /// A pool of constants.
    pub(crate) fn constants() -> Self {
        let mut pool = Self {
            base: None,
            first: 0,
            bytes: Vec::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            hasher: RandomState::new(),
        };
        pool.intern(b"");
        pool
    }

    /// A pool on top of another, whose ids stay valid.
    pub(crate) fn over(base: &Arc<Self>) -> Self {
        Self {
            first: base.len(),
            bytes: Vec::with_capacity(4096),
            ends: Vec::with_capacity(128),
            table: HashTable::with_capacity(128),
            hasher: base.hasher.clone(),
            base: Some(Arc::clone(base)),
        }
    }

    /// How many strings, the base's included.
    pub(crate) fn len(&self) -> usize {
        self.first + self.ends.len()
    }

    /// Bytes held by this pool alone.
    pub(crate) fn bytes_held(&self) -> usize {
        self.bytes.len()
    }

    /// The string.
    pub(crate) fn get(&self, id: StrId) -> &[u8] {
        let Some(own) = id.0.checked_sub(self.first) else {
            return self.base.as_ref().map_or(&[], |base| base.get(id));
        };
        let start = own.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(own).copied().unwrap_or_default();
        self.bytes.get(start.unwrap_or(0)..end).unwrap_or_default()
    }

    /// The id of a string that is already here.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<StrId> {
        self.find_hashed(self.hasher.hash_one(bytes), bytes)
    }

    fn find_hashed(&self, hash: u64, bytes: &[u8]) -> Option<StrId> {
        if let Some(id) = self.base.as_ref().and_then(|base| base.find_hashed(hash, bytes)) {
            return Some(id);
        }
        self.table.find(hash, |&id| self.get(id) == bytes).copied()
    }

    /// The id of a string, which is stored if it is new.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> StrId {
        let hash = self.hasher.hash_one(bytes);
        if let Some(id) = self.find_hashed(hash, bytes) {
            return id;
        }
        let id = StrId(self.len());
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        let Self { table, hasher, base, first, bytes, ends } = self;
        table.insert_unique(hash, id, |&other| {
            let own = other.0.saturating_sub(*first);
            debug_assert!(base.is_none() || other.0 >= *first, "a table holds its own ids only");
            let start = own.checked_sub(1).and_then(|before| ends.get(before)).copied();
            let end = ends.get(own).copied().unwrap_or_default();
            hasher.hash_one(bytes.get(start.unwrap_or(0)..end).unwrap_or_default())
        });
        id
    }

    /// The id of the string in lower case (ASCII).
    pub(crate) fn intern_lower(&mut self, bytes: &[u8]) -> StrId {
        if bytes.iter().any(u8::is_ascii_uppercase) {
            self.intern(&bytes.to_ascii_lowercase())
        } else {
            self.intern(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
