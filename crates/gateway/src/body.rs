//! Bodies on their way: the client's towards an upstream, with its limits, and every kind of
//! answer towards the client, with the record that is written when it ends.

use crate::accept::Seat;
use crate::compress::Coded;
use crate::exchange::Exchange;
use crate::files::FileStream;
use crate::guard::clock::Alarm;
use crate::guard::head::Version;
use crate::headers;
use crate::http3::Http3Body;
use crate::inspect::Stop;
use crate::refusal::Reason;
use crate::upstream::{ScriptBody, UpstreamBody};
use burgrave_config::Limits;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// What a request body's reader and the service both know of it.
#[derive(Debug, Default)]
pub(crate) struct BodyState {
    /// Bytes received.
    pub(crate) received: Cell<u64>,
    /// Why it cannot go on, if so; `None` inside means that the client has left.
    pub(crate) fault: Cell<Option<BodyFault>>,
}

/// Why a body ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    /// The client broke a rule.
    #[error("the body was refused")]
    Refused(Reason),
    /// The other side is gone.
    #[error("the body ended before its end")]
    Gone,
}

/// A request to a server of HTTP/2 that ends before its end: it is cancelled (RFC 9113 §7), which gRPC's servers tell from an
/// error of theirs or ours.
#[derive(Debug, thiserror::Error)]
#[error("the request was cancelled")]
pub(crate) struct Cancelled(#[source] h2::Error);

impl From<BodyFault> for Cancelled {
    fn from(_fault: BodyFault) -> Self {
        Self(h2::Reason::CANCEL.into())
    }
}

/// A request's body as its protocol hands it out.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// By HTTP/1.1 or HTTP/2.
    Http(hyper::body::Incoming),
    /// By HTTP/3.
    Http3(Box<Http3Body>),
}

impl From<hyper::body::Incoming> for Incoming {
    fn from(body: hyper::body::Incoming) -> Self {
        Self::Http(body)
    }
}

impl From<Http3Body> for Incoming {
    fn from(body: Http3Body) -> Self {
        Self::Http3(Box::new(body))
    }
}

impl Incoming {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http(body) => body.is_end_stream(),
            Self::Http3(body) => body.is_end_stream(),
        }
    }

    /// The next piece; trailers end here: they are never merged and never forwarded.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        match self {
            Self::Http3(body) => body.poll_piece(context),
            Self::Http(body) => loop {
                match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    None => return Poll::Ready(None),
                    Some(Err(_gone)) => return Poll::Ready(Some(Err(BodyFault::Gone))),
                    Some(Ok(frame)) => {
                        if let Ok(piece) = frame.into_data() {
                            return Poll::Ready(Some(Ok(piece)));
                        }
                    }
                }
            },
        }
    }
}

/// A request's body: what was read ahead, then the rest.
#[derive(Debug)]
pub(crate) struct RequestBody {
    ahead: VecDeque<Bytes>,
    rest: Option<Incoming>,
    length: Option<u64>,
    pub(crate) state: Rc<BodyState>,
    seat: Arc<Seat>,
    alarm: Alarm,
    /// How long the client was waited for, and since when it is now.
    waited: Duration,
    since: Option<Instant>,
    limits: BodyLimits,
}

#[derive(Clone, Copy, Debug)]
struct BodyLimits {
    bytes_max: u64,
    pause: Duration,
    rate_min: u64,
}

impl RequestBody {
    /// `length` when it is known.
    pub(crate) fn new(rest: Incoming, length: Option<u64>, exchange: &Exchange) -> Self {
        let empty = rest.is_end_stream();
        let limits = BodyLimits { bytes_max: u64::MAX, pause: Duration::MAX, rate_min: 0 };
        Self {
            ahead: VecDeque::new(),
            rest: (!empty).then_some(rest),
            length: if empty { Some(0) } else { length },
            state: Rc::clone(&exchange.body),
            seat: Arc::clone(&exchange.client.seat),
            alarm: Alarm::default(),
            waited: Duration::ZERO,
            since: None,
            limits,
        }
    }

    /// Sets the limits of the route that takes the request; refuses a length over them.
    pub(crate) fn limit(&mut self, limits: &Limits) -> Result<(), Reason> {
        self.limits = BodyLimits {
            bytes_max: limits.body_bytes,
            pause: limits.body_time,
            rate_min: limits.rate_min,
        };
        match self.length {
            Some(length) if length > limits.body_bytes => Err(Reason::BodyLarge),
            _ => Ok(()),
        }
    }

    /// Whether there is nothing to come.
    pub(crate) fn is_empty(&self) -> bool {
        self.ahead.is_empty() && self.rest.is_none()
    }

    /// Whether a piece of it is here already.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Stop> {
        poll_fn(|context| self.poll_piece(context)).await.transpose().map_err(|fault| match fault {
            BodyFault::Refused(reason) => Stop::Refuse(reason),
            BodyFault::Gone => Stop::Abort,
        })
    }

    /// What is left, to be sent; nothing is left here.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            ahead: std::mem::take(&mut self.ahead),
            rest: self.rest.take(),
            length: self.length,
            state: Rc::clone(&self.state),
            seat: Arc::clone(&self.seat),
            alarm: Alarm::default(),
            waited: self.waited,
            since: None,
            limits: self.limits,
        }
    }

    /// Puts pieces back in front.
    pub(crate) fn put_back(&mut self, pieces: Vec<Bytes>) {
        for piece in pieces.into_iter().rev() {
            self.ahead.push_front(piece);
        }
    }

    /// Waits for the first piece, so that a body that is refused at once reaches no upstream.
    pub(crate) async fn prime(&mut self) -> Result<(), Stop> {
        if self.ahead.is_empty()
            && self.rest.is_some()
            && let Some(piece) = self.next().await?
        {
            self.put_back(vec![piece]);
        }
        Ok(())
    }

    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyFault>>> {
        if let Some(piece) = self.ahead.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        match rest.poll_piece(context) {
            Poll::Ready(None) => {
                self.rest = None;
                self.seat.busy();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(piece))) => {
                self.alarm.clear();
                Poll::Ready(Some(self.count(piece)))
            }
            Poll::Ready(Some(Err(_gone))) => Poll::Ready(Some(Err(self.fail(None)))),
            Poll::Pending => self.pause(context),
        }
    }

    fn count(&mut self, piece: Bytes) -> Result<Bytes, BodyFault> {
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let received = self.state.received.get().saturating_add(size);
        self.state.received.set(received);
        if received > self.limits.bytes_max {
            return Err(self.fail(Some(Reason::BodyLarge)));
        }
        // Time in which the upstream took nothing is not the client's.
        self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let least = self.limits.rate_min.saturating_mul(self.waited.as_secs());
        if self.waited > self.limits.pause && received < least {
            return Err(self.fail(Some(Reason::BodyRate)));
        }
        Ok(piece)
    }

    fn pause(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        self.since.get_or_insert_with(Instant::now);
        self.seat.waits();
        self.alarm.after_if_unset(self.limits.pause);
        if self.alarm.rings(context) {
            return Poll::Ready(Some(Err(self.fail(Some(Reason::BodySlow)))));
        }
        Poll::Pending
    }

    fn fail(&mut self, reason: Option<Reason>) -> BodyFault {
        self.rest = None;
        let fault = reason.map_or(BodyFault::Gone, BodyFault::Refused);
        self.state.fault.set(Some(fault));
        fault
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Cancelled;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cancelled>>> {
        let piece = ready!(self.get_mut().poll_piece(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Cancelled::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_empty() {
            return SizeHint::with_exact(0);
        }
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Where an answer's bytes come from.
#[derive(Debug, Default)]
pub(crate) enum OutBody {
    /// Nothing.
    #[default]
    Empty,
    /// In memory.
    Whole(Bytes),
    /// Read from a file as it is sent.
    File(FileStream),
    /// Read from an upstream as it is sent.
    Upstream(Box<UpstreamBody>),
    /// Said by a script behind FastCGI.
    Script(Box<ScriptBody>),
    /// Compressed as it is sent.
    Coded(Box<Coded>),
    /// What was read ahead, then the rest.
    After(VecDeque<Bytes>, Box<OutBody>),
}

impl OutBody {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Reason> {
        poll_fn(|context| self.poll_piece(context)).await.transpose()
    }

    /// These pieces, then what is left.
    pub(crate) fn after(self, pieces: Vec<Bytes>) -> Self {
        Self::After(pieces.into(), Box::new(self))
    }

    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Self::File(stream) => Poll::Ready(stream.read()),
            Self::Upstream(body) => body.poll_piece(context),
            Self::Script(body) => body.poll_piece(context),
            Self::Coded(body) => body.poll_piece(context),
            Self::After(pieces, rest) => match pieces.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(piece))),
                None => rest.poll_piece(context),
            },
        }
    }

    /// The trailers of an upstream's answer, once all pieces were read.
    fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self {
            Self::Upstream(body) => body.take_trailers(),
            Self::After(_, rest) => rest.take_trailers(),
            Self::Coded(body) => body.plain().take_trailers(),
            Self::Empty | Self::Whole(_) | Self::File(_) | Self::Script(_) => None,
        }
    }

    fn ended(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::File(stream) => stream.left() == 0,
            Self::Upstream(body) => body.ended(),
            Self::Script(body) => body.ended(),
            Self::Coded(body) => body.ended(),
            Self::After(pieces, rest) => pieces.is_empty() && rest.ended(),
        }
    }

    /// Bytes to come, where known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Whole(bytes) => u64::try_from(bytes.len()).ok(),
            Self::File(stream) => Some(stream.left()),
            Self::Upstream(body) => body.length(),
            Self::Script(_) | Self::Coded(_) => None,
            Self::After(pieces, rest) => {
                let ahead: usize = pieces.iter().map(Bytes::len).sum();
                Some(rest.length()?.saturating_add(u64::try_from(ahead).ok()?))
            }
        }
    }
}

/// Content of HTTP/2 that fills a TLS record together with its frame's head (RFC 8446 §5.1, RFC 9113 §4.1): a
/// frame of full length would need a second record for its last bytes.
const FRAME_BYTES: usize = 16 * 1024 - 9;

/// An answer's body with the exchange that it ends: when it is dropped, the record is written.
pub(crate) struct Recorded {
    /// Of a long piece what was not handed out yet.
    rest: Bytes,
    body: OutBody,
    exchange: Box<Exchange>,
}

impl Recorded {
    pub(crate) fn new(body: OutBody, exchange: Box<Exchange>) -> Self {
        Self { rest: Bytes::new(), body, exchange }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Reason>>> {
        let mut piece = std::mem::take(&mut self.rest);
        if piece.is_empty() {
            match ready!(self.body.poll_piece(context)) {
                Some(Ok(whole)) => piece = whole,
                end => return Poll::Ready(end),
            }
        }
        if piece.len() > FRAME_BYTES && self.exchange.head.version == Version::Http2 {
            self.rest = piece.split_off(FRAME_BYTES);
        }
        Poll::Ready(Some(Ok(piece)))
    }

    /// The trailers that the client gets: one of HTTP/1.1 has not said that it reads any.
    fn trailers(&mut self) -> Option<HeaderMap> {
        let mut trailers = self.body.take_trailers()?;
        headers::trailers_from_upstream(&mut trailers);
        let wanted = self.exchange.head.version.multiplexes();
        (wanted && !trailers.is_empty()).then_some(trailers)
    }
}

impl Body for Recorded {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        this.exchange.waits_for_us(true);
        let piece = ready!(this.poll_piece(context));
        this.exchange.waits_for_us(false);
        Poll::Ready(match piece {
            None => {
                let trailers = this.trailers();
                this.body = OutBody::Empty;
                trailers.map(|trailers| Ok(Frame::trailers(trailers)))
            }
            Some(Ok(bytes)) => {
                this.exchange.sent(&bytes);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(reason)) => {
                this.exchange.fail(reason);
                if this.exchange.head.version == Version::Http10 {
                    this.exchange.client.wire.cut();
                }
                Some(Err(BodyFault::Gone))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.ended()
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let length = self.body.length().and_then(|length| length.checked_add(ahead));
        length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if self.rest.is_empty() && self.body.ended() {
            self.exchange.complete();
        }
    }
}
