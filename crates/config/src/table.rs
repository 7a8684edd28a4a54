//! Tables, and the keys that they know. What a section may hold is data: the reader, the errors and
//! the reference are made from the same entries.

use crate::error::quoted;
use crate::kinds::{Kind, Words, describe, last_name};
use crate::nearest::nearest;
use crate::sink::{Located, Sink, Spot};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// One key: what it is called, what it holds and why.
pub(crate) struct Key<K> {
    pub(crate) name: &'static str,
    pub(crate) kind: K,
    /// As written in TOML, or in words; empty when the key is needed.
    pub(crate) default: &'static str,
    /// One or two sentences for the reference.
    pub(crate) about: &'static str,
}

/// A key of whatever kind.
pub(crate) trait AnyKey: Sync {
    fn name(&self) -> &'static str;
    fn default(&self) -> &'static str;
    fn about(&self) -> &'static str;
    fn words(&self) -> String;
    fn nested(&self) -> Option<&'static Section>;
}

impl<K: Words + Sync> AnyKey for Key<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn default(&self) -> &'static str {
        self.default
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn words(&self) -> String {
        self.kind.words()
    }

    fn nested(&self) -> Option<&'static Section> {
        self.kind.nested()
    }
}

/// A table and everything that it may hold.
pub(crate) struct Section {
    /// As it is written: `[[site.route]]`.
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [&'static dyn AnyKey],
    /// Keys that are known and refused: the name, and what to do instead.
    pub(crate) refused: &'static [(&'static str, &'static str)],
}

/// A table, written `[name]` or `{ … }`.
pub(crate) struct OneTable(pub(crate) &'static Section);

impl Words for OneTable {
    fn words(&self) -> String {
        format!("a table, written `{}`", self.0.title)
    }

    fn nested(&self) -> Option<&'static Section> {
        Some(self.0)
    }
}

/// Tables, each written `[[name]]`.
pub(crate) struct ManyTables(pub(crate) &'static Section);

impl Words for ManyTables {
    fn words(&self) -> String {
        format!("one or more tables, each begun with `{}`", self.0.title)
    }

    fn nested(&self) -> Option<&'static Section> {
        Some(self.0)
    }
}

/// A table of the text that is being read.
pub(crate) struct Table<'t, 'i> {
    inner: &'t DeTable<'i>,
    pub(crate) spot: Spot,
}

impl<'t, 'i> Table<'t, 'i> {
    /// Opens a table and says which of its keys are not known.
    pub(crate) fn open(
        inner: &'t DeTable<'i>,
        spot: Spot,
        section: &'static Section,
        sink: &mut Sink<'_>,
    ) -> Self {
        for key in inner.keys() {
            let name: &str = key.get_ref();
            if section.keys.iter().any(|known| known.name() == name) {
                continue;
            }
            let spot = spot.key(&quoted_if_odd(name), key.span());
            if let Some((_, instead)) = section.refused.iter().find(|(known, _)| *known == name) {
                sink.wrong(&spot, format!("`{name}` {instead}"), None);
                continue;
            }
            let known = || section.keys.iter().map(|key| key.name());
            let names: Vec<_> = known().map(|name| format!("`{name}`")).collect();
            sink.unknown(&spot, name, names.join(", "), nearest(name, known()));
        }
        Self { inner, spot }
    }

    fn find(&self, name: &str) -> Option<(Range<usize>, &'t DeValue<'i>, Spot)> {
        let (key, value) = self.inner.get_key_value(name)?;
        Some((key.span(), value.get_ref(), self.spot.key(name, value.span())))
    }

    /// Whether the key stands there, whatever it holds.
    pub(crate) fn has<K>(&self, key: &Key<K>) -> bool {
        self.inner.contains_key(key.name)
    }

    /// The value with its place; `None` when it is not there or is wrong, which has been said.
    pub(crate) fn located<K: Kind>(
        &self,
        key: &Key<K>,
        sink: &mut Sink<'_>,
    ) -> Option<Located<K::Value>> {
        let (_, value, spot) = self.find(key.name)?;
        let value = key.kind.read(value, &spot, sink)?;
        Some(Located { value, spot })
    }

    /// The value, as [`Self::located`] finds it.
    pub(crate) fn get<K: Kind>(&self, key: &Key<K>, sink: &mut Sink<'_>) -> Option<K::Value> {
        self.located(key, sink).map(|located| located.value)
    }

    /// A key that must be there.
    pub(crate) fn needed<K: Kind>(
        &self,
        key: &Key<K>,
        sink: &mut Sink<'_>,
    ) -> Option<Located<K::Value>> {
        if !self.has(key) {
            self.say_missing(key, sink);
        }
        self.located(key, sink)
    }

    fn say_missing<K: Words>(&self, key: &Key<K>, sink: &mut Sink<'_>) {
        let place = match last_name(&self.spot) {
            "" => "the configuration".to_owned(),
            name => format!("`{name}`"),
        };
        let message = format!("{place} has no `{}`", key.name);
        sink.missing(&self.spot, message, key.kind.words());
    }

    /// The table that a key holds.
    pub(crate) fn table(&self, key: &Key<OneTable>, sink: &mut Sink<'_>) -> Option<Table<'t, 'i>> {
        let (_, value, spot) = self.find(key.name)?;
        if let DeValue::Table(inner) = value {
            return Some(Table::open(inner, spot, key.kind.0, sink));
        }
        let message = format!("`{}` cannot be {}", key.name, describe(value));
        sink.wrong(&spot, message, key.kind.words());
        None
    }

    /// Tables of which there must be one at least.
    pub(crate) fn needed_tables(
        &self,
        key: &Key<ManyTables>,
        sink: &mut Sink<'_>,
    ) -> Vec<Table<'t, 'i>> {
        let empty =
            |value: &DeValue<'_>| matches!(value, DeValue::Array(array) if array.is_empty());
        if self.find(key.name).is_none_or(|(_, value, _)| empty(value)) {
            self.say_missing(key, sink);
        }
        self.tables(key, sink)
    }

    /// The tables that a key holds.
    pub(crate) fn tables(&self, key: &Key<ManyTables>, sink: &mut Sink<'_>) -> Vec<Table<'t, 'i>> {
        let Some((_, value, spot)) = self.find(key.name) else { return Vec::new() };
        let DeValue::Array(array) = value else {
            let message = format!("`{}` cannot be {}", key.name, describe(value));
            sink.wrong(&spot, message, key.kind.words());
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let spot = spot.element(index, element.span());
            let DeValue::Table(inner) = element.get_ref() else {
                let message =
                    format!("`{}` cannot be {}", last_name(&spot), describe(element.get_ref()));
                sink.wrong(&spot, message, key.kind.words());
                continue;
            };
            tables.push(Table::open(inner, spot, key.kind.0, sink));
        }
        tables
    }
}

/// A key as it has to be written in a path.
pub(crate) fn quoted_if_odd(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.len() <= 80 && name.bytes().all(bare) {
        return name.to_owned();
    }
    quoted(name).replace('`', "\"")
}
