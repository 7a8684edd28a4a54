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

/// What an answer comes by.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// A connection for this answer alone, until it is given back.
    link: Option<Box<Link>>,
    /// A stream of a shared connection, counted until it is dropped.
    _slot: Option<Slot>,
    /// The request at its upstream, counted until it is dropped.
    _under_way: Option<UnderWay>,
}

impl Carrier {
    pub(super) fn of_link(link: Box<Link>) -> Self {
        Self { link: Some(link), _slot: None, _under_way: None }
    }

    pub(super) fn of_stream(slot: Slot) -> Self {
        Self { link: None, _slot: Some(slot), _under_way: None }
    }

    pub(super) fn with(self, under_way: UnderWay) -> Self {
        Self { _under_way: Some(under_way), ..self }
    }

    pub(super) fn into_link(self) -> Option<Box<Link>> {
        self.link
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    incoming: Incoming,
    carrier: Carrier,
    trailers: Option<HeaderMap>,
    open: bool,
    failed: bool,
    finished: bool,
    alarm: Alarm,
    pause: Duration,
}

impl UpstreamBody {
    pub(super) fn new(incoming: Incoming, carrier: Carrier, pause: Duration) -> Self {
        Self {
            incoming,
            carrier,
            trailers: None,
            open: true,
            failed: false,
            finished: false,
            alarm: Alarm::default(),
            pause,
        }
    }

    /// Whether all of it was read.
    pub(crate) fn ended(&self) -> bool {
        !self.failed && self.trailers.is_none() && self.read()
    }

    fn read(&self) -> bool {
        self.finished || self.incoming.is_end_stream()
    }

    /// The trailers, once all pieces were read.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// Bytes to come, where the upstream said so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next piece. Trailers are kept for [`Self::take_trailers`].
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Reason>>> {
        if let Poll::Ready(piece) = self.poll_incoming(context) {
            return Poll::Ready(piece);
        }
        if let Some(link) = &mut self.carrier.link
            && self.open
        {
            self.open = link.drive(context);
        }
        if let Poll::Ready(piece) = self.poll_incoming(context) {
            return Poll::Ready(piece);
        }
        self.alarm.after_if_unset(self.pause);
        if self.alarm.rings(context) {
            self.failed = true;
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
                Some(Err(_)) => {
                    self.failed = true;
                    return Poll::Ready(Some(Err(Reason::UpstreamEnded)));
                }
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

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        if !self.failed
            && self.read()
            && self.open
            && let Some(mut link) = self.carrier.link.take()
            && link.usable()
        {
            let pool = Rc::clone(&link.pool);
            pool.keep(link);
        }
    }
}
