//! The rule engine on a request's way: phases 1 and 2 before it is served, 3 and 4 before the answer
//! is sent, 5 when all is over.
//!
//! Invariants: only the end of [`request`] makes a [`Permit`]; an engine that panics answers for that
//! request with a refusal and is never asked again; a body is buffered only as far as the engine
//! wants it, the rest streams.

use crate::body::{OutBody, RequestBody};
use crate::decode::{Decoder, Undecodable};
use crate::exchange::Exchange;
use crate::refusal::Reason;
use crate::upstream;
use burgrave_model::Mode;
use burgrave_seclang::{
    BodyIntake, Connection, Decision, Interruption, Listings, Record, RequestLine, RuleSet,
    Transaction,
};
use burgrave_sys::UnixTime;
use bytes::Bytes;
use http::Response;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The proof that a request may be served: routed, within its limits, and let pass by the rules.
/// [`crate::files`] and [`crate::upstream`] take it by value.
#[derive(Debug)]
pub(crate) struct Permit(());

/// Why a request goes no further.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// By the gateway itself.
    Refuse(Reason),
    /// By a rule.
    Block(Interruption),
    /// Too many requests; seconds until the next one.
    Limit(u64),
    /// The client has left or its answer cannot be finished: nothing is sent.
    Abort,
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Refuse(reason)
    }
}

/// What the gateway needs of an engine's transaction.
pub(crate) trait Engine {
    /// What block lists say of the client.
    fn listings(&mut self, listings: Listings);
    fn request_line(&mut self, line: &RequestLine<'_>);
    fn request_header(&mut self, name: &[u8], value: &[u8]);
    fn request_headers_done(&mut self) -> Decision;
    fn inspects_responses(&self) -> bool;
    fn wants_request_body(&self) -> bool;
    fn request_body(&mut self, piece: &[u8]) -> BodyIntake;
    fn request_body_done(&mut self) -> Decision;
    fn response_line(&mut self, status: u16, protocol: &[u8]);
    fn response_header(&mut self, name: &[u8], value: &[u8]);
    fn response_headers_done(&mut self, decodes: bool) -> Decision;
    fn response_undecodable(&mut self) -> Decision;
    fn wants_response_body(&self) -> bool;
    fn response_body(&mut self, piece: &[u8]) -> BodyIntake;
    fn response_body_done(&mut self) -> Decision;
    fn finish(self: Box<Self>) -> Record;
}

/// Where transactions come from.
pub(crate) trait RuleSource: Send + Sync {
    fn transaction(
        &self,
        connection: Connection,
        mode: Option<Mode>,
        id: &str,
        now: UnixTime,
    ) -> Box<dyn Engine>;

    /// The file for audit records, where there are any.
    fn audit_log(&self) -> Option<PathBuf> {
        None
    }

    /// The block lists that are asked about each client.
    fn lists(&self) -> &[Arc<str>] {
        &[]
    }

    /// How many rules there are.
    fn count(&self) -> usize {
        0
    }
}

/// The real rules.
pub(crate) struct Compiled {
    rules: Arc<RuleSet>,
    lists: Vec<Arc<str>>,
}

impl Compiled {
    pub(crate) fn new(rules: Arc<RuleSet>) -> Self {
        Self { lists: rules.lists(), rules }
    }
}

impl RuleSource for Compiled {
    fn transaction(
        &self,
        connection: Connection,
        mode: Option<Mode>,
        id: &str,
        now: UnixTime,
    ) -> Box<dyn Engine> {
        let clock = || burgrave_sys::monotonic().0;
        Box::new(self.rules.transaction(connection, mode, id, now.0, clock))
    }

    fn audit_log(&self) -> Option<PathBuf> {
        self.rules.audit_log().map(Path::to_path_buf)
    }

    fn lists(&self) -> &[Arc<str>] {
        &self.lists
    }

    fn count(&self) -> usize {
        self.rules.len()
    }
}

impl Engine for Transaction {
    fn listings(&mut self, listings: Listings) {
        Self::listings(self, listings);
    }
    fn request_line(&mut self, line: &RequestLine<'_>) {
        Self::request_line(self, line);
    }
    fn request_header(&mut self, name: &[u8], value: &[u8]) {
        Self::request_header(self, name, value);
    }
    fn request_headers_done(&mut self) -> Decision {
        Self::request_headers_done(self)
    }
    fn inspects_responses(&self) -> bool {
        Self::inspects_responses(self)
    }
    fn wants_request_body(&self) -> bool {
        Self::wants_request_body(self)
    }
    fn request_body(&mut self, piece: &[u8]) -> BodyIntake {
        Self::request_body(self, piece)
    }
    fn request_body_done(&mut self) -> Decision {
        Self::request_body_done(self)
    }
    fn response_line(&mut self, status: u16, protocol: &[u8]) {
        Self::response_line(self, status, protocol);
    }
    fn response_header(&mut self, name: &[u8], value: &[u8]) {
        Self::response_header(self, name, value);
    }
    fn response_headers_done(&mut self, decodes: bool) -> Decision {
        Self::response_headers_done(self, decodes)
    }
    fn response_undecodable(&mut self) -> Decision {
        Self::response_undecodable(self)
    }
    fn wants_response_body(&self) -> bool {
        Self::wants_response_body(self)
    }
    fn response_body(&mut self, piece: &[u8]) -> BodyIntake {
        Self::response_body(self, piece)
    }
    fn response_body_done(&mut self) -> Decision {
        Self::response_body_done(self)
    }
    fn finish(self: Box<Self>) -> Record {
        Self::finish(*self)
    }
}

/// One request's transaction, behind a wall that a panic does not pass.
#[derive(Default)]
pub(crate) struct Inspection {
    engine: Option<Box<dyn Engine>>,
}

impl Inspection {
    /// Whether bodies of answers are looked at: then they must come as they are, not compressed.
    pub(crate) fn reads_answers(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.inspects_responses())
    }

    /// Asks the engine; `None` without one.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut (dyn Engine + 'static)) -> T,
    ) -> Result<Option<T>, Stop> {
        let Some(mut engine) = self.engine.take() else {
            return Ok(None);
        };
        let asked = catch_unwind(AssertUnwindSafe(move || {
            let answer = question(engine.as_mut());
            (engine, answer)
        }));
        match asked {
            Ok((engine, answer)) => {
                self.engine = Some(engine);
                Ok(Some(answer))
            }
            Err(_panic) => Err(Stop::Refuse(Reason::EngineFault)),
        }
    }

    /// Phase 5; what the engine has to say about the request. `Err` when it failed: the answer was
    /// sent by then, the record says so.
    pub(crate) fn finish(&mut self) -> Result<Record, Reason> {
        let Some(engine) = self.engine.take() else {
            return Ok(Record::default());
        };
        catch_unwind(AssertUnwindSafe(move || engine.finish()))
            .map_err(|_panic| Reason::EngineFault)
    }
}

fn obey(decision: Option<Decision>) -> Result<(), Stop> {
    match decision {
        None | Some(Decision::Continue) => Ok(()),
        Some(Decision::Interrupt(interruption)) => Err(Stop::Block(interruption)),
    }
}

/// Phases 1 and 2. Leaves in `body` what is to be forwarded: the pieces that were inspected, then
/// the rest as it streams.
pub(crate) async fn request(
    exchange: &mut Exchange,
    body: &mut RequestBody,
) -> Result<Permit, Stop> {
    let Some(rules) = exchange.plan.rules.clone() else {
        return Ok(Permit(()));
    };
    let mode = exchange.site.and_then(|site| exchange.plan.mode(site, exchange.route));
    if mode == Some(Mode::Off) {
        return Ok(Permit(()));
    }
    let connection = exchange.client.engine_connection();
    let listings = match rules.lists() {
        [] => None,
        lists => {
            let kept = Arc::clone(&exchange.worker.lists);
            Some(Box::pin(kept.ask(connection.client.0, lists)).await)
        }
    };
    let begun = catch_unwind(AssertUnwindSafe(|| {
        rules.transaction(connection, mode, &exchange.id, exchange.time)
    }));
    exchange.inspection.engine = Some(begun.map_err(|_panic| Reason::EngineFault)?);
    let head = &exchange.head;
    let decision = exchange.inspection.ask(|engine| {
        if let Some(listings) = listings {
            engine.listings(listings);
        }
        engine.request_line(&RequestLine {
            method: head.method(),
            target: head.target(),
            protocol: head.version.text().as_bytes(),
        });
        for (name, value) in head.fields() {
            engine.request_header(name, value);
        }
        engine.request_headers_done()
    })?;
    obey(decision)?;
    if exchange.inspection.ask(|engine| engine.wants_request_body())? == Some(true) {
        let grpc = upstream::is_grpc(exchange).then(FirstMessage::default);
        // Apart: most requests have no body, and need not hold its room.
        Box::pin(request_body(&mut exchange.inspection, body, grpc)).await?;
    }
    obey(exchange.inspection.ask(<dyn Engine>::request_body_done)?)?;
    Ok(Permit(()))
}

/// A gRPC body is a stream of messages of which either side may wait for the other's next: the
/// first one is inspected, as all of a call that has no more. Its frame is a flag and a length of
/// four bytes.
#[derive(Debug, Default)]
struct FirstMessage {
    frame: Vec<u8>,
    received: u64,
}

impl FirstMessage {
    const FRAME_BYTES: usize = 5;

    /// Takes a piece; says whether the first message is whole.
    fn take(&mut self, piece: &[u8]) -> bool {
        self.received =
            self.received.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let missing = Self::FRAME_BYTES.saturating_sub(self.frame.len());
        self.frame.extend(piece.iter().take(missing));
        match self.frame.as_slice() {
            [_flag, a, b, c, d] => {
                let length = u64::from(u32::from_be_bytes([*a, *b, *c, *d]));
                self.received >= length.saturating_add(5)
            }
            _ => false,
        }
    }
}

async fn request_body(
    inspection: &mut Inspection,
    body: &mut RequestBody,
    mut first: Option<FirstMessage>,
) -> Result<(), Stop> {
    let mut pieces: Vec<Bytes> = Vec::new();
    while let Some(piece) = body.next().await? {
        let intake = inspection.ask(|engine| engine.request_body(&piece))?;
        let whole = first.as_mut().is_some_and(|first| first.take(&piece));
        pieces.push(piece);
        match intake {
            Some(BodyIntake::Wanted) if whole => break,
            Some(BodyIntake::Wanted) => {}
            None | Some(BodyIntake::Enough) => break,
            Some(BodyIntake::Refused(interruption)) => return Err(Stop::Block(interruption)),
        }
    }
    body.put_back(pieces);
    Ok(())
}

/// Lets the requests that came in the same turn of the event loop be inspected first, so that what they send leaves
/// together: inspection takes longer than their upstream, which would be woken for each of them by itself.
pub(crate) async fn together(exchange: &Exchange) {
    if exchange.inspection.engine.is_some() {
        tokio::task::yield_now().await;
    }
}

/// Phases 3 and 4, on an answer of a file or an upstream.
pub(crate) async fn response(
    exchange: &mut Exchange,
    response: Response<OutBody>,
) -> Result<Response<OutBody>, Stop> {
    if exchange.inspection.engine.is_none() {
        return Ok(response);
    }
    let decoder = Decoder::of(response.headers());
    let decision = exchange.inspection.ask(|engine| {
        engine.response_line(response.status().as_u16(), b"HTTP/1.1");
        for (name, value) in response.headers() {
            engine.response_header(name.as_str().as_bytes(), value.as_bytes());
        }
        engine.response_headers_done(decoder.is_some())
    })?;
    obey(decision)?;
    if exchange.inspection.ask(|engine| engine.wants_response_body())? != Some(true) {
        obey(exchange.inspection.ask(<dyn Engine>::response_body_done)?)?;
        return Ok(response);
    }
    Box::pin(inspected(exchange, response, decoder)).await
}

/// The answer, after the engine has looked at its content.
async fn inspected(
    exchange: &mut Exchange,
    response: Response<OutBody>,
    decoder: Option<Decoder>,
) -> Result<Response<OutBody>, Stop> {
    let (parts, mut body) = response.into_parts();
    let pieces = response_body(&mut exchange.inspection, &mut body, decoder).await?;
    obey(exchange.inspection.ask(<dyn Engine>::response_body_done)?)?;
    Ok(Response::from_parts(parts, body.after(pieces)))
}

/// Feeds the engine what it wants of an answer's body; what was read, as it came.
async fn response_body(
    inspection: &mut Inspection,
    body: &mut OutBody,
    mut decoder: Option<Decoder>,
) -> Result<Vec<Bytes>, Stop> {
    let mut pieces: Vec<Bytes> = Vec::new();
    loop {
        let piece = body.next().await.map_err(Stop::Refuse)?;
        let fed = inspection.ask(|engine| match (&mut decoder, &piece) {
            (None, Some(piece)) => Ok(engine.response_body(piece)),
            (None, None) => Ok(BodyIntake::Enough),
            (Some(decoder), Some(piece)) => {
                decoder.feed(piece, |plain| engine.response_body(plain))
            }
            (Some(decoder), None) => {
                decoder.end(|plain| engine.response_body(plain)).map(|intake| match intake {
                    BodyIntake::Wanted | BodyIntake::Enough => BodyIntake::Enough,
                    refused @ BodyIntake::Refused(_) => refused,
                })
            }
        })?;
        pieces.extend(piece);
        match fed {
            Some(Ok(BodyIntake::Wanted)) => {}
            None | Some(Ok(BodyIntake::Enough)) => return Ok(pieces),
            Some(Ok(BodyIntake::Refused(interruption))) => return Err(Stop::Block(interruption)),
            Some(Err(Undecodable)) => {
                obey(inspection.ask(<dyn Engine>::response_undecodable)?)?;
                return Ok(pieces);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/inspect.rs"]
mod tests;
