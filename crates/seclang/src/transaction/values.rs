//! What a target selects: the values of variables, with exclusions taken out.

use super::expand::RULE_FACTS;
use super::{Fault, Transaction};
use crate::plan::{Link, Rule};
use crate::strings::StrId;
use crate::transaction::state::{Entry, Matched, State};
use crate::variable::{Selector, Shape, Target, Variable};

/// A selected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a value with the variable and the name that it has")]
pub(super) struct Value {
    pub(super) variable: Variable,
    /// The member's name as received; `None` for a scalar or a count.
    pub(super) key: Option<StrId>,
    pub(super) lower: StrId,
    pub(super) value: StrId,
}

const NONE: [Entry; 0] = [];
/// What `XML` without a path shows.
const XML_ITSELF: &[u8] = b"[XML document tree]";

/// What a collection shows of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Value,
    Name,
}

/// The members of a collection, in one place or two.
pub(super) struct Stored<'a> {
    first: &'a [Entry],
    second: &'a [Entry],
    shown: Shown,
}

impl Stored<'_> {
    /// What it shows of its members, in order.
    pub(super) fn shown(&self) -> impl Iterator<Item = StrId> {
        let shown = self.shown;
        let members = self.first.iter().chain(self.second);
        members.map(move |entry| if shown == Shown::Name { entry.key } else { entry.value })
    }
}

impl Transaction {
    /// All values of a link's targets in order; those that it leaves out are noted.
    pub(super) fn values(&mut self, rule: &Rule, link: &Link) -> Result<Vec<Value>, Fault> {
        let mut values = std::mem::take(&mut self.desk.selected);
        values.clear();
        self.desk.left_out.clear();
        for target in &link.targets {
            self.select(target, &mut values)?;
        }
        if link.exclusions.is_empty() && self.removed_targets.is_empty() {
            return Ok(values);
        }
        let mut failed = None;
        let targets = self.removed_targets.iter().filter(|(rules, _)| rules.selects(rule));
        let excluded: Vec<&Target> =
            link.exclusions.iter().chain(targets.map(|(_, target)| target)).collect();
        let mut left_out = std::mem::take(&mut self.desk.left_out);
        values.retain(|value| {
            let excluded = excluded.iter().any(|exclusion| {
                self.excludes(exclusion, value).unwrap_or_else(|fault| {
                    failed = Some(fault);
                    false
                })
            });
            left_out.extend(excluded.then_some(*value));
            !excluded
        });
        self.desk.left_out = left_out;
        failed.map_or(Ok(values), Err)
    }

    fn excludes(&self, exclusion: &Target, value: &Value) -> Result<bool, Fault> {
        if exclusion.variable != value.variable {
            return Ok(false);
        }
        match &exclusion.selector {
            Selector::All => Ok(true),
            // A path takes out what the same path selects.
            Selector::XPath(path) => {
                let own = value.key.map(|key| self.strings.get(key));
                Ok(own == Some(path.text().as_bytes()))
            }
            Selector::Key(key) => Ok(value.key.is_some() && *key == value.lower),
            Selector::Pattern(regex) => match value.key {
                Some(key) => regex.is_match(self.strings.get(key)).map_err(|_ignored| Fault::Regex),
                None => Ok(false),
            },
        }
    }

    /// Appends what one target selects.
    pub(super) fn select(&mut self, target: &Target, values: &mut Vec<Value>) -> Result<(), Fault> {
        if target.variable == Variable::Geo && self.rules.settings.places.is_none() {
            return Err(Fault::Unavailable);
        }
        let before = values.len();
        match (target.variable.shape(), &target.selector) {
            (Shape::Scalar, _) => self.select_scalar(target.variable, values),
            (Shape::Collection, Selector::XPath(path)) => {
                let found = self.state.xml.as_ref().map(|xml| xml.select(path)).transpose();
                let found = found.map_err(|_too_long| Fault::Memory)?;
                let found = found.unwrap_or_default();
                let key = self.strings.intern(path.text().as_bytes());
                for text in found {
                    let value = self.strings.intern(&text);
                    values.push(Value {
                        variable: Variable::Xml,
                        key: Some(key),
                        lower: key,
                        value,
                    });
                }
            }
            (Shape::Collection, Selector::All) if target.variable == Variable::Xml => {
                if self.state.xml.is_some() {
                    let value = self.strings.intern(XML_ITSELF);
                    let (key, lower) = (None, StrId::EMPTY);
                    values.push(Value { variable: Variable::Xml, key, lower, value });
                }
            }
            (Shape::Collection, Selector::Key(key)) if target.variable == Variable::Tx => {
                if let Some(value) = self.state.tx(*key) {
                    values.push(Value {
                        variable: Variable::Tx,
                        key: Some(*key),
                        lower: *key,
                        value,
                    });
                }
            }
            (Shape::Collection, selector) => {
                self.select_members(target.variable, selector, values)?;
            }
        }
        if target.count {
            let count = i64::try_from(values.len() - before).unwrap_or(i64::MAX);
            values.truncate(before);
            let value = self.number_id(count);
            let lower = match &target.selector {
                Selector::Key(key) => *key,
                Selector::All | Selector::Pattern(_) | Selector::XPath(_) => StrId::EMPTY,
            };
            let key = (lower != StrId::EMPTY).then_some(lower);
            values.push(Value { variable: target.variable, key, lower, value });
        }
        Ok(())
    }

    /// Whether a variable is a collection without members, of those that stay as they are while a phase is evaluated.
    pub(super) fn has_no_members(&self, variable: Variable) -> bool {
        match variable.shape() {
            Shape::Scalar => false,
            Shape::Collection if variable == Variable::Xml => self.state.xml.is_none(),
            Shape::Collection => {
                let Stored { first, second, .. } = stored(&self.state, variable);
                first.is_empty() && second.is_empty()
            }
        }
    }

    fn select_scalar(&mut self, variable: Variable, values: &mut Vec<Value>) {
        let stored = self.state.scalar(variable);
        let value = stored.or_else(|| {
            let made = self.scalar(variable)?.into_owned();
            Some(self.strings.intern(&made))
        });
        values.extend(value.map(|value| Value { variable, key: None, lower: StrId::EMPTY, value }));
    }

    fn select_members(
        &mut self,
        variable: Variable,
        selector: &Selector,
        values: &mut Vec<Value>,
    ) -> Result<(), Fault> {
        if variable == Variable::Rule {
            return self.select_rule_facts(selector, values);
        }
        if matches!(variable, Variable::MatchedVars | Variable::MatchedVarsNames) {
            let members = self.matched_members(variable);
            return self.select_of(variable, selector, &members, Shown::Value, values);
        }
        let Stored { first, second, shown } = stored(&self.state, variable);
        self.select_of(variable, selector, first, shown, values)?;
        self.select_of(variable, selector, second, shown, values)
    }

    fn select_of(
        &self,
        variable: Variable,
        selector: &Selector,
        entries: &[Entry],
        shown: Shown,
        values: &mut Vec<Value>,
    ) -> Result<(), Fault> {
        let value = |entry: &Entry| {
            let Entry { key, lower, value } = *entry;
            let value = if shown == Shown::Name { key } else { value };
            Value { variable, key: Some(key), lower, value }
        };
        match selector {
            Selector::All => values.extend(entries.iter().map(value)),
            Selector::Key(key) => {
                values.extend(entries.iter().filter(|entry| entry.lower == *key).map(value));
            }
            Selector::Pattern(regex) => {
                for entry in entries {
                    // Most members of `TX` are named by the rules.
                    let known = (variable == Variable::Tx)
                        .then(|| regex.matches_constant(&self.rules.constants, entry.key));
                    let matches = if let Some(known) = known.flatten() {
                        known
                    } else {
                        let name = self.strings.get(entry.key);
                        regex.is_match(name).map_err(|_ignored| Fault::Regex)?
                    };
                    if matches {
                        values.push(value(entry));
                    }
                }
            }
            Selector::XPath(_) => {}
        }
        Ok(())
    }

    fn matched_members(&self, variable: Variable) -> Vec<Entry> {
        let member = |&Matched { name, value, .. }: &Matched| {
            let value = if variable == Variable::MatchedVars { value } else { name };
            Entry { key: name, lower: name, value }
        };
        self.state.matched.iter().map(member).collect()
    }

    fn select_rule_facts(
        &mut self,
        selector: &Selector,
        values: &mut Vec<Value>,
    ) -> Result<(), Fault> {
        for name in RULE_FACTS.map(str::as_bytes) {
            let key = self.strings.intern(name);
            let wanted = match selector {
                Selector::Key(wanted) => *wanted == key,
                Selector::All => true,
                Selector::Pattern(regex) => {
                    regex.is_match(name).map_err(|_ignored| Fault::Regex)?
                }
                Selector::XPath(_) => false,
            };
            let fact = self.rule_fact(name).filter(|_| wanted).map(std::borrow::Cow::into_owned);
            if let Some(fact) = fact {
                let value = self.strings.intern(&fact);
                values.push(Value { variable: Variable::Rule, key: Some(key), lower: key, value });
            }
        }
        Ok(())
    }

    /// Hands over the members of a collection in order.
    pub(super) fn members(&self, variable: Variable, take: &mut dyn FnMut(Entry)) {
        if matches!(variable, Variable::MatchedVars | Variable::MatchedVarsNames) {
            return self.matched_members(variable).into_iter().for_each(take);
        }
        let Stored { first, second, shown } = stored(&self.state, variable);
        for entry in first.iter().chain(second) {
            let value = if shown == Shown::Name { entry.key } else { entry.value };
            take(Entry { value, ..*entry });
        }
    }
}

/// Where the members of a collection stand.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest are kept collections; a test fills every variable"
)]
pub(super) fn stored(state: &State, variable: Variable) -> Stored<'_> {
    let (first, second, shown) = match variable {
        Variable::Args => (&state.args_get, state.args_post.as_slice(), Shown::Value),
        Variable::ArgsNames => (&state.args_get, state.args_post.as_slice(), Shown::Name),
        Variable::ArgsGetNames => (&state.args_get, &NONE[..], Shown::Name),
        Variable::ArgsPostNames => (&state.args_post, &NONE[..], Shown::Name),
        Variable::RequestCookiesNames => (&state.cookies, &NONE[..], Shown::Name),
        Variable::RequestHeadersNames => (&state.request_headers, &NONE[..], Shown::Name),
        Variable::ResponseHeadersNames => (&state.response_headers, &NONE[..], Shown::Name),
        Variable::FilesNames => (&state.files, &NONE[..], Shown::Name),
        Variable::ArgsGet => (&state.args_get, &NONE[..], Shown::Value),
        Variable::ArgsPost => (&state.args_post, &NONE[..], Shown::Value),
        Variable::RequestHeaders => (&state.request_headers, &NONE[..], Shown::Value),
        Variable::ArgsMistyped => (&state.mistyped, &NONE[..], Shown::Value),
        Variable::RequestOther => (&state.other, &NONE[..], Shown::Value),
        Variable::ResponseHeaders => (&state.response_headers, &NONE[..], Shown::Value),
        Variable::RequestCookies => (&state.cookies, &NONE[..], Shown::Value),
        Variable::Files => (&state.files, &NONE[..], Shown::Value),
        Variable::FilesSizes => (&state.files_sizes, &NONE[..], Shown::Value),
        Variable::FilesTmpContent => (&state.files_content, &NONE[..], Shown::Value),
        Variable::MultipartName => (&state.multipart_names, &NONE[..], Shown::Value),
        Variable::MultipartFilename => (&state.multipart_filenames, &NONE[..], Shown::Value),
        Variable::MultipartPartHeaders => (&state.part_headers, &NONE[..], Shown::Value),
        Variable::Env => (&state.environment, &NONE[..], Shown::Value),
        Variable::Geo => (&state.geo, &NONE[..], Shown::Value),
        Variable::Tx => (&state.tx, &NONE[..], Shown::Value),
        _ => return Stored { first: state.kept(variable), second: &[], shown: Shown::Value },
    };
    Stored { first, second, shown }
}
