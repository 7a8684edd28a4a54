//! An answer's body as it comes from an upstream, and the connection that carries it.
//!
//! Invariant: a connection is used again only when the whole answer was read from it.

use super::link::Link;
use super::multiplexed::Slot;
use super::target::UnderWay;
use crate::guard::clock::Alarm;
use crate::refusal::Reason;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What an answer's content comes by.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// A connection for this answer alone, until it is given back.
    Link(Option<Box<Link>>),
    /// A stream of a shared connection, counted until it is dropped.
    Stream(Box<Stream>),
}

/// See [`Carrier::Stream`].
#[derive(Debug)]
pub(crate) struct Stream {
    incoming: Incoming,
    trailers: Option<HeaderMap>,
    finished: bool,
    alarm: Alarm,
    _slot: Slot,
}

impl Stream {
    pub(super) fn new(incoming: Incoming, slot: Slot) -> Self {
        Self { incoming, trailers: None, finished: false, alarm: Alarm::default(), _slot: slot }
    }

    fn is_finished(&self) -> bool {
        self.finished || self.incoming.is_end_stream()
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        pause: Duration,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        if let Poll::Ready(piece) = self.poll_incoming(context) {
            return Poll::Ready(piece);
        }
        self.alarm.after_if_unset(pause);
        if self.alarm.rings(context) {
            return Poll::Ready(Some(Err(Reason::UpstreamSlow)));
        }
        Poll::Pending
    }

    fn poll_incoming(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Reason>>> {
        loop {
            match ready!(Pin::new(&mut self.incoming).poll_frame(context)) {
                None => {
                    self.finished = true;
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(Reason::UpstreamEnded))),
                Some(Ok(frame)) => {
                    self.alarm.clear();
                    match frame.into_data() {
                        Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                        Err(frame) => self.trailers = frame.into_trailers().ok(),
                    }
                }
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    carrier: Carrier,
    /// The request at its upstream, counted until it is dropped.
    _under_way: UnderWay,
    failed: bool,
    pause: Duration,
}

impl UpstreamBody {
    pub(super) fn new(carrier: Carrier, under_way: UnderWay, pause: Duration) -> Self {
        Self { carrier, _under_way: under_way, failed: false, pause }
    }

    /// Whether all of it was read.
    pub(crate) fn ended(&self) -> bool {
        !self.failed
            && match &self.carrier {
                Carrier::Link(link) => {
                    link.as_ref().is_none_or(|link| link.is_finished() && !link.has_trailers())
                }
                Carrier::Stream(stream) => stream.trailers.is_none() && stream.is_finished(),
            }
    }

    /// The trailers, once all pieces were read.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match &mut self.carrier {
            Carrier::Link(link) => link.as_mut().and_then(|link| link.take_trailers()),
            Carrier::Stream(stream) => stream.trailers.take(),
        }
    }

    /// Bytes to come, where the upstream said so.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.carrier {
            Carrier::Link(link) => link.as_ref().and_then(|link| link.length()),
            Carrier::Stream(stream) => stream.incoming.size_hint().exact(),
        }
    }

    /// The next piece. Trailers are kept for [`Self::take_trailers`].
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        let piece = match &mut self.carrier {
            Carrier::Link(None) => return Poll::Ready(None),
            Carrier::Link(Some(link)) => ready!(link.poll_piece(context, self.pause)),
            Carrier::Stream(stream) => ready!(stream.poll_piece(context, self.pause)),
        };
        self.failed |= matches!(piece, Some(Err(_)));
        Poll::Ready(piece)
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        if let Carrier::Link(link) = &mut self.carrier
            && let Some(link) = link.take()
            && link.is_free()
        {
            let pool = Rc::clone(&link.pool);
            pool.keep(link);
        }
    }
}
