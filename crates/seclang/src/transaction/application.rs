//! Whether an argument that matched is what the application's profile says of it.
//!
//! Asked only when a rule has matched, and answered for all arguments of a phase at once. An argument is of
//! its type where *every* value of its name is, in whatever place and case it stands: an application may
//! read the first, the last or all of them. A decoded form never is, and neither is what a rule's
//! transformations have decoded: the type is about the letters that came.

use super::values::Value;
use super::{Fault, Transaction};
use crate::application::{Application, Place, Route};
use crate::plan::Processor;
use crate::strings::StrId;
use crate::trace::Event;
use crate::transaction::request::without_authority;
use crate::transaction::state::Entry;
use crate::variable::Variable;
use foldhash::HashMap;
use std::sync::Arc;

/// What is known of the arguments of a phase.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// By the name in lower case: whether all values of it are of their type. `None`: nobody asked yet.
    names: Option<HashMap<StrId, bool>>,
    /// A decoded form is asked about, not a value as it came.
    pub(super) asks_form: bool,
}

impl Typed {
    /// Before a phase: there may be more arguments than before.
    pub(super) fn forget(&mut self) {
        self.names = None;
    }
}

impl Transaction {
    /// Whether a value that matched, once transformed, is of the type that its argument is declared to have.
    pub(super) fn is_of_its_type(
        &mut self,
        value: &Value,
        transformed: StrId,
    ) -> Result<bool, Fault> {
        if self.typed.asks_form || !value.variable.holds_arguments() {
            return Ok(false);
        }
        let rules = Arc::clone(&self.rules);
        let Some(application) = &rules.application else { return Ok(false) };
        if self.typed.names.is_none() {
            let names = self.all_types(application)?;
            self.typed.names = Some(names);
        }
        let of_type = self.typed.names.as_ref().and_then(|names| names.get(&value.lower));
        let is_spared = of_type == Some(&true)
            && has_same_letters(self.strings.get(value.value), self.strings.get(transformed));
        if is_spared && self.is_traced() {
            self.tell_type(application, value);
        }
        Ok(is_spared)
    }

    /// For every argument's name, whether all of its values are of their type.
    fn all_types(&mut self, application: &Application) -> Result<HashMap<StrId, bool>, Fault> {
        let mut names = HashMap::default();
        let Some(route) = self.route(application) else { return Ok(names) };
        let mut bytes = 0;
        for (place, entries) in self.arguments() {
            for entry in entries {
                let name = self.strings.get(entry.key);
                bytes += name.len();
                let declared = place.and_then(|place| route.argument(place, name));
                let is = declared.is_some_and(|own| own.kind.spares(self.strings.get(entry.value)));
                names.entry(entry.lower).and_modify(|all| *all &= is).or_insert(is);
            }
        }
        self.spend(bytes)?;
        Ok(names)
    }

    /// `ARGS_MISTYPED`, a variable of Burgrave's own: the arguments of this route that are declared and not of
    /// their type, before phase 2. An empty value is of every type: it is how forms leave a field out.
    pub(super) fn fill_mistyped(&mut self) {
        let rules = Arc::clone(&self.rules);
        let Some(application) = rules.application.as_ref().filter(|own| own.is_read) else {
            return;
        };
        let Some(route) = self.route(application) else { return };
        let mut found = Vec::new();
        for (place, entries) in self.arguments() {
            let Some(place) = place else { continue };
            for entry in entries {
                let [name, value] = [entry.key, entry.value].map(|id| self.strings.get(id));
                let declared = route.argument(place, name);
                if !value.is_empty() && declared.is_some_and(|own| !own.kind.admits(value)) {
                    found.push(*entry);
                }
            }
        }
        self.state.mistyped = found;
    }

    /// The arguments by where they stand; what no processor of forms or JSON has read is in no place.
    fn arguments(&self) -> [(Option<Place>, &[Entry]); 2] {
        let body = match self.processor {
            Some(Processor::Urlencoded | Processor::Multipart) => Some(Place::Form),
            Some(Processor::Json) => Some(Place::Json),
            Some(Processor::Xml | Processor::Text) | None => None,
        };
        [(Some(Place::Query), &self.state.args_get), (body, &self.state.args_post)]
    }

    fn route<'a>(&self, application: &'a Application) -> Option<&'a Route> {
        let scalar = |variable| self.state.scalar(variable).map(|id| self.strings.get(id));
        let target = without_authority(scalar(Variable::RequestUriRaw)?);
        let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        application.route(scalar(Variable::RequestMethod)?, path)
    }

    #[cold]
    fn tell_type(&mut self, application: &Application, value: &Value) {
        let name = value.key.map(|key| self.strings.get(key)).unwrap_or_default();
        let route = self.route(application);
        let places = self.arguments();
        let declared = places.iter().find_map(|(place, _)| route?.argument((*place)?, name));
        let Some(declared) = declared else { return };
        let file = application.file().display();
        let text = format!("{} ({file}:{})", declared.kind, declared.line);
        self.tell(|_| Event::OfItsType(text));
    }
}

/// Whether a value has the same letters and digits in the same order after a rule's transformations: these
/// may have changed case and marks, and have decoded nothing.
fn has_same_letters(value: &[u8], transformed: &[u8]) -> bool {
    let letters = |text: &'_ [u8]| {
        let text = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
        text.map(u8::to_ascii_lowercase).collect::<Vec<u8>>()
    };
    transformed.is_ascii() && letters(value) == letters(transformed)
}

#[cfg(test)]
mod tests;
