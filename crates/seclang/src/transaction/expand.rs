//! Macros, and variables whose value is made when asked for.

use super::Transaction;
use crate::macros::{Macro, Part, Pattern};
use crate::operator::Expand;
use crate::strings::StrId;
use crate::variable::Variable;
use std::borrow::Cow;

/// The members of `RULE`.
pub(super) const RULE_FACTS: [&str; 6] = ["id", "msg", "severity", "rev", "ver", "logdata"];

impl Expand for Transaction {
    fn expand<'a>(&'a self, text: &'a Macro) -> Cow<'a, [u8]> {
        Self::expand(self, text)
    }
}

impl Transaction {
    /// The text with its holes filled; what has no value leaves nothing.
    pub(super) fn expand<'a>(&'a self, text: &'a Macro) -> Cow<'a, [u8]> {
        if let [part] = text.parts() {
            return match part {
                Part::Text(text) => text.into(),
                Part::Value(variable, key) => self.first_value(*variable, *key).unwrap_or_default(),
                Part::Matching(variable, name) => {
                    self.first_matching(*variable, name).unwrap_or_default().into()
                }
            };
        }
        let mut out = Vec::new();
        self.expand_into(text, &mut out);
        out.into()
    }

    /// The text with its holes filled, as a string of this transaction.
    pub(super) fn expanded(&mut self, text: &Macro) -> StrId {
        if let Some(id) = text.id() {
            return id;
        }
        if let Some(key) = text.member_of_tx() {
            return self.state.tx(key).unwrap_or(StrId::EMPTY);
        }
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        self.expand_into(text, &mut room);
        let id = self.strings.intern(&room);
        self.room = room;
        id
    }

    fn expand_into(&self, text: &Macro, out: &mut Vec<u8>) {
        for part in text.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value(variable, key) => {
                    if let Some(value) = self.first_value(*variable, *key) {
                        out.extend_from_slice(&value);
                    }
                }
                Part::Matching(variable, name) => {
                    out.extend(self.first_matching(*variable, name).unwrap_or_default());
                }
            }
        }
    }

    /// The first member whose name matches; none where the expression ran out of steps.
    fn first_matching(&self, variable: Variable, name: &Pattern) -> Option<Vec<u8>> {
        let matches = |key: &[u8]| name.0.is_match(key).unwrap_or(false);
        if variable == Variable::Rule {
            let facts = RULE_FACTS.iter().find(|fact| matches(fact.as_bytes()))?;
            return self.rule_fact(facts.as_bytes()).map(Cow::into_owned);
        }
        let mut found = None;
        self.members(variable, &mut |entry| {
            if found.is_none() && matches(self.strings.get(entry.key)) {
                found = Some(entry.value);
            }
        });
        found.map(|value| self.strings.get(value).to_vec())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are plain collections")]
    fn first_value(&self, variable: Variable, key: Option<StrId>) -> Option<Cow<'_, [u8]>> {
        let Some(key) = key else { return self.scalar(variable) };
        let id = match variable {
            Variable::Tx => self.state.tx(key)?,
            Variable::Rule => return self.rule_fact(self.strings.get(key)),
            _ => {
                let mut found = None;
                self.members(variable, &mut |entry| {
                    if found.is_none() && entry.lower == key {
                        found = Some(entry.value);
                    }
                });
                found?
            }
        };
        Some(Cow::Borrowed(self.strings.get(id)))
    }

    /// A single value, made on the spot where it is not stored.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest are stored; a test fills every variable"
    )]
    pub(super) fn scalar(&self, variable: Variable) -> Option<Cow<'_, [u8]>> {
        if let Some(id) = self.state.scalar(variable) {
            return Some(Cow::Borrowed(self.strings.get(id)));
        }
        let last = self.state.matched.last();
        let text = match variable {
            Variable::MatchedVar => return last.map(|last| self.strings.get(last.value).into()),
            Variable::MatchedVarName => {
                return last.map(|last| self.full_name(last.variable, last.key).into());
            }
            Variable::Duration => (self.clock)().saturating_sub(self.began).as_micros().to_string(),
            Variable::HighestSeverity => self.state.highest_severity.to_string(),
            Variable::FullRequest => return Some(self.full_request().into()),
            Variable::FullRequestLength => self.full_request().len().to_string(),
            Variable::SessionId => return self.state.opened(Variable::Session).map(Into::into),
            Variable::UserId => return self.state.opened(Variable::User).map(Into::into),
            _ => self.time(variable)?,
        };
        Some(Cow::Owned(text.into_bytes()))
    }

    /// Times are UTC.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest are no times")]
    fn time(&self, variable: Variable) -> Option<String> {
        let seconds = self.now_micros.div_euclid(1_000_000);
        let of_day = seconds.rem_euclid(86_400);
        let days = seconds.div_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        Some(match variable {
            Variable::Time => format!("{hour:02}:{minute:02}:{second:02}"),
            Variable::TimeEpoch => seconds.to_string(),
            Variable::TimeHour => hour.to_string(),
            Variable::TimeMin => minute.to_string(),
            Variable::TimeSec => second.to_string(),
            Variable::TimeWday => (days + 4).rem_euclid(7).to_string(),
            Variable::TimeDay => civil(days).2.to_string(),
            Variable::TimeMon => (civil(days).1 - 1).to_string(),
            Variable::TimeYear => civil(days).0.to_string(),
            _ => return None,
        })
    }

    fn full_request(&self) -> Vec<u8> {
        let mut out = self.scalar(Variable::RequestLine).unwrap_or_default().into_owned();
        out.push(b'\n');
        for header in &self.state.request_headers {
            out.extend_from_slice(self.strings.get(header.key));
            out.extend_from_slice(b": ");
            out.extend_from_slice(self.strings.get(header.value));
            out.push(b'\n');
        }
        out.push(b'\n');
        if let Some(body) = self.state.scalar(Variable::RequestBody) {
            out.extend_from_slice(self.strings.get(body));
        }
        out
    }

    /// `%{rule.id}` and the like, of the rule that is being evaluated.
    pub(super) fn rule_fact(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let rule = self.rules.rules.get(self.current_rule?)?;
        let text = |text: &Option<Macro>| text.as_ref().map(|text| self.expand_rule_text(text));
        match name {
            b"id" => Some(rule.id.to_string().into_bytes().into()),
            b"msg" => text(&rule.meta.message).map(Into::into),
            b"logdata" => text(&rule.meta.data).map(Into::into),
            b"severity" => {
                rule.meta.severity.map(|severity| severity.to_string().into_bytes().into())
            }
            b"rev" => rule.meta.revision.clone().map(Into::into),
            b"ver" => rule.meta.version.clone().map(Into::into),
            _ => None,
        }
    }

    /// A rule's own text cannot name itself: facts of the rule within it stay empty.
    fn expand_rule_text(&self, text: &Macro) -> Vec<u8> {
        let own = |part: &&Part| {
            !matches!(part, Part::Value(Variable::Rule, _) | Part::Matching(Variable::Rule, _))
        };
        let mut out = Vec::new();
        for part in text.parts().iter().filter(own) {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value(variable, key) => {
                    out.extend_from_slice(&self.first_value(*variable, *key).unwrap_or_default());
                }
                Part::Matching(variable, name) => {
                    out.extend(self.first_matching(*variable, name).unwrap_or_default());
                }
            }
        }
        out
    }
}

/// Year, month (1 to 12) and day of a number of days since 1970 (proleptic Gregorian calendar).
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn dates() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (20_778, (2026, 11, 21)),
            (-1, (1969, 12, 31)),
        ] {
            assert_eq!(civil(days), date);
        }
    }
}
