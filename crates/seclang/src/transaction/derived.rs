//! Decoded forms of what arrived, offered to rules beside the values themselves.
//!
//! A form belongs to a string, so to every member that has this value, under the member's own name:
//! exclusions by name hold for it as well. It is asked only where the value itself did not match, so a
//! match never counts twice; it is in no collection, so counts and sizes do not know it.

use super::values::Value;
use super::{Fault, Transaction};
use crate::decode::{self, Form, Limits, Taken};
use crate::plan::{Confirmation, Link};
use crate::strings::StrId;
use crate::transaction::state::{Entry, State};
use crate::variable::Variable;
use std::collections::HashMap;

/// Bounds of the forms of one value. The length is past what a request body may have by default: a
/// longer value is not passed unseen.
const LIMITS: Limits = Limits { depth_max: 3, pieces_max: 64, bytes_max: 16 * 1024 * 1024 };

/// The forms that the strings of a transaction have.
#[derive(Debug, Default)]
pub(super) struct Derived {
    forms: HashMap<StrId, Vec<(Taken, StrId)>>,
    /// Of the match that was pushed last.
    matched: Taken,
    /// Beside the records of matches, one each.
    recorded: Vec<Taken>,
}

impl Derived {
    /// Whether a string has forms.
    pub(super) fn has(&self, id: StrId) -> bool {
        !self.forms.is_empty() && self.forms.contains_key(&id)
    }

    /// Gives a string the forms of another.
    pub(super) fn share(&mut self, from: StrId, to: StrId) {
        if let Some(forms) = self.forms.get(&from).cloned() {
            self.forms.entry(to).or_insert(forms);
        }
    }

    /// Before a rule.
    pub(super) fn forget_match(&mut self) {
        self.matched = Taken::default();
    }
}

impl Transaction {
    /// Before phase 1: the forms of the path, the query's arguments, cookies and headers.
    pub(super) fn derive_from_header(&mut self) -> Result<(), Fault> {
        if !self.rules.settings.decode {
            return Ok(());
        }
        for variable in [Variable::RequestFilename, Variable::RequestUri, Variable::RequestBasename]
        {
            if let Some(id) = self.state.scalar(variable) {
                self.derive(id, decode::path_forms)?;
            }
        }
        self.derive_members(|state| &state.args_get)?;
        self.derive_members(|state| &state.cookies)?;
        self.derive_members(|state| &state.request_headers)
    }

    /// Before phase 2: those of the body.
    pub(super) fn derive_from_body(&mut self) -> Result<(), Fault> {
        if !self.rules.settings.decode {
            return Ok(());
        }
        self.derive_members(|state| &state.args_post)?;
        self.derive_members(|state| &state.files)?;
        self.derive_members(|state| &state.multipart_names)?;
        self.derive_members(|state| &state.multipart_filenames)?;
        self.derive_members(|state| &state.part_headers)?;
        self.derive_from_xml()
    }

    /// Of each text and attribute by itself; `XML:/*`, all texts in a row, has the forms of every one.
    fn derive_from_xml(&mut self) -> Result<(), Fault> {
        let Some(document) = self.state.xml.take() else { return Ok(()) };
        let mut all = Vec::new();
        let mut result = Ok(());
        for text in document.texts() {
            let id = self.strings.intern(text);
            result = result.and_then(|()| self.derive(id, decode::forms));
            all.extend_from_slice(self.derived.forms.get(&id).map_or(&[], Vec::as_slice));
        }
        if !all.is_empty() {
            let whole: Vec<u8> = document.root_text();
            let whole = self.strings.intern(&whole);
            self.derived.forms.insert(whole, all);
        }
        self.state.xml = Some(document);
        result
    }

    /// Of the names and values of a collection.
    fn derive_members(&mut self, members: fn(&State) -> &[Entry]) -> Result<(), Fault> {
        let mut index = 0;
        while let Some(&Entry { key, value, .. }) = members(&self.state).get(index) {
            self.derive(key, decode::forms)?;
            self.derive(value, decode::forms)?;
            index += 1;
        }
        Ok(())
    }

    fn derive(
        &mut self,
        id: StrId,
        forms: fn(&[u8], Limits) -> Option<Vec<Form>>,
    ) -> Result<(), Fault> {
        let found = forms(self.strings.get(id), LIMITS).ok_or(Fault::Memory)?;
        if found.is_empty() || self.derived.forms.contains_key(&id) {
            return Ok(());
        }
        let mut ids = Vec::with_capacity(found.len());
        for form in found {
            ids.push((form.taken, self.strings.intern(&form.text)));
        }
        self.derived.forms.insert(id, ids);
        self.check_memory()
    }

    /// Asks a value, and where it does not match its forms, until one does.
    pub(super) fn ask_value(&mut self, link: &Link, value: &Value) -> Result<bool, Fault> {
        if self.ask_as_it_is(link, value)? {
            if !is_match_of_before(value.variable) {
                self.derived.matched = Taken::default();
            }
            return Ok(true);
        }
        if !link.takes_forms || self.derived.forms.is_empty() || !is_received(value.variable) {
            return Ok(false);
        }
        let count = self.derived.forms.get(&value.value).map_or(0, Vec::len);
        for index in 0..count {
            let form = self.derived.forms.get(&value.value).and_then(|forms| forms.get(index));
            let Some(&(taken, id)) = form else { break };
            if self.ask_as_it_is(link, &Value { value: id, ..*value })? {
                self.derived.matched = taken;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a value that matched is what the rule's confirmations want, too.
    pub(super) fn is_confirmed(&self, link: &Link, value: &Value) -> Result<bool, Fault> {
        let text = self.strings.get(value.value);
        for Confirmation { operator, negated } in &link.confirmations {
            let hit = operator.evaluate(text, &|text| self.expand(text));
            if hit.map_err(|_ignored| Fault::Regex)?.is_some() == *negated {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes with a record what was taken off.
    pub(super) fn record_taken(&mut self) {
        let taken = std::mem::take(&mut self.derived.matched);
        self.derived.recorded.push(taken);
    }

    /// ` (base64)` behind the variable of a match on a decoded form.
    pub(super) fn note_taken(&self, record: usize, variable: &mut Vec<u8>) {
        if let Some(taken) = self.derived.recorded.get(record).filter(|taken| !taken.is_none()) {
            variable.extend_from_slice(format!(" ({taken})").as_bytes());
        }
    }
}

/// Variables that hold what a client sent, member by member.
fn is_received(variable: Variable) -> bool {
    matches!(
        variable,
        Variable::Args
            | Variable::ArgsGet
            | Variable::ArgsGetNames
            | Variable::ArgsNames
            | Variable::ArgsPost
            | Variable::ArgsPostNames
            | Variable::Files
            | Variable::FilesNames
            | Variable::MultipartFilename
            | Variable::MultipartName
            | Variable::MultipartPartHeaders
            | Variable::PathInfo
            | Variable::RequestBasename
            | Variable::RequestCookies
            | Variable::RequestCookiesNames
            | Variable::RequestFilename
            | Variable::RequestHeaders
            | Variable::RequestOther
            | Variable::RequestUri
            | Variable::Xml
    )
}

/// Variables through which a later rule of a chain looks at what an earlier one matched.
fn is_match_of_before(variable: Variable) -> bool {
    matches!(
        variable,
        Variable::MatchedVar
            | Variable::MatchedVarName
            | Variable::MatchedVars
            | Variable::MatchedVarsNames
            | Variable::Tx
    )
}
