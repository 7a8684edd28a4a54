//! The audit record of a transaction, as text that somebody else writes.
//!
//! Made at the end, and only where it is due. What rules say is to be hidden is hidden in every part; a
//! record and each body in it are bounded.

mod hide;
mod json;
mod native;

use super::Transaction;
use super::record::MATCHES_MAX;
use crate::audit::{AuditEngine, AuditFormat};
use crate::interface::MatchedRule;
use crate::plan::{Link, Rule, RuleDisruption};
use crate::strings::StrId;
use crate::trace::shown;
use crate::variable::Variable;
use burgrave_model::Mode;
use hide::Hidden;

/// Bytes of a body that a record shows.
const BODY_BYTES_MAX: usize = 128 * 1024;

/// A match for the audit log.
#[derive(Clone, Debug)]
pub(super) struct Audited {
    pub(super) found: MatchedRule,
    /// Position in the rule set.
    rule: usize,
    /// The operator's name in the log's own spelling.
    operator: String,
    parameter: Vec<u8>,
    /// Before transformations.
    value: Vec<u8>,
    ended: Option<u16>,
}

/// What a transaction keeps for its record.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) matches: Vec<Audited>,
    body: Vec<u8>,
}

/// Whose header fields.
#[derive(Clone, Copy, Debug)]
enum Side {
    Request,
    Response,
}

/// A record, taken apart for its two formats.
struct Record<'a> {
    own: &'a Transaction,
    hidden: Hidden,
    status: u16,
}

impl Transaction {
    /// Whether a record may be due at the end.
    pub(super) fn audits(&self) -> bool {
        self.audit_engine != AuditEngine::Off || self.rules.switches_audit
    }

    /// Keeps the body's beginning for a record.
    pub(super) fn keep_body(&mut self, body: &[u8]) {
        if self.audits() {
            let most = body.len().min(BODY_BYTES_MAX);
            self.audit.body = body.get(..most).unwrap_or_default().to_vec();
        }
    }

    /// Keeps a match for a record.
    pub(super) fn keep_match(&mut self, rule: &Rule, found: MatchedRule, raw: Option<StrId>) {
        if !self.audits() || self.audit.matches.len() >= MATCHES_MAX {
            return;
        }
        let link = rule.links.iter().rev().find(|link| !link.targets.is_empty());
        let parameter = |link: &Link| match link.operator.parameter() {
            Some(text) => shown(&self.expand(text)),
            None => shown(&link.written.parameter),
        };
        let audited = Audited {
            found,
            rule: rule.index,
            operator: link.map(|link| class(&link.written.operator)).unwrap_or_default(),
            parameter: link.map(parameter).unwrap_or_default(),
            value: raw.map(|raw| shown(self.strings.get(raw))).unwrap_or_default(),
            ended: self.ends(rule),
        };
        self.audit.matches.push(audited);
    }

    /// The status with which a rule's match ends the request.
    fn ends(&self, rule: &Rule) -> Option<u16> {
        match &rule.disruption {
            _ if self.mode != Mode::Block => None,
            RuleDisruption::Pass | RuleDisruption::Allow(_) => None,
            RuleDisruption::Deny(status) | RuleDisruption::Redirect(status, _) => Some(*status),
            RuleDisruption::Drop => Some(0),
        }
    }

    /// The record, if one is due.
    pub(super) fn audit_record(&self) -> Option<Vec<u8>> {
        let status = self.final_status();
        let relevant = |regex: &crate::regex::Regex| {
            // What cannot be answered is relevant.
            regex.is_match(status.to_string().as_bytes()).unwrap_or(true)
        };
        let settings = &self.rules.settings.audit;
        let due = match self.audit_engine {
            AuditEngine::Off => false,
            AuditEngine::On => true,
            AuditEngine::RelevantOnly => {
                !self.audit.matches.is_empty() || settings.relevant.as_deref().is_some_and(relevant)
            }
        };
        let record = Record { own: self, hidden: Hidden::of(self), status };
        due.then(|| match settings.format {
            AuditFormat::Native => record.native(),
            AuditFormat::Json => record.json(),
        })
    }

    /// The status of the answer, as far as it is known here.
    fn final_status(&self) -> u16 {
        let ended = self.interruption.as_ref().filter(|_| self.mode == Mode::Block);
        let ended = ended.map(|ended| ended.action.status());
        let answered = || {
            let text = self.scalar(Variable::ResponseStatus)?;
            std::str::from_utf8(&text).ok()?.parse().ok()
        };
        ended.or_else(answered).unwrap_or(0)
    }
}

/// The class that the original's log names an operator by.
fn class(operator: &str) -> String {
    const IRREGULAR: &[(&str, &str)] = &[
        ("beginswith", "BeginsWith"),
        ("containsword", "ContainsWord"),
        ("detectsqli", "DetectSQLi"),
        ("detectxss", "DetectXSS"),
        ("endswith", "EndsWith"),
        ("geolookup", "GeoLookup"),
        ("ipmatch", "IpMatch"),
        ("ipmatchf", "IpMatchFromFile"),
        ("ipmatchfromfile", "IpMatchFromFile"),
        ("pmf", "PmFromFile"),
        ("pmfromfile", "PmFromFile"),
        ("rxglobal", "RxGlobal"),
        ("streq", "StrEq"),
        ("strmatch", "StrMatch"),
        ("unconditionalmatch", "UnconditionalMatch"),
        ("validatebyterange", "ValidateByteRange"),
        ("verifycc", "VerifyCC"),
        ("verifycpf", "VerifyCPF"),
        ("verifyssn", "VerifySSN"),
        ("verifysvnr", "VerifySVNR"),
    ];
    let known = IRREGULAR.iter().find(|(name, _)| name.eq_ignore_ascii_case(operator));
    known.map_or_else(
        || {
            let mut letters = operator.chars();
            let first = letters.next().map(|first| first.to_uppercase().collect::<String>());
            first.unwrap_or_default() + letters.as_str()
        },
        |(_, class)| (*class).to_owned(),
    )
}

impl Record<'_> {
    fn text(&self, id: StrId) -> &[u8] {
        self.own.strings.get(id)
    }

    fn scalar(&self, variable: Variable) -> Vec<u8> {
        self.own.scalar(variable).unwrap_or_default().into_owned()
    }

    /// The target with hidden arguments covered.
    fn target(&self) -> Vec<u8> {
        self.hidden.in_target(&self.scalar(Variable::RequestUriRaw))
    }

    /// `I`: a form without its files.
    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for argument in &self.own.state.args_post {
            if !out.is_empty() {
                out.push(b'&');
            }
            out.extend_from_slice(self.text(argument.key));
            out.push(b'=');
            out.extend_from_slice(self.text(argument.value));
        }
        self.hidden.in_body(&out)
    }

    fn request_body(&self) -> Vec<u8> {
        self.hidden.in_body(&self.own.audit.body)
    }

    fn response_body(&self) -> Vec<u8> {
        let mut body = self.scalar(Variable::ResponseBody);
        body.truncate(BODY_BYTES_MAX);
        self.hidden.anywhere(&body)
    }

    /// Header fields with hidden values covered.
    fn headers(&self, of: Side) -> Vec<(Vec<u8>, Vec<u8>)> {
        let state = &self.own.state;
        let entries = match of {
            Side::Request => &state.request_headers,
            Side::Response => &state.response_headers,
        };
        let field = |header: &crate::transaction::state::Entry| {
            let (name, value) = (self.text(header.key), self.text(header.value));
            (name.to_vec(), self.hidden.in_header(of, name, value))
        };
        entries.iter().map(field).collect()
    }
}
