//! Shape only; replaced by the engine.
use crate::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// One thing wrong in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct LoadError {
    /// File.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// What and what to do.
    pub message: String,
}

/// Compiled rules, shared by all threads.
#[derive(Debug)]
pub struct RuleSet {}

impl RuleSet {
    /// Compiles files and globs in this order; all errors at once.
    pub fn compile(
        _include: &[PathBuf],
        _files: &dyn RuleFiles,
        _options: Options,
    ) -> Result<Self, Vec<LoadError>> {
        Ok(Self {})
    }
    /// Number of rules (`SecRule` and `SecAction`).
    pub fn len(&self) -> usize {
        0
    }
    /// A name and version that the rule set gives itself (`SecComponentSignature`), if any.
    pub fn signature(&self) -> Option<&str> {
        None
    }
    /// A new transaction. `mode` is the route's own, over the rule set's.
    /// `now_micros`: wall clock; `elapsed`: a monotonic clock that the engine asks for its budget.
    pub fn transaction(
        self: &Arc<Self>,
        _connection: Connection,
        _mode: Option<burgrave_model::Mode>,
        _unique_id: &str,
        _now_unix_micros: i64,
        _clock: fn() -> Duration,
    ) -> Transaction {
        Transaction {}
    }
}

/// One request and its answer.
#[derive(Debug)]
pub struct Transaction {}

impl Transaction {
    /// Before the headers.
    pub fn request_line(&mut self, _line: &RequestLine<'_>) {}
    /// In the order received, names as received.
    pub fn request_header(&mut self, _name: &[u8], _value: &[u8]) {}
    /// Phase 1.
    pub fn request_headers_done(&mut self) -> Decision {
        Decision::Continue
    }
    /// Whether the request's body is to be fed. Call after phase 1.
    pub fn wants_request_body(&self) -> bool {
        false
    }
    /// A piece of the body.
    pub fn request_body(&mut self, _piece: &[u8]) -> BodyIntake {
        BodyIntake::Wanted
    }
    /// Phase 2. Call for every request, with or without a body.
    pub fn request_body_done(&mut self) -> Decision {
        Decision::Continue
    }
    /// Before the response's headers. `protocol`: `HTTP/1.1`.
    pub fn response_line(&mut self, _status: u16, _protocol: &[u8]) {}
    /// A response header.
    pub fn response_header(&mut self, _name: &[u8], _value: &[u8]) {}
    /// Phase 3.
    pub fn response_headers_done(&mut self) -> Decision {
        Decision::Continue
    }
    /// Whether the response's body is to be fed (access on and content type in
    /// `SecResponseBodyMimeType`). Call after phase 3.
    pub fn wants_response_body(&self) -> bool {
        false
    }
    /// A piece of the body.
    pub fn response_body(&mut self, _piece: &[u8]) -> BodyIntake {
        BodyIntake::Wanted
    }
    /// Phase 4.
    pub fn response_body_done(&mut self) -> Decision {
        Decision::Continue
    }
    /// Phase 5 and the end. `bytes_out`, `status`: what was really sent.
    pub fn finish(self) -> Record {
        Record::default()
    }
}
