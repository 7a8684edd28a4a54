//! What is told at the end.

use super::Transaction;
use crate::interface::{MatchedRule, Record};
use crate::operator::parse_integer;
use crate::plan::Rule;
use crate::ruleset::ScoreNames;
use crate::strings::StrId;
use crate::variable::{Selector, Target};
use std::borrow::Cow;

/// Bytes of a value that a record shows.
const SHOWN_BYTES: usize = 256;
/// Bytes of an expanded message.
const TEXT_BYTES: usize = 1024;
/// What stands for a text that may hold what is hidden.
pub(super) const HIDDEN: &[u8] = b"(sanitised)";
/// Matches that one transaction records.
pub(super) const MATCHES_MAX: usize = 1_000;

impl Transaction {
    /// Keeps a full match for the log.
    pub(super) fn record(&mut self, rule: &Rule) {
        if self.matches.len() >= MATCHES_MAX {
            return;
        }
        let later = |pick: fn(&crate::plan::Link) -> Option<&crate::macros::Macro>| {
            rule.links.iter().skip(1).find_map(pick)
        };
        let message = rule.meta.message.as_ref().or_else(|| later(|link| link.message.as_ref()));
        let data = rule.meta.data.as_ref().or_else(|| later(|link| link.data.as_ref()));
        let last = self.state.matched.last();
        let name = last.map(|last| self.full_name(last.variable, last.key)).unwrap_or_default();
        let cut = |text: Cow<'_, [u8]>, most: usize| {
            let mut text = text.into_owned();
            text.truncate(most);
            text
        };
        let expanded = |text: Option<&crate::macros::Macro>| {
            cut(text.map(|text| self.expand(text)).unwrap_or_default(), TEXT_BYTES)
        };
        let matched = last.map_or(&[][..], |last| self.strings.get(last.value));
        let found = MatchedRule {
            id: rule.id,
            phase: rule.phase,
            severity: rule.meta.severity,
            message: expanded(message),
            data: expanded(data),
            tags: rule.meta.tags.iter().map(|tag| cut(self.expand(tag), TEXT_BYTES)).collect(),
            variable: cut(name.into(), SHOWN_BYTES),
            matched: matched.get(..matched.len().min(SHOWN_BYTES)).unwrap_or_default().to_vec(),
        };
        if rule.audit {
            let raw = last.map(|last| last.raw);
            self.keep_match(rule, found.clone(), raw);
        }
        if rule.log {
            self.matches.push(found);
            self.record_taken();
        }
    }

    pub(super) fn into_record(mut self) -> Record {
        let mut matches = std::mem::take(&mut self.matches);
        let mut audited = std::mem::take(&mut self.audit.matches);
        for found in audited.iter_mut().map(|audited| &mut audited.found) {
            if self.sanitised.iter().any(|target| self.hides(target, &found.variable)) {
                found.matched = vec![b'*'; found.matched.len()];
                found.data = HIDDEN.to_vec();
            }
        }
        self.audit.matches = audited;
        for (index, found) in matches.iter_mut().enumerate() {
            if self.sanitised.iter().any(|target| self.hides(target, &found.variable)) {
                found.matched = vec![b'*'; found.matched.len()];
                found.data = HIDDEN.to_vec();
            }
            self.note_taken(index, &mut found.variable);
        }
        let audit = self.audits().then(|| self.audit_record()).flatten();
        let [score_in, score_out] =
            [&self.rules.names.inbound, &self.rules.names.outbound].map(|names| self.score(names));
        let trace = self.trace.take().map(|trace| *trace);
        Record {
            matches,
            score_in,
            score_out,
            interruption: self.interruption.take(),
            audit,
            trace,
        }
    }

    fn hides(&self, target: &Target, variable: &[u8]) -> bool {
        let name = match &target.selector {
            Selector::Key(key) => {
                [target.variable.name().as_bytes(), self.strings.get(*key)].join(&b':')
            }
            Selector::All | Selector::Pattern(_) | Selector::XPath(_) => {
                target.variable.name().as_bytes().to_vec()
            }
        };
        name.eq_ignore_ascii_case(variable)
    }

    fn score(&self, names: &ScoreNames) -> i64 {
        let tx = |name: &StrId| Some(parse_integer(self.strings.get(self.state.tx(*name)?)));
        let total = names.totals.iter().find_map(tx).filter(|score| *score != 0);
        total.unwrap_or_else(|| names.levels.iter().filter_map(tx).sum())
    }
}
