//! Requests to a FastCGI server, such as php-fpm. One connection a request, as php-fpm likes it.
//!
//! The exchange with the server runs in a task of its own, so that it can take what the script says
//! while the body is still on its way; a client that leaves ends it. Bounded: header, records, and a
//! few pieces between the task and the client.

mod params;
mod record;
mod script;

use super::socket::Socket;
use super::{Pool, Times, path_and_query};
use crate::body::{BodyFault, OutBody, RequestBody};
use crate::exchange::Exchange;
use crate::files::path::check_proxied;
use crate::headers;
use crate::inspect::Stop;
use crate::plan::RoutePlan;
use crate::refusal::Reason;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use record::{CONTENT_BYTES_MAX, END, HEAD_BYTES, Head, STDERR, STDIN, STDOUT};
pub(crate) use script::Chosen;
use script::choose;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep_until, timeout};

/// Who answers a request of a route with scripts, where that is no script; `None` on all other routes.
pub(crate) fn beside(exchange: &Exchange) -> Result<Option<Chosen>, Reason> {
    let plan = &exchange.plan;
    let Some(route) = super::route_of(plan, exchange) else { return Ok(None) };
    let (Some(own), Some(root)) = (&route.route.fastcgi, &route.root) else { return Ok(None) };
    if !own.files {
        return Ok(None);
    }
    let (path, _) = path_and_query(exchange.head.target());
    check_proxied(path)?;
    let chosen = choose(path, own, root)?;
    Ok((!matches!(chosen, Chosen::Script(_))).then_some(chosen))
}

/// Pieces that wait for the client.
const PIECES_MAX: usize = 4;

type Piece = Result<Bytes, Reason>;
type Header = Result<(StatusCode, HeaderMap), Reason>;

/// An answer's body; the exchange with the server ends with it.
#[derive(Debug)]
pub(crate) struct ScriptBody {
    pieces: mpsc::Receiver<Piece>,
    task: JoinHandle<()>,
    ended: bool,
}

impl ScriptBody {
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        let piece = self.pieces.poll_recv(context);
        if let Poll::Ready(piece) = &piece {
            self.ended = piece.is_none();
        }
        piece
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }
}

impl Drop for ScriptBody {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends the request to one server and waits for the header of the answer.
pub(super) async fn ask(
    exchange: &Exchange,
    pool: &Rc<Pool>,
    route: &RoutePlan,
    (fields, body): (&HeaderMap, &mut RequestBody),
    times: Times,
) -> Result<Response<OutBody>, Stop> {
    let (Some(own), Some(root)) = (&route.route.fastcgi, &route.root) else {
        return Err(Reason::UpstreamRefused.into());
    };
    let params = params::params(exchange, own, root, fields)?;
    let socket = pool.socket(times.connect).await?;
    let mut first = Vec::new();
    record::begin(&mut first);
    record::params(&mut first, &params);
    let (header_sender, mut header) = oneshot::channel();
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let (reader, writer) = split(socket);
    let state = Rc::clone(&body.state);
    let body = body.take();
    let task = spawn_local(async move {
        let say = say(writer, first, body);
        let hear = hear(reader, header_sender, sender, times.answer);
        // What is said matters only as long as somebody hears.
        tokio::join!(say, hear);
    });
    let script = ScriptBody { pieces, task, ended: false };
    let mut received = state.received.get();
    let header = loop {
        let end = Instant::now() + times.answer;
        tokio::select! {
            read = &mut header => break read.unwrap_or(Err(Reason::UpstreamEnded)),
            () = sleep_until(end) => {}
        }
        // The time starts anew as long as the body comes.
        if std::mem::replace(&mut received, state.received.get()) == state.received.get() {
            break Err(Reason::UpstreamSlow);
        }
    };
    match (state.fault.get(), header) {
        (Some(BodyFault::Gone), _) => Err(Stop::Abort),
        (Some(BodyFault::Refused(reason)), _) | (None, Err(reason)) => Err(reason.into()),
        (None, Ok((status, mut fields))) => {
            headers::from_upstream(&mut fields);
            let mut response = Response::new(OutBody::Script(Box::new(script)));
            *response.status_mut() = status;
            *response.headers_mut() = fields;
            Ok(response)
        }
    }
}

/// Sends the request and its body.
async fn say(mut writer: WriteHalf<Socket>, first: Vec<u8>, mut body: RequestBody) {
    if writer.write_all(&first).await.is_err() {
        return;
    }
    while let Ok(Some(piece)) = body.next().await {
        let mut out = Vec::with_capacity(piece.len() + HEAD_BYTES);
        for part in piece.chunks(CONTENT_BYTES_MAX) {
            record::append(&mut out, STDIN, part);
        }
        if writer.write_all(&out).await.is_err() {
            return;
        }
    }
    if body.state.fault.get().is_some() {
        // A body that did not come whole must not look whole.
        return;
    }
    let mut out = Vec::new();
    record::append(&mut out, STDIN, &[]);
    // A server that is gone is noticed by the one who hears.
    drop(writer.write_all(&out).await);
    drop(writer.flush().await);
    // Keeps its half open until the answer has ended.
    std::future::pending::<()>().await;
}

/// Hears the answer to its end.
async fn hear(
    mut reader: ReadHalf<Socket>,
    header: oneshot::Sender<Header>,
    sender: mpsc::Sender<Piece>,
    pause: Duration,
) {
    let mut header = Some(header);
    let mut ahead = Vec::new();
    let outcome = loop {
        // Until the header is there, whoever waits for it sees to the time.
        let read = if header.is_some() {
            next(&mut reader).await
        } else {
            timeout(pause, next(&mut reader)).await.unwrap_or(Err(Reason::UpstreamSlow))
        };
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => break Ok(()),
            Err(reason) => break Err(reason),
        };
        let Some(waiting) = header.take() else {
            if sender.send(Ok(bytes)).await.is_err() {
                return;
            }
            continue;
        };
        ahead.extend_from_slice(&bytes);
        match record::header(&ahead) {
            Err(reason) => {
                drop(waiting.send(Err(reason)));
                return;
            }
            Ok(None) => header = Some(waiting),
            Ok(Some((status, fields, at))) => {
                let rest = ahead.split_off(at.min(ahead.len()));
                let heard = waiting.send(Ok((status, fields))).is_ok();
                if !heard || (!rest.is_empty() && sender.send(Ok(rest.into())).await.is_err()) {
                    return;
                }
            }
        }
    };
    match (header, outcome) {
        (Some(waiting), outcome) => {
            drop(waiting.send(Err(outcome.err().unwrap_or(Reason::UpstreamGarbage))));
        }
        // An answer that ends before its end is never made to look complete.
        (None, Err(reason)) => drop(sender.send(Err(reason)).await),
        (None, Ok(())) => {}
    }
}

/// What the script says next; `None` at its end. What it complains of is not for the client.
async fn next(reader: &mut ReadHalf<Socket>) -> Result<Option<Bytes>, Reason> {
    loop {
        let mut head = [0; HEAD_BYTES];
        let read = reader.read_exact(&mut head).await;
        read.map_err(|_ended| Reason::UpstreamEnded)?;
        let head = Head::read(head).ok_or(Reason::UpstreamGarbage)?;
        let mut content = vec![0; head.length + head.padding];
        let read = reader.read_exact(&mut content).await;
        read.map_err(|_ended| Reason::UpstreamEnded)?;
        content.truncate(head.length);
        match head.kind {
            STDOUT if !content.is_empty() => return Ok(Some(content.into())),
            STDOUT | STDERR => {}
            // The protocol's status: 0 is a request that was served.
            END if content.get(4) == Some(&0) => return Ok(None),
            END => return Err(Reason::UpstreamEnded),
            _ => return Err(Reason::UpstreamGarbage),
        }
    }
}
