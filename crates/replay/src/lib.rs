//! Recorded requests through the rules, in process: explained, tested, excepted.
//!
//! What the engine's trace says is put into words for people ([`Explanation`]), compared with what a test
//! expects ([`suite`]), turned into the narrowest exception that lets a request pass ([`except`]), or into a
//! draft of what an application takes ([`profile`]).
//!
//! Invariants: no I/O, no network, no clock (bytes and time come from the caller); every input has a bound;
//! bytes of a request reach a terminal escaped only ([`show`]); what could not be looked at is said, and is
//! never counted as passed.

mod answer;
pub mod except;
mod explain;
mod json;
mod message;
pub mod profile;
mod recorded;
mod run;
pub mod show;
mod story;
pub mod suite;
mod text;
mod yaml;

pub use answer::RuleAnswer;
pub use explain::{Explanation, Looked, Told, Verdict, explain};
pub use json::rules_as_json;
pub use message::{Fields, MESSAGE_BYTES_MAX, MessageError, Request, Response};
pub use recorded::{NamedRequest, RECORDED_BYTES_MAX, RecordedError, recorded};
pub use run::{Circumstances, Seen, run};
pub use story::{LinkStory, Story, ValueStory};
pub use text::{rule_as_text, rules_as_text};
