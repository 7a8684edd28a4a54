//! What a target selects: the values of variables, with exclusions taken out.

use super::{Fault, Transaction};
use crate::plan::{Link, Rule};
use crate::strings::StrId;
use crate::transaction::state::Entry;
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

impl Transaction {
    /// All values of a link's targets in order.
    pub(super) fn values(&mut self, rule: &Rule, link: &Link) -> Result<Vec<Value>, Fault> {
        let mut values = std::mem::take(&mut self.selected);
        values.clear();
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
        values.retain(|value| {
            !excluded.iter().any(|exclusion| {
                self.excludes(exclusion, value).unwrap_or_else(|fault| {
                    failed = Some(fault);
                    false
                })
            })
        });
        failed.map_or(Ok(values), Err)
    }

    fn excludes(&self, exclusion: &Target, value: &Value) -> Result<bool, Fault> {
        if exclusion.variable != value.variable {
            return Ok(false);
        }
        match &exclusion.selector {
            Selector::All | Selector::XPath(_) => Ok(true),
            Selector::Key(key) => Ok(value.key.is_some() && *key == value.lower),
            Selector::Pattern(regex) => match value.key {
                Some(key) => regex.is_match(self.strings.get(key)).map_err(|_ignored| Fault::Regex),
                None => Ok(false),
            },
        }
    }

    /// Appends what one target selects.
    fn select(&mut self, target: &Target, values: &mut Vec<Value>) -> Result<(), Fault> {
        if target.variable == Variable::Geo {
            return Err(Fault::Unavailable);
        }
        let before = values.len();
        match (target.variable.shape(), &target.selector) {
            (Shape::Scalar, _) => self.select_scalar(target.variable, values),
            (Shape::Collection, Selector::XPath(path)) => {
                let found = self.state.xml.as_ref().map(|xml| xml.select(path)).transpose();
                let found = found.map_err(|_too_long| Fault::Memory)?;
                for text in found.unwrap_or_default() {
                    let value = self.strings.intern(&text);
                    values.push(Value {
                        variable: Variable::Xml,
                        key: None,
                        lower: StrId::EMPTY,
                        value,
                    });
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
            let count = (values.len() - before).to_string();
            values.truncate(before);
            let value = self.strings.intern(count.as_bytes());
            let lower = match &target.selector {
                Selector::Key(key) => *key,
                Selector::All | Selector::Pattern(_) | Selector::XPath(_) => StrId::EMPTY,
            };
            let key = (lower != StrId::EMPTY).then_some(lower);
            values.push(Value { variable: target.variable, key, lower, value });
        }
        Ok(())
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
            self.select_rule_facts(selector, values);
            return Ok(());
        }
        let mut failed = None;
        self.members(variable, &mut |entry| {
            let taken = match selector {
                Selector::All => true,
                Selector::Key(key) => *key == entry.lower,
                Selector::Pattern(regex) => {
                    regex.is_match(self.strings.get(entry.key)).unwrap_or_else(|_| {
                        failed = Some(Fault::Regex);
                        false
                    })
                }
                Selector::XPath(_) => false,
            };
            if taken {
                let Entry { key, lower, value } = entry;
                values.push(Value { variable, key: Some(key), lower, value });
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn select_rule_facts(&mut self, selector: &Selector, values: &mut Vec<Value>) {
        for name in ["id", "msg", "severity", "rev", "ver", "logdata"] {
            let key = self.strings.intern(name.as_bytes());
            let wanted = match selector {
                Selector::Key(wanted) => *wanted == key,
                Selector::All => true,
                Selector::Pattern(_) | Selector::XPath(_) => false,
            };
            let fact = self
                .rule_fact(name.as_bytes())
                .filter(|_| wanted)
                .map(std::borrow::Cow::into_owned);
            if let Some(fact) = fact {
                let value = self.strings.intern(&fact);
                values.push(Value { variable: Variable::Rule, key: Some(key), lower: key, value });
            }
        }
    }

    /// Hands over the members of a collection in order.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are plain collections")]
    pub(super) fn members(&self, variable: Variable, take: &mut dyn FnMut(Entry)) {
        let state = &self.state;
        let names = |entries: &[Entry], take: &mut dyn FnMut(Entry)| {
            for entry in entries {
                take(Entry { value: entry.key, ..*entry });
            }
        };
        match variable {
            Variable::Args => {
                state.args_get.iter().chain(&state.args_post).copied().for_each(take);
            }
            Variable::ArgsNames => {
                names(&state.args_get, take);
                names(&state.args_post, take);
            }
            Variable::ArgsGetNames => names(&state.args_get, take),
            Variable::ArgsPostNames => names(&state.args_post, take),
            Variable::RequestCookiesNames => names(&state.cookies, take),
            Variable::RequestHeadersNames => names(&state.request_headers, take),
            Variable::ResponseHeadersNames => names(&state.response_headers, take),
            Variable::FilesNames => names(&state.files, take),
            Variable::MatchedVars | Variable::MatchedVarsNames => {
                for &(name, value) in &state.matched {
                    let value = if variable == Variable::MatchedVars { value } else { name };
                    take(Entry { key: name, lower: name, value });
                }
            }
            _ => self.entries(variable).iter().copied().for_each(take),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest are kept collections; a test fills every variable"
    )]
    fn entries(&self, variable: Variable) -> &[Entry] {
        let state = &self.state;
        match variable {
            Variable::ArgsGet => &state.args_get,
            Variable::ArgsPost => &state.args_post,
            Variable::RequestHeaders => &state.request_headers,
            Variable::RequestOther => &state.other,
            Variable::ResponseHeaders => &state.response_headers,
            Variable::RequestCookies => &state.cookies,
            Variable::Files => &state.files,
            Variable::FilesSizes => &state.files_sizes,
            Variable::FilesTmpContent => &state.files_content,
            Variable::MultipartName => &state.multipart_names,
            Variable::MultipartFilename => &state.multipart_filenames,
            Variable::MultipartPartHeaders => &state.part_headers,
            Variable::Env => &state.environment,
            Variable::Tx => &state.tx,
            _ => state.kept(variable),
        }
    }
}
