//! One request and its answer, from the engine's point of view.
//!
//! The caller feeds what arrives and asks for a [`Decision`] after each phase. All values are interned
//! ([`crate::strings`]), so that each distinct value is transformed once. Evaluation is the plain
//! meaning of the language: rules in file order, targets in order, every matching value acts.

mod application;
mod audit;
mod body;
mod candidates;
mod derived;
mod effects;
mod evaluate;
mod expand;
mod forms;
mod idle;
mod memo;
mod other;
mod recall;
mod record;
mod request;
mod response;
mod spare;
mod state;
mod trace;
mod values;

use crate::audit::{AuditEngine, Parts};
use crate::interface::{
    BodyIntake, Connection, Decision, Disruption, Interruption, MatchedRule, Record, RequestLine,
};
use crate::lists::Listings;
use crate::plan::{AllowScope, EngineSettings, OverLimit, Processor, RuleSelector};
use crate::ruleset::RuleSet;
use crate::strings::Strings;
use crate::trace::{Event, Trace};
use crate::variable::{Target, Variable};
use application::Typed;
use burgrave_model::Mode;
use derived::Derived;
use spare::Desk;
use state::State;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// One request and its answer. Phases are asked for in order; a phase left out was not evaluated.
#[derive(Debug)]
pub struct Transaction {
    rules: Arc<RuleSet>,
    strings: Strings,
    /// A number that no other has.
    number: u64,
    /// The thread's while a phase is evaluated, an empty one otherwise; apart, as it goes to and fro.
    desk: Box<Desk>,
    /// Room for a text that is being made.
    room: Vec<u8>,
    settings: Switches,
    state: State,
    derived: Derived,
    typed: Typed,
    mode: Mode,
    now_micros: i64,
    clock: fn() -> Duration,
    began: Duration,
    used: Duration,
    /// The clock at the last look.
    looked: Duration,
    /// Bytes given to operators since then.
    asked_bytes: usize,
    processor: Option<Processor>,
    force_request_body: bool,
    request_body: Vec<u8>,
    request_body_cut: bool,
    /// Arguments, cookies or headers beyond a bound were not taken.
    left_out: bool,
    response_body: Vec<u8>,
    removed: Vec<RuleSelector>,
    removed_targets: Vec<(RuleSelector, Target)>,
    sanitised: Vec<Target>,
    allowed: Option<AllowScope>,
    /// Position in the rule set of the rule that is being evaluated.
    current_rule: Option<usize>,
    matches: Vec<MatchedRule>,
    interruption: Option<Interruption>,
    audit_engine: AuditEngine,
    audit_parts: Parts,
    audit: audit::Kept,
    /// What lists say of the client.
    listings: Option<Listings>,
    client: IpAddr,
    /// What happened, where somebody asked for it.
    trace: Option<Box<Trace>>,
}

/// What rules may change of the settings for one transaction.
#[derive(Clone, Copy, Debug)]
struct Switches {
    request_body: bool,
    response_body: bool,
    request_body_limit: usize,
    response_body_limit: usize,
}

impl Switches {
    fn of(settings: &EngineSettings) -> Self {
        Self {
            request_body: settings.request_body,
            response_body: settings.response_body,
            request_body_limit: settings.request_body_limit,
            response_body_limit: settings.response_body_limit,
        }
    }
}

/// The engine cannot answer. Never a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The time for one transaction is used up.
    Budget,
    /// A regular expression ran out of its steps.
    Regex,
    /// The values made of the request are too many or too large.
    Memory,
    /// A rule asks for what this release does not have.
    Unavailable,
    /// An answer that is to be inspected comes compressed.
    Encoded,
}

impl Fault {
    fn reason(self) -> &'static str {
        match self {
            Self::Budget => "rule engine fault: time budget used up",
            Self::Regex => "rule engine fault: regular expression ran out of steps",
            Self::Memory => "rule engine fault: too many values",
            Self::Encoded => "rule engine fault: the answer is encoded and cannot be inspected",
            Self::Unavailable => "rule engine fault: a rule asks for data that is not available",
        }
    }
}

/// The answer to a request that the engine could not finish.
const FAULT_STATUS: u16 = 503;

impl Transaction {
    pub(crate) fn new(
        rules: Arc<RuleSet>,
        connection: Connection,
        mode: Option<Mode>,
        unique_id: &str,
        now_micros: i64,
        clock: fn() -> Duration,
    ) -> Self {
        let spare::Room { strings, text, state } = spare::take(&rules.constants);
        let mut transaction = Self {
            strings,
            number: spare::number(),
            desk: Box::default(),
            room: text,
            state,
            derived: Derived::default(),
            typed: Typed::default(),
            mode: mode.unwrap_or(rules.settings.mode),
            now_micros,
            clock,
            began: clock(),
            used: Duration::ZERO,
            looked: Duration::ZERO,
            asked_bytes: 0,
            processor: None,
            force_request_body: false,
            request_body: Vec::new(),
            request_body_cut: false,
            left_out: false,
            response_body: Vec::new(),
            removed: Vec::new(),
            removed_targets: Vec::new(),
            sanitised: Vec::new(),
            allowed: None,
            current_rule: None,
            matches: Vec::new(),
            interruption: None,
            audit_engine: rules.settings.audit.engine,
            audit_parts: rules.settings.audit.parts,
            audit: audit::Kept::default(),
            listings: None,
            client: connection.client.0,
            trace: None,
            settings: Switches::of(&rules.settings),
            rules,
        };
        transaction.set_connection(connection, unique_id);
        transaction
    }

    /// What the lists of [`RuleSet::lists`] say of the client. Before the headers are done.
    pub fn listings(&mut self, listings: Listings) {
        self.listings = Some(listings);
    }

    /// The first line. Before the headers.
    pub fn request_line(&mut self, line: &RequestLine<'_>) {
        self.take_request_line(line);
    }

    /// A header, in the order received, name as received.
    pub fn request_header(&mut self, name: &[u8], value: &[u8]) {
        self.take_request_header(name, value);
    }

    /// Phase 1. A request with more arguments, cookies or headers than are looked at is not passed,
    /// unless a rule of this phase allowed it or switched the engine off.
    pub fn request_headers_done(&mut self) -> Decision {
        self.finish_request_headers();
        let decision = match self.derive_from_header() {
            Ok(()) => {
                self.fill_other();
                self.phase(1)
            }
            Err(fault) => self.fault(fault),
        };
        let allowed = matches!(self.allowed, Some(AllowScope::Transaction | AllowScope::Request));
        if decision == Decision::Continue && self.left_out && !allowed && self.mode != Mode::Off {
            return self.refuse(400, "request has more values than the engine looks at");
        }
        decision
    }

    /// Whether the request's body is to be fed. Ask after phase 1.
    pub fn wants_request_body(&self) -> bool {
        self.mode != Mode::Off && self.settings.request_body
    }

    /// A piece of the body.
    pub fn request_body(&mut self, piece: &[u8]) -> BodyIntake {
        let limit = self.settings.request_body_limit;
        let room = limit.saturating_sub(self.request_body.len());
        let fits = piece.get(..piece.len().min(room)).unwrap_or_default();
        self.request_body.extend_from_slice(fits);
        if fits.len() == piece.len() {
            return BodyIntake::Wanted;
        }
        self.request_body_cut = true;
        let refuses = self.rules.settings.request_over_limit == OverLimit::Reject;
        self.tell(|_| Event::OverLimit("request", refuses));
        self.state.set_flag(Variable::InboundDataError, true, &mut self.strings);
        match self.rules.settings.request_over_limit {
            OverLimit::Partial => BodyIntake::Enough,
            OverLimit::Reject => {
                self.over_limit(413, "request body is longer than the rules allow")
            }
        }
    }

    /// Phase 2. Ask for every request, with or without a body.
    pub fn request_body_done(&mut self) -> Decision {
        match self.read_request_body().and_then(|()| self.derive_from_body()) {
            Ok(()) => {
                self.fill_mistyped();
                self.phase(2)
            }
            Err(fault) => self.fault(fault),
        }
    }

    /// Before the response's headers. `protocol` is `HTTP/1.1`.
    pub fn response_line(&mut self, status: u16, protocol: &[u8]) {
        self.take_response_line(status, protocol);
    }

    /// A response header.
    pub fn response_header(&mut self, name: &[u8], value: &[u8]) {
        self.take_response_header(name, value);
    }

    /// Phase 3. An answer whose body is to be inspected and that comes encoded (RFC 9110 §8.4) cannot
    /// be: it is not passed, unless whoever feeds the body says that it decodes it first (`decodes`).
    pub fn response_headers_done(&mut self, decodes: bool) -> Decision {
        let decision = self.phase(3);
        if decision == Decision::Continue
            && !decodes
            && self.wants_response_body()
            && self.response_is_encoded()
        {
            return self.fault(Fault::Encoded);
        }
        decision
    }

    /// Instead of the rest of a response's body, which was to be decoded and cannot be.
    pub fn response_undecodable(&mut self) -> Decision {
        self.fault(Fault::Encoded)
    }

    /// Whether bodies of responses are inspected at all. Whoever fetches the answer asks for one that is
    /// not encoded then.
    pub fn inspects_responses(&self) -> bool {
        self.mode != Mode::Off && self.settings.response_body
    }

    /// Whether the response's body is to be fed. Ask after phase 3.
    pub fn wants_response_body(&self) -> bool {
        self.mode != Mode::Off && self.settings.response_body && self.response_type_is_inspected()
    }

    /// A piece of the response's body.
    pub fn response_body(&mut self, piece: &[u8]) -> BodyIntake {
        let limit = self.settings.response_body_limit;
        let room = limit.saturating_sub(self.response_body.len());
        let fits = piece.get(..piece.len().min(room)).unwrap_or_default();
        self.response_body.extend_from_slice(fits);
        if fits.len() == piece.len() {
            return BodyIntake::Wanted;
        }
        self.state.set_flag(Variable::OutboundDataError, true, &mut self.strings);
        let refuses = self.rules.settings.response_over_limit == OverLimit::Reject;
        self.tell(|_| Event::OverLimit("response", refuses));
        match self.rules.settings.response_over_limit {
            OverLimit::Partial => BodyIntake::Enough,
            OverLimit::Reject => {
                self.over_limit(500, "response body is longer than the rules allow")
            }
        }
    }

    /// Phase 4.
    pub fn response_body_done(&mut self) -> Decision {
        self.read_response_body();
        self.phase(4)
    }

    /// Phase 5 and the end.
    pub fn finish(mut self) -> Record {
        let _no_answer_left_to_change = self.phase(5);
        self.into_record()
    }

    fn over_limit(&mut self, status: u16, reason: &str) -> BodyIntake {
        match self.refuse(status, reason) {
            Decision::Interrupt(interruption) => BodyIntake::Refused(interruption),
            Decision::Continue => BodyIntake::Enough,
        }
    }

    fn fault(&mut self, fault: Fault) -> Decision {
        self.refuse(FAULT_STATUS, fault.reason())
    }

    /// Refuses where rules may refuse; records in any case.
    fn refuse(&mut self, status: u16, reason: &str) -> Decision {
        let interruption = Interruption {
            action: Disruption::Deny(status),
            rule: None,
            reason: reason.to_owned(),
        };
        self.interruption.get_or_insert_with(|| interruption.clone());
        match self.mode {
            Mode::Block => Decision::Interrupt(interruption),
            Mode::Detect | Mode::Off => Decision::Continue,
        }
    }
}

impl Drop for Transaction {
    /// The room goes to the thread's next transaction.
    fn drop(&mut self) {
        spare::give(spare::Room {
            strings: std::mem::replace(&mut self.strings, Strings::nothing()),
            text: std::mem::take(&mut self.room),
            state: std::mem::take(&mut self.state),
        });
    }
}

#[cfg(test)]
pub(crate) mod tests;
