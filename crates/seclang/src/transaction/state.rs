//! What is known of a transaction, as interned values.

use crate::strings::{StrId, Strings};
use crate::variable::Variable;
use std::collections::HashMap;

/// A member of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name as received.
    pub(crate) key: StrId,
    /// The name in lower case.
    pub(crate) lower: StrId,
    /// The value.
    pub(crate) value: StrId,
}

/// Everything that variables are read from.
#[derive(Debug)]
pub(crate) struct State {
    scalars: Vec<Option<StrId>>,
    pub(crate) args_get: Vec<Entry>,
    pub(crate) args_post: Vec<Entry>,
    pub(crate) request_headers: Vec<Entry>,
    pub(crate) response_headers: Vec<Entry>,
    pub(crate) cookies: Vec<Entry>,
    /// Path and headers that hold more than names; see `REQUEST_OTHER`.
    pub(crate) other: Vec<Entry>,
    pub(crate) files: Vec<Entry>,
    pub(crate) files_sizes: Vec<Entry>,
    pub(crate) files_content: Vec<Entry>,
    pub(crate) multipart_names: Vec<Entry>,
    pub(crate) multipart_filenames: Vec<Entry>,
    pub(crate) part_headers: Vec<Entry>,
    pub(crate) environment: Vec<Entry>,
    pub(crate) tx: Vec<Entry>,
    tx_places: HashMap<StrId, usize>,
    /// Name and value of what matched in the current rule.
    pub(crate) matched: Vec<(StrId, StrId)>,
    /// Opened kept collections: the key, and the members as they were read or set.
    pub(crate) opened: Vec<(Variable, Vec<u8>)>,
    pub(crate) kept: Vec<(Variable, Vec<Entry>)>,
    pub(crate) xml: Option<burgrave_parse::xml::Document>,
    pub(crate) highest_severity: u8,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            scalars: vec![None; Variable::ALL.len()],
            args_get: Vec::new(),
            args_post: Vec::new(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            cookies: Vec::new(),
            other: Vec::new(),
            files: Vec::new(),
            files_sizes: Vec::new(),
            files_content: Vec::new(),
            multipart_names: Vec::new(),
            multipart_filenames: Vec::new(),
            part_headers: Vec::new(),
            environment: Vec::new(),
            tx: Vec::new(),
            tx_places: HashMap::new(),
            matched: Vec::new(),
            opened: Vec::new(),
            kept: Vec::new(),
            xml: None,
            highest_severity: 255,
        }
    }

    /// A scalar that was set.
    pub(crate) fn scalar(&self, variable: Variable) -> Option<StrId> {
        self.scalars.get(variable.index()).copied().flatten()
    }

    pub(crate) fn set(&mut self, variable: Variable, value: &[u8], strings: &mut Strings) {
        let id = strings.intern(value);
        self.set_id(variable, Some(id));
    }

    pub(crate) fn set_id(&mut self, variable: Variable, id: Option<StrId>) {
        if let Some(place) = self.scalars.get_mut(variable.index()) {
            *place = id;
        }
    }

    pub(crate) fn set_flag(&mut self, variable: Variable, flag: bool, strings: &mut Strings) {
        self.set(variable, if flag { b"1" } else { b"0" }, strings);
    }

    pub(crate) fn set_number(&mut self, variable: Variable, number: usize, strings: &mut Strings) {
        self.set(variable, number.to_string().as_bytes(), strings);
    }

    /// A member of `TX` by its name in lower case.
    pub(crate) fn tx(&self, lower: StrId) -> Option<StrId> {
        let place = self.tx_places.get(&lower)?;
        self.tx.get(*place).map(|entry| entry.value)
    }

    /// Sets or removes a member of `TX`. `key` and `lower` are the same name.
    pub(crate) fn set_tx(&mut self, lower: StrId, value: Option<StrId>) {
        match (self.tx_places.get(&lower).copied(), value) {
            (Some(place), Some(value)) => {
                if let Some(entry) = self.tx.get_mut(place) {
                    entry.value = value;
                }
            }
            (None, Some(value)) => {
                self.tx_places.insert(lower, self.tx.len());
                self.tx.push(Entry { key: lower, lower, value });
            }
            (Some(place), None) => {
                self.tx.remove(place);
                self.tx_places =
                    self.tx.iter().enumerate().map(|(at, entry)| (entry.lower, at)).collect();
            }
            (None, None) => {}
        }
    }

    /// The members of an opened kept collection.
    pub(crate) fn kept(&self, variable: Variable) -> &[Entry] {
        let found = self.kept.iter().find(|(kept, _)| *kept == variable);
        found.map_or(&[], |(_, entries)| entries.as_slice())
    }

    /// The key under which a kept collection was opened.
    pub(crate) fn opened(&self, variable: Variable) -> Option<&[u8]> {
        let found = self.opened.iter().find(|(opened, _)| *opened == variable);
        found.map(|(_, key)| key.as_slice())
    }
}

/// An entry of interned name and value.
pub(crate) fn entry(key: &[u8], value: &[u8], strings: &mut Strings) -> Entry {
    Entry {
        key: strings.intern(key),
        lower: strings.intern_lower(key),
        value: strings.intern(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_tx_are_set_changed_and_removed() {
        let mut strings = Strings::constants();
        let mut state = State::new();
        let [a, b, one, two] = [b"a", b"b", b"1", b"2"].map(|text| strings.intern(text));
        state.set_tx(a, Some(one));
        state.set_tx(b, Some(one));
        state.set_tx(a, Some(two));
        assert_eq!((state.tx(a), state.tx(b)), (Some(two), Some(one)));
        state.set_tx(a, None);
        state.set_tx(a, None);
        assert_eq!((state.tx(a), state.tx(b)), (None, Some(one)));
        state.set_tx(b, Some(two));
        assert_eq!(state.tx.len(), 1);
        assert_eq!(state.tx(b), Some(two));
    }
}
