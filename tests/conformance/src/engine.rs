//! A request through the engine in process, with an upstream that answers as the CRS tests want it.

use crate::message::Request;
use base64::Engine as _;
use burgrave_model::Mode;
use burgrave_seclang::{
    BodyIntake, Connection, Decision, Record, RequestLine, RuleSet, Transaction,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the upstream answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Answer {
    /// Default 200.
    pub status: Option<u16>,
    /// Fields.
    pub headers: BTreeMap<String, String>,
    /// As text.
    pub body: String,
    /// In base64.
    pub encoded_body: String,
}

impl Answer {
    /// `/reflect` answers what the request's JSON body describes; anything else 200 and nothing.
    pub fn to(request: &Request) -> Self {
        if request.target.starts_with(b"/reflect") {
            return serde_json::from_slice(&request.body).unwrap_or_default();
        }
        Self::default()
    }

    /// The body's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        if self.encoded_body.is_empty() {
            return self.body.clone().into_bytes();
        }
        base64::engine::general_purpose::STANDARD.decode(&self.encoded_body).unwrap_or_default()
    }

    /// The fields, with a content type where there is none.
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields: Vec<_> = self.headers.clone().into_iter().collect();
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            fields.push(("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()));
        }
        fields
    }
}

/// A monotonic clock for the engine's budget.
pub fn clock() -> Duration {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Runs a request through all five phases.
pub fn run(rules: &Arc<RuleSet>, request: &Request, mode: Mode) -> Record {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let connection = Connection { client: (local, 50_000), server: (local, 80) };
    let mut transaction = rules.transaction(connection, Some(mode), "conformance", 0, clock);
    let _ended = phases(&mut transaction, request);
    transaction.finish()
}

fn phases(transaction: &mut Transaction, request: &Request) -> Option<()> {
    let Request { method, target, protocol, .. } = request;
    transaction.request_line(&RequestLine { method, target, protocol });
    for (name, value) in &request.headers {
        transaction.request_header(name, value);
    }
    go_on(&transaction.request_headers_done())?;
    if transaction.wants_request_body() {
        match transaction.request_body(&request.body) {
            BodyIntake::Wanted | BodyIntake::Enough => {}
            BodyIntake::Refused(_) => return None,
        }
    }
    go_on(&transaction.request_body_done())?;
    let answer = Answer::to(request);
    transaction.response_line(answer.status.unwrap_or(200), b"HTTP/1.1");
    for (name, value) in answer.fields() {
        transaction.response_header(name.as_bytes(), value.as_bytes());
    }
    go_on(&transaction.response_headers_done(false))?;
    if transaction.wants_response_body() {
        match transaction.response_body(&answer.bytes()) {
            BodyIntake::Wanted | BodyIntake::Enough => {}
            BodyIntake::Refused(_) => return None,
        }
    }
    go_on(&transaction.response_body_done())
}

fn go_on(decision: &Decision) -> Option<()> {
    matches!(decision, Decision::Continue).then_some(())
}
