//! What matching values change: variables, kept collections, and the engine itself.

use super::values::Value;
use super::{Fault, Transaction};
use crate::lists::Listing;
use crate::macros::Macro;
use crate::operator::{Hit, parse_integer};
use crate::plan::{Change, Control, Effect, Link};
use crate::strings::{StrId, has_upper, write_number};
use crate::trace::{Event, shown};
use crate::transaction::state::{Entry, Matched, entry};
use crate::variable::{Selector, Target, Variable};
use std::sync::Arc;

/// The key of `GLOBAL` where no `initcol` names one.
const GLOBAL_KEY: &[u8] = b"global";
/// Members of `TX` and `ENV` that rules may make.
const MEMBERS_MAX: usize = 10_000;

impl Transaction {
    /// Does it. `value` is the one that matched.
    pub(super) fn act(&mut self, effect: &Effect, value: Option<&Value>) {
        match effect {
            Effect::Set { collection, key, change } => self.set_variable(*collection, key, change),
            Effect::Expire { collection, key, seconds } => {
                let (name, seconds) = (self.lower(key), parse_integer(&self.expand(seconds)));
                self.tell(|_| {
                    let member = [collection.name().as_bytes(), &name].join(&b'.');
                    Event::Expires(shown(&member), seconds)
                });
                if let Some(opened) = self.state.opened(*collection).map(<[u8]>::to_vec) {
                    self.rules.store.expire(*collection, &opened, &name, self.now_micros, seconds);
                    self.reload(*collection, &opened);
                }
            }
            Effect::Open { collection, key } => self.open(*collection, key),
            Effect::Environment { key, value } => {
                let (key, value) = (self.expand(key), self.expand(value));
                if self.state.environment.len() < MEMBERS_MAX {
                    let (key, value) = (key.into_owned(), value.into_owned());
                    self.tell_set(Variable::Env, &key, Some(&value));
                    let made = entry(&key, &value, &mut self.strings);
                    self.state.environment.push(made);
                }
            }
            Effect::Control(control) => self.control(control),
            Effect::Sanitise(target) => self.sanitised.push(target.clone()),
            Effect::SanitiseMatched => {
                if let Some(value) = value {
                    let selector = value.key.map_or(Selector::All, |_| Selector::Key(value.lower));
                    self.sanitised.push(Target {
                        variable: value.variable,
                        selector,
                        count: false,
                    });
                }
            }
        }
    }

    /// `@geoLookup`: whether the address is in the database; what is known of it is `GEO` then. Without
    /// one, and for all else that nobody can answer here, it is a fault.
    pub(super) fn ask_places(
        &mut self,
        operator: &str,
        link: &Link,
        value: &Value,
        transformed: StrId,
    ) -> Result<bool, Fault> {
        let places = self.rules.settings.places.clone().filter(|_| operator == "geoLookup");
        let places = places.ok_or(Fault::Unavailable)?;
        let found = places.find(self.strings.get(transformed));
        let hit = found.is_some().then(Hit::default);
        for (name, fact) in found.unwrap_or_default() {
            let made = entry(name.as_bytes(), fact.as_bytes(), &mut self.strings);
            self.state.geo.retain(|old| old.lower != made.lower);
            self.state.geo.push(made);
        }
        self.decide(link, value, transformed, hit)
    }

    /// `@rbl`: whether a list has the address, which is that of the client or it is a fault, as is a list that did not
    /// answer. `TX:0` is the reason that the list gives.
    pub(super) fn ask_lists(
        &mut self,
        zone: &str,
        link: &Link,
        value: &Value,
        transformed: StrId,
    ) -> Result<bool, Fault> {
        let text = std::str::from_utf8(self.strings.get(transformed)).unwrap_or_default();
        let address = text.trim().parse::<std::net::IpAddr>().ok();
        let known = self.listings.iter().flat_map(|all| all.iter());
        let known = known.filter(|_| {
            address.is_some_and(|own| own.to_canonical() == self.client.to_canonical())
        });
        let listing =
            known.into_iter().find(|(own, _)| &**own == zone).map(|(_, listing)| *listing);
        let hit = match listing {
            Some(Listing::Clear) => None,
            Some(Listing::Listed(code)) => {
                Some(Hit { text: Some(code.to_string().into_bytes()), ..Hit::default() })
            }
            Some(Listing::Unknown) | None => return Err(Fault::Unavailable),
        };
        self.decide(link, value, transformed, hit)
    }

    /// What follows of an answer that is no operator's own.
    fn decide(
        &mut self,
        link: &Link,
        value: &Value,
        transformed: StrId,
        hit: Option<Hit>,
    ) -> Result<bool, Fault> {
        self.tell_answer(link, value, transformed, hit.as_ref());
        if hit.is_some() == link.negated {
            return Ok(false);
        }
        let Value { variable, key, value: raw, .. } = *value;
        let name = StrId::EMPTY;
        self.state.matched.push(Matched { variable, key, value: transformed, raw, name });
        if link.capture {
            let rules = Arc::clone(&self.rules);
            self.capture(&rules, &hit.unwrap_or_default(), transformed);
        }
        self.act_all(link, Some(value))?;
        Ok(true)
    }

    fn lower(&self, key: &Macro) -> Vec<u8> {
        self.expand(key).to_ascii_lowercase()
    }

    fn set_tx(&mut self, key: &Macro, change: &Change) {
        // A name without holes is written in lower case when rules load.
        let key = if let Some(key) = key.id() {
            key
        } else {
            let key = self.expanded(key);
            self.lower_id(key)
        };
        let old = self.state.tx(key);
        if old.is_none() && self.state.tx.len() >= MEMBERS_MAX {
            return;
        }
        let number = |text: &Macro| parse_integer(&self.expand(text));
        let new = match change {
            Change::Remove => None,
            Change::To(text) => Some(self.expanded(text)),
            Change::Add(amount) => Some(self.sum(old, number(amount))),
            Change::Subtract(amount) => Some(self.sum(old, number(amount).saturating_neg())),
        };
        if self.is_traced() {
            let [name, new] = [Some(key), new].map(|id| id.map(|id| self.strings.get(id).to_vec()));
            self.tell_set(Variable::Tx, &name.unwrap_or_default(), new.as_deref());
        }
        self.state.set_tx(key, new);
        if self.rules.names.digits.contains(&key) {
            self.state.may_have_captures();
        }
    }

    /// A number with another added; a text that is none counts 0.
    fn sum(&mut self, old: Option<StrId>, more: i64) -> StrId {
        let text = old.map(|old| self.strings.get(old));
        match (old, text) {
            // Most scores have nothing added to.
            (Some(old), Some(b"0")) if more == 0 => old,
            (_, text) => self.number_id(text.map_or(0, parse_integer).saturating_add(more)),
        }
    }

    pub(super) fn lower_id(&mut self, id: StrId) -> StrId {
        if !has_upper(self.strings.get(id)) {
            return id;
        }
        self.room.clear();
        self.room.extend_from_slice(self.strings.get(id));
        self.room.make_ascii_lowercase();
        self.strings.intern(&self.room)
    }

    pub(super) fn number_id(&mut self, number: i64) -> StrId {
        self.room.clear();
        write_number(number, &mut self.room);
        self.strings.intern(&self.room)
    }

    fn set_variable(&mut self, collection: Variable, key: &Macro, change: &Change) {
        if collection == Variable::Tx {
            return self.set_tx(key, change);
        }
        let name = self.lower(key);
        if collection == Variable::Global && self.state.opened(collection).is_none() {
            // There is but one.
            self.reload(collection, GLOBAL_KEY);
            self.state.opened.push((collection, GLOBAL_KEY.to_vec()));
        }
        let Some(opened) = self.state.opened(collection).map(<[u8]>::to_vec) else {
            return self.set_unopened(collection, &name, change);
        };
        self.rules
            .store
            .change(collection, &opened, &name, self.now_micros, |old| self.changed(change, old));
        self.reload(collection, &opened);
        if self.is_traced() {
            let lower = self.strings.intern(&name);
            let member = self.state.kept(collection).iter().find(|entry| entry.lower == lower);
            let value = member.map(|member| self.strings.get(member.value).to_vec());
            self.tell_set(collection, &name, value.as_deref());
        }
    }

    /// A collection that no `initcol` opened holds what it is given until the transaction ends.
    fn set_unopened(&mut self, collection: Variable, name: &[u8], change: &Change) {
        let old = self.state.kept(collection).iter();
        let old = old.map(|member| (member.lower, member.value));
        let lower = self.strings.intern_lower(name);
        let old = old.into_iter().find(|(key, _)| *key == lower).map(|(_, value)| value);
        let new = self.changed(change, old.map(|old| self.strings.get(old)));
        self.tell_set(collection, name, new.as_deref());
        let made = new.map(|new| entry(name, &new, &mut self.strings));
        self.state.set_kept(collection, lower, made);
    }

    fn changed(&self, change: &Change, old: Option<&[u8]>) -> Option<Vec<u8>> {
        let number = |text: &Macro| parse_integer(&self.expand(text));
        let old = old.map_or(0, parse_integer);
        match change {
            Change::Remove => None,
            Change::To(text) => Some(self.expand(text).into_owned()),
            Change::Add(amount) => {
                Some(old.saturating_add(number(amount)).to_string().into_bytes())
            }
            Change::Subtract(amount) => {
                Some(old.saturating_sub(number(amount)).to_string().into_bytes())
            }
        }
    }

    /// Opens a kept collection; a later opening under another key takes its place.
    fn open(&mut self, collection: Variable, key: &Macro) {
        let key = self.expand(key).into_owned();
        if self.state.opened(collection) == Some(key.as_slice()) {
            return;
        }
        self.tell(|_| Event::Opened(collection.name(), shown(&key)));
        self.reload(collection, &key);
        self.state.opened.retain(|(opened, _)| *opened != collection);
        self.state.opened.push((collection, key));
    }

    fn reload(&mut self, collection: Variable, key: &[u8]) {
        let members = self.rules.store.members(collection, key, self.now_micros);
        let entries: Vec<Entry> =
            members.iter().map(|(name, value)| entry(name, value, &mut self.strings)).collect();
        self.state.kept.retain(|(kept, _)| *kept != collection);
        self.state.kept.push((collection, entries));
    }

    fn control(&mut self, control: &Control) {
        self.tell_control(control);
        match control {
            Control::Engine(mode) => self.mode = *mode,
            Control::RequestBody(on) => self.settings.request_body = *on,
            Control::ResponseBody(on) => self.settings.response_body = *on,
            Control::RequestBodyLimit(bytes) => self.settings.request_body_limit = *bytes,
            Control::ResponseBodyLimit(bytes) => self.settings.response_body_limit = *bytes,
            Control::Processor(processor) => self.set_processor(*processor),
            Control::ForceRequestBody(on) => self.force_request_body = *on,
            Control::Remove(selector) => self.removed.push(selector.clone()),
            Control::RemoveTarget(selector, target) => {
                self.removed_targets.push((selector.clone(), target.clone()));
            }
            Control::AuditEngine(engine) => self.audit_engine = *engine,
            Control::AuditParts(_) => self.audit_parts = control.parts(self.audit_parts),
            Control::Logging => {}
        }
    }
}
