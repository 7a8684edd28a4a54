//! Collections that outlive a transaction (`IP`, `GLOBAL`, `SESSION`, `USER`, `RESOURCE`), in memory
//! and bounded: when it is full, the collection that was written longest ago makes room, and is counted.
//!
//! The lock is taken only by transactions that opened a collection by `initcol`.

use crate::variable::Variable;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Duration;

/// Collections kept at once.
const COLLECTIONS_MAX: usize = 50_000;
/// Members of one collection.
pub(crate) const MEMBERS_MAX: usize = 128;
/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 4096;

/// A member with the time at which it ends, in microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) value: Vec<u8>,
    pub(crate) ends: Option<i64>,
}

type Key = (&'static str, Vec<u8>);
type Members = BTreeMap<Vec<u8>, Member>;

#[derive(Debug, Default)]
struct Inner {
    collections: HashMap<Key, (Members, u64)>,
    by_age: BTreeMap<u64, Key>,
    clock: u64,
    evicted: u64,
}

/// All kept collections of a rule set.
#[derive(Debug)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
    timeout_micros: i64,
}

impl Store {
    pub(crate) fn new(timeout: Duration) -> Self {
        let timeout_micros = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX);
        Self { inner: Mutex::default(), timeout_micros }
    }

    /// The members that have not ended.
    pub(crate) fn members(
        &self,
        collection: Variable,
        key: &[u8],
        now: i64,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let inner = self.lock();
        let Some((members, _)) = inner.collections.get(&(collection.name(), key.to_vec())) else {
            return Vec::new();
        };
        let alive = members.iter().filter(|(_, member)| member.ends.is_none_or(|ends| ends > now));
        alive.map(|(name, member)| (name.clone(), member.value.clone())).collect()
    }

    /// Changes one member: the function gets the value that is there.
    pub(crate) fn change(
        &self,
        collection: Variable,
        key: &[u8],
        name: &[u8],
        now: i64,
        change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
    ) {
        let ends = now.saturating_add(self.timeout_micros);
        self.edit(collection, key, |members| {
            let old = members.get(name).filter(|old| old.ends.is_none_or(|ends| ends > now));
            match change(old.map(|old| old.value.as_slice())) {
                None => drop(members.remove(name)),
                Some(mut value) => {
                    value.truncate(VALUE_BYTES_MAX);
                    if members.len() < MEMBERS_MAX || members.contains_key(name) {
                        members.insert(name.to_vec(), Member { value, ends: Some(ends) });
                    }
                }
            }
        });
    }

    /// Lets one member end so many seconds from now.
    pub(crate) fn expire(
        &self,
        collection: Variable,
        key: &[u8],
        name: &[u8],
        now: i64,
        seconds: i64,
    ) {
        let ends = now.saturating_add(seconds.saturating_mul(1_000_000));
        self.edit(collection, key, |members| {
            if let Some(member) = members.get_mut(name) {
                member.ends = Some(ends);
            }
        });
    }

    fn edit(&self, collection: Variable, key: &[u8], edit: impl FnOnce(&mut Members)) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.clock += 1;
        let age = inner.clock;
        let key: Key = (collection.name(), key.to_vec());
        let (members, last) = inner.collections.entry(key.clone()).or_default();
        inner.by_age.remove(last);
        *last = age;
        edit(members);
        inner.by_age.insert(age, key);
        while inner.collections.len() > COLLECTIONS_MAX {
            let Some((_, oldest)) = inner.by_age.pop_first() else { break };
            inner.collections.remove(&oldest);
            inner.evicted += 1;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn set(store: &Store, key: &str, value: &str, now: i64) {
        store.change(Variable::Ip, key.as_bytes(), b"n", now, |_| Some(value.as_bytes().to_vec()));
    }

    #[test]
    fn members_are_kept_and_end() {
        let store = Store::new(Duration::from_secs(10));
        set(&store, "a", "1", 0);
        assert_eq!(store.members(Variable::Ip, b"a", SECOND), [(b"n".to_vec(), b"1".to_vec())]);
        assert!(store.members(Variable::Ip, b"b", 0).is_empty());
        assert!(store.members(Variable::User, b"a", 0).is_empty());
        assert!(store.members(Variable::Ip, b"a", 11 * SECOND).is_empty());
        store.expire(Variable::Ip, b"a", b"n", 0, 2);
        assert!(store.members(Variable::Ip, b"a", 3 * SECOND).is_empty());
        store.change(Variable::Ip, b"a", b"n", 3 * SECOND, |old| {
            assert_eq!(old, None, "what has ended is not there");
            None
        });
    }

    #[test]
    fn a_full_store_forgets_the_oldest() {
        let store = Store::new(Duration::from_secs(10));
        for n in 0..=COLLECTIONS_MAX {
            set(&store, &n.to_string(), "1", 0);
        }
        assert!(store.members(Variable::Ip, b"0", 0).is_empty());
        assert_eq!(store.members(Variable::Ip, b"1", 0).len(), 1);
        assert_eq!(store.lock().evicted, 1);
    }
}
