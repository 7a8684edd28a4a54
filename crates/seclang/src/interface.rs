//! What the caller and the engine say to each other. Byte slices throughout: a request is not text.

use burgrave_model::{Mode, Profile};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the compiler reaches files. The caller implements it; the engine opens nothing by itself.
pub trait RuleFiles {
    /// The content of a file, or why not in one sentence.
    fn read(&self, path: &Path) -> Result<Vec<u8>, String>;

    /// The files that a pattern names, sorted; a pattern without wild cards names itself.
    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String>;
}

/// What the caller's configuration says about the engine; `None` leaves the word to the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Over `SecRuleEngine`.
    pub mode: Option<Mode>,
    /// Over `SecRequestBodyAccess`. Default on.
    pub request_body: Option<bool>,
    /// Over `SecResponseBodyAccess`. Default off.
    pub response_body: Option<bool>,
    /// Most time that one transaction may use in the engine. Default 500 ms.
    pub budget: Option<Duration>,
    /// Leaves out the base rules (which body is read how, unreadable bodies are refused).
    pub bare: bool,
    /// What Burgrave adds to the rule files. Default nothing.
    pub layer: Layer,
    /// Whoever runs the engine asks the lists of `@rbl` ([`crate::RuleSet::lists`]). Default nobody does.
    pub lists: bool,
    /// Evaluates without the first stage: slower, with the same answers. For comparing the two.
    pub plain: bool,
}

/// What Burgrave adds to the rule files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Decoded forms of a value are inspected as well.
    pub decode: bool,
    /// What a kind of application needs to be let through.
    pub profile: Profile,
    /// Burgrave's own rules for what rule sets miss.
    pub extra: bool,
    /// One more of these: an argument that is not of the type which the application's profile declares. Only
    /// together with [`Layer::extra`].
    pub enforce: bool,
}

impl Layer {
    /// What a configuration that says nothing has.
    pub const ON: Self =
        Self { decode: true, profile: Profile::Trading, extra: true, enforce: false };
}

/// The two ends of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The client's address.
    pub client: (IpAddr, u16),
    /// The address that it reached.
    pub server: (IpAddr, u16),
}

/// The first line of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// `GET`
    pub method: &'a [u8],
    /// As received: `/a?b=c`, `*` or `http://host/…`.
    pub target: &'a [u8],
    /// `HTTP/1.1`, `HTTP/2.0`.
    pub protocol: &'a [u8],
}

/// What the engine wants done. In detection mode it is always [`Decision::Continue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Continue,
    /// End the request this way.
    Interrupt(Interruption),
}

/// A request ended by a rule or by the engine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interruption {
    /// How.
    pub action: Disruption,
    /// The rule that asked for it; `None` when the engine itself did.
    pub rule: Option<u32>,
    /// Why, for the log: the rule's message or the engine's fault.
    pub reason: String,
}

/// How a request is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disruption {
    /// An error page with this status, 400 to 599.
    Deny(u16),
    /// The connection is closed without an answer.
    Drop,
    /// To another place, with a 3xx status.
    Redirect {
        /// 301, 302, 303 or 307.
        status: u16,
        /// The new place.
        location: Vec<u8>,
    },
}

impl Disruption {
    /// The status of the answer; 0 where there is none.
    pub fn status(&self) -> u16 {
        match self {
            Self::Deny(status) | Self::Redirect { status, .. } => *status,
            Self::Drop => 0,
        }
    }
}

/// What became of a piece of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyIntake {
    /// Taken; more is wanted.
    Wanted,
    /// The limit is reached and the rest is not inspected (`SecRequestBodyLimitAction
    /// ProcessPartial`): evaluate the phase now, then stream the rest.
    Enough,
    /// The limit is passed and the request is refused.
    Refused(Interruption),
}

/// A rule that matched and is to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedRule {
    /// The rule's id.
    pub id: u32,
    /// 1 to 5.
    pub phase: u8,
    /// `severity:`, 0 (emergency) to 7 (debug).
    pub severity: Option<u8>,
    /// `msg:`, macros expanded.
    pub message: Vec<u8>,
    /// `logdata:`, macros expanded.
    pub data: Vec<u8>,
    /// `tag:`, macros expanded.
    pub tags: Vec<Vec<u8>>,
    /// The variable that matched, as `ARGS:id`.
    pub variable: Vec<u8>,
    /// The value that matched, after transformations, cut to 256 bytes.
    pub matched: Vec<u8>,
}

/// What the engine has to say at the end of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Matches with `log`, in order of evaluation.
    pub matches: Vec<MatchedRule>,
    /// `TX:BLOCKING_INBOUND_ANOMALY_SCORE` or, where that is unset, the sum of the inbound scores.
    pub score_in: i64,
    /// The same for the response.
    pub score_out: i64,
    /// What ended the request, or in detection mode would have ended it first.
    pub interruption: Option<Interruption>,
    /// The audit record, ready to be appended to its file, where one is due (`SecAuditEngine`).
    pub audit: Option<Vec<u8>>,
    /// What happened step by step, where it was asked for.
    pub trace: Option<crate::trace::Trace>,
}
