//! A table with a bound: what is remembered of addresses, networks and accounts.
//!
//! Invariants: at most so many entries, whatever a flood brings; it grows with what is in it, so an idle
//! one is small. When it is full the next entry pushes out one that was not touched of late (a clock's
//! hand goes round once), and that is counted. Hashes are keyed, so nobody can aim at a place.

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use std::hash::{BuildHasher as _, Hash};

#[derive(Debug, Clone)]
struct Slot<K, V> {
    key: K,
    was_touched: bool,
    value: V,
}

/// What is remembered, by key.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    index: HashTable<u32>,
    slots: Vec<Slot<K, V>>,
    hasher: RandomState,
    hand: usize,
    entries_max: usize,
    evicted: u64,
}

impl<K: Hash + Eq + Copy, V: Default> Table<K, V> {
    /// A table of at most so many entries.
    pub(crate) fn new(entries_max: u32) -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            hasher: RandomState::default(),
            hand: 0,
            entries_max: usize::try_from(entries_max.max(1)).unwrap_or(usize::MAX),
            evicted: 0,
        }
    }

    /// Entries that were pushed out.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Entries that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    fn place(&self, key: &K) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        let is_it = |place: &u32| slot(&self.slots, *place).is_some_and(|slot| slot.key == *key);
        self.index.find(hash, is_it).and_then(|place| usize::try_from(*place).ok())
    }

    /// What is remembered of the key, if anything.
    pub(crate) fn find(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key)?;
        self.slots.get_mut(place).map(|slot| &mut slot.value)
    }

    /// What is remembered of the key; nothing yet is the default.
    pub(crate) fn entry(&mut self, key: K) -> Option<&mut V> {
        let place = match self.place(&key) {
            Some(place) => place,
            None => self.insert(key)?,
        };
        let slot = self.slots.get_mut(place)?;
        slot.was_touched = true;
        Some(&mut slot.value)
    }

    fn insert(&mut self, key: K) -> Option<usize> {
        let place = if self.slots.len() < self.entries_max {
            self.slots.push(Slot { key, was_touched: false, value: V::default() });
            self.slots.len() - 1
        } else {
            let place = self.victim();
            let hash = self.hasher.hash_one(self.slots.get(place)?.key);
            let index = u32::try_from(place).ok()?;
            if let Ok(entry) = self.index.find_entry(hash, |other| *other == index) {
                entry.remove();
            }
            *self.slots.get_mut(place)? = Slot { key, was_touched: false, value: V::default() };
            self.evicted += 1;
            place
        };
        let index = u32::try_from(place).ok()?;
        let (slots, hasher) = (&self.slots, &self.hasher);
        let hash_of = |place: &u32| slot(slots, *place).map_or(0, |slot| hasher.hash_one(slot.key));
        self.index.insert_unique(hasher.hash_one(key), index, hash_of);
        Some(place)
    }

    /// The next entry that was not touched since the hand last came by.
    fn victim(&mut self) -> usize {
        for _ in 0..=self.slots.len() {
            let place = self.hand;
            self.hand = if place + 1 < self.slots.len() { place + 1 } else { 0 };
            match self.slots.get_mut(place) {
                Some(slot) if slot.was_touched => slot.was_touched = false,
                _ => return place,
            }
        }
        0
    }
}

fn slot<K, V>(slots: &[Slot<K, V>], place: u32) -> Option<&Slot<K, V>> {
    slots.get(usize::try_from(place).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_and_what_is_pushed_out_is_counted() {
        let mut table: Table<u32, u32> = Table::new(100);
        for key in 0..10_000 {
            *table.entry(key).unwrap() += 1;
            *table.entry(7).unwrap() += 1;
        }
        assert_eq!((table.len(), table.evicted()), (100, 10_000 - 100));
        assert_eq!(*table.find(&7).unwrap(), 10_001);
        assert_eq!(table.find(&1), None);
        assert_eq!(*table.find(&9_999).unwrap(), 1);
    }

    #[test]
    fn an_idle_table_is_small() {
        let table: Table<u128, [u64; 12]> = Table::new(1_000_000);
        assert_eq!((table.slots.capacity(), table.index.capacity()), (0, 0));
    }
}
