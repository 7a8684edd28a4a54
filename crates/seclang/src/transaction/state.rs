//! What is known of a transaction, as interned values.

use crate::strings::{StrId, Strings, has_upper, write_number};
use crate::variable::Variable;
use foldhash::HashMap;

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

/// A value that matched in the current rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) variable: Variable,
    /// The member's name.
    pub(crate) key: Option<StrId>,
    /// The value, transformed.
    pub(crate) value: StrId,
    /// The value as it was.
    pub(crate) raw: StrId,
    /// `ARGS:name`, where the rule looks at it.
    pub(crate) name: StrId,
}

/// Everything that variables are read from.
#[derive(Debug, Default)]
pub(crate) struct State {
    scalars: Vec<Option<StrId>>,
    pub(crate) args_get: Vec<Entry>,
    pub(crate) args_post: Vec<Entry>,
    pub(crate) request_headers: Vec<Entry>,
    pub(crate) response_headers: Vec<Entry>,
    pub(crate) cookies: Vec<Entry>,
    /// Path and headers that hold more than names; see `REQUEST_OTHER`.
    pub(crate) other: Vec<Entry>,
    /// Arguments that are not of their declared type; see `ARGS_MISTYPED`.
    pub(crate) mistyped: Vec<Entry>,
    pub(crate) files: Vec<Entry>,
    pub(crate) files_sizes: Vec<Entry>,
    pub(crate) files_content: Vec<Entry>,
    pub(crate) multipart_names: Vec<Entry>,
    pub(crate) multipart_filenames: Vec<Entry>,
    pub(crate) part_headers: Vec<Entry>,
    pub(crate) environment: Vec<Entry>,
    pub(crate) geo: Vec<Entry>,
    pub(crate) tx: Vec<Entry>,
    /// Place in `tx` of each name that the rules themselves know, counted from 1; 0 is none.
    tx_known: Vec<usize>,
    /// The same of names that are made at run time.
    tx_made: HashMap<StrId, usize>,
    pub(crate) matched: Vec<Matched>,
    /// Whether the current rule looks at the names of what matched.
    pub(crate) names_matches: bool,
    /// Opened kept collections: the key, and the members as they were read or set.
    pub(crate) opened: Vec<(Variable, Vec<u8>)>,
    pub(crate) kept: Vec<(Variable, Vec<Entry>)>,
    pub(crate) xml: Option<burgrave_parse::xml::Document>,
    pub(crate) highest_severity: u8,
    /// None of `TX:0`… `TX:9` from this one on is set.
    pub(crate) captured: usize,
}

/// `TX:0`… `TX:9`.
const CAPTURES: usize = 10;

impl State {
    /// With room for as many names as the rules know.
    pub(crate) fn new(names: usize) -> Self {
        Self {
            scalars: vec![None; Variable::ALL.len()],
            tx_known: vec![0; names],
            highest_severity: 255,
            captured: CAPTURES,
            ..Self::default()
        }
    }

    /// Forgets everything, and keeps the room.
    pub(crate) fn clear(&mut self) {
        for entry in &self.tx {
            if let Some(place) = self.tx_known.get_mut(entry.lower.index()) {
                *place = 0;
            }
        }
        self.tx_made.clear();
        self.scalars.fill(None);
        for entries in [
            &mut self.args_get,
            &mut self.args_post,
            &mut self.request_headers,
            &mut self.response_headers,
            &mut self.cookies,
            &mut self.other,
            &mut self.mistyped,
            &mut self.files,
            &mut self.files_sizes,
            &mut self.files_content,
            &mut self.multipart_names,
            &mut self.multipart_filenames,
            &mut self.part_headers,
            &mut self.environment,
            &mut self.geo,
            &mut self.tx,
        ] {
            entries.clear();
        }
        self.matched.clear();
        self.opened.clear();
        self.kept.clear();
        self.xml = None;
        self.highest_severity = 255;
        self.captured = CAPTURES;
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
        let mut text = Vec::with_capacity(20);
        write_number(i64::try_from(number).unwrap_or(i64::MAX), &mut text);
        self.set(variable, &text, strings);
    }

    /// A member of `TX` by its name in lower case.
    pub(crate) fn tx(&self, lower: StrId) -> Option<StrId> {
        self.tx.get(self.tx_place(lower)?).map(|entry| entry.value)
    }

    fn tx_place(&self, lower: StrId) -> Option<usize> {
        match self.tx_known.get(lower.index()) {
            Some(place) => place.checked_sub(1),
            None => self.tx_made.get(&lower).copied(),
        }
    }

    fn set_tx_place(&mut self, lower: StrId, at: Option<usize>) {
        match (self.tx_known.get_mut(lower.index()), at) {
            (Some(place), at) => *place = at.map_or(0, |at| at + 1),
            (None, Some(at)) => {
                self.tx_made.insert(lower, at);
            }
            (None, None) => {
                self.tx_made.remove(&lower);
            }
        }
    }

    /// Whether `TX` has members with names that the rules do not know.
    pub(crate) fn has_made_names(&self) -> bool {
        !self.tx_made.is_empty()
    }

    /// Sets or removes a member of `TX`. `key` and `lower` are the same name.
    pub(crate) fn set_tx(&mut self, lower: StrId, value: Option<StrId>) {
        match (self.tx_place(lower), value) {
            (Some(place), Some(value)) => {
                if let Some(entry) = self.tx.get_mut(place) {
                    entry.value = value;
                }
            }
            (None, Some(value)) => {
                self.set_tx_place(lower, Some(self.tx.len()));
                self.tx.push(Entry { key: lower, lower, value });
            }
            (Some(place), None) => {
                self.set_tx_place(lower, None);
                self.tx.remove(place);
                let moved: Vec<StrId> =
                    self.tx.iter().skip(place).map(|entry| entry.lower).collect();
                for (at, name) in (place..).zip(moved) {
                    self.set_tx_place(name, Some(at));
                }
            }
            (None, None) => {}
        }
    }

    /// A member of `TX` was set by its name, which may be one of those that captures set.
    pub(crate) fn may_have_captures(&mut self) {
        self.captured = CAPTURES;
    }

    /// Sets these members of `TX`, of which the rules know the names.
    pub(crate) fn start_tx(&mut self, members: &[(StrId, StrId)]) {
        self.may_have_captures();
        if !self.tx.is_empty() {
            return members.iter().for_each(|(name, value)| self.set_tx(*name, Some(*value)));
        }
        self.tx.extend(members.iter().map(|&(lower, value)| Entry { key: lower, lower, value }));
        for (place, (name, _)) in (1..).zip(members) {
            if let Some(known) = self.tx_known.get_mut(name.index()) {
                *known = place;
            }
        }
    }

    /// The members of an opened kept collection.
    pub(crate) fn kept(&self, variable: Variable) -> &[Entry] {
        let found = self.kept.iter().find(|(kept, _)| *kept == variable);
        found.map_or(&[], |(_, entries)| entries.as_slice())
    }

    /// Sets a member of a collection, or removes it.
    pub(crate) fn set_kept(&mut self, variable: Variable, lower: StrId, made: Option<Entry>) {
        let place = self.kept.iter().position(|(kept, _)| *kept == variable);
        let place = place.unwrap_or_else(|| {
            self.kept.push((variable, Vec::new()));
            self.kept.len() - 1
        });
        let Some((_, entries)) = self.kept.get_mut(place) else { return };
        entries.retain(|entry| entry.lower != lower);
        if entries.len() < crate::store::MEMBERS_MAX {
            entries.extend(made);
        }
    }

    /// The key under which a kept collection was opened.
    pub(crate) fn opened(&self, variable: Variable) -> Option<&[u8]> {
        let found = self.opened.iter().find(|(opened, _)| *opened == variable);
        found.map(|(_, key)| key.as_slice())
    }
}

/// An entry of interned name and value.
pub(crate) fn entry(key: &[u8], value: &[u8], strings: &mut Strings) -> Entry {
    let name = strings.intern(key);
    let lower = if has_upper(key) { strings.intern_lower(key) } else { name };
    Entry { key: name, lower, value: strings.intern(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_tx_are_set_changed_and_removed() {
        let mut strings = Strings::constants();
        let [a, b, one, two] = [b"a", b"b", b"1", b"2"].map(|text| strings.intern(text));
        // One name that the rules know, and one that they do not.
        let mut state = State::new(b.index());
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
        for _ in 0..2 {
            state.start_tx(&[(a, two)]);
            assert_eq!((state.tx(a), state.tx(b), state.tx.len()), (Some(two), Some(two), 2));
        }
        state.clear();
        state.start_tx(&[(a, one)]);
        assert_eq!((state.tx(a), state.tx(b), state.tx.len()), (Some(one), None, 1));
    }
}
