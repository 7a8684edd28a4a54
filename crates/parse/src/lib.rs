//! Bodies and headers as bytes: urlencoded forms, cookies, multipart, JSON, XML; and certificates.
//!
//! Every parser takes the whole body and bounds of its caller, runs in time linear in its input, and
//! reports what was odd about it beside what it found: to a rule engine the oddity is the news.
//!
//! Invariants: no I/O; no allocation without a limit from the caller; no panic on any input; nothing is
//! decoded to text on the way (an invalid byte stays that byte).

pub mod certificate;
pub mod cookies;
pub mod form;
pub mod json;
pub mod multipart;
pub mod xml;

/// A body that cannot be what it says it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
