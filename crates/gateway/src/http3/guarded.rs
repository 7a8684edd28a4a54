//! A connection as the HTTP/3 library sees it: everything that is read passes a [`FrameWatch`] first.

use super::frames::{FrameWatch, Refused};
use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{
    BidiStream, Connection, ConnectionErrorIncoming, OpenStreams, RecvStream, SendStream,
    StreamErrorIncoming, StreamId, WriteBuf,
};
use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::sync::Notify;

/// Says that a client sent more than it may.
#[derive(Debug, Default)]
pub(super) struct Alert {
    told: Cell<Option<Code>>,
    notify: Notify,
}

impl Alert {
    /// The first reason counts.
    fn tell(&self, why: Code) {
        self.told.set(Some(self.told.get().unwrap_or(why)));
        self.notify.notify_one();
    }

    /// What the connection ends with, if it did.
    pub(super) fn reason(&self) -> Option<Code> {
        self.told.get()
    }

    /// Ends when it does.
    pub(super) async fn told(&self) {
        while self.told.get().is_none() {
            self.notify.notified().await;
        }
    }
}

/// See the module.
pub(super) struct Guarded {
    connection: h3_quinn::Connection,
    headers_max: u64,
    excess: Rc<Alert>,
}

impl Guarded {
    /// `headers_max` in bytes; `excess` is told once the client sent more than it may.
    pub(super) fn new(connection: quinn::Connection, headers_max: u64, excess: Rc<Alert>) -> Self {
        Self { connection: h3_quinn::Connection::new(connection), headers_max, excess }
    }

    fn watched<S>(&self, stream: S, watch: FrameWatch) -> Watched<S> {
        Watched { stream, watch: Some(watch), excess: Rc::clone(&self.excess), waiting: false }
    }
}

impl<B: Buf> Connection<B> for Guarded {
    type RecvStream = Watched<h3_quinn::RecvStream>;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        let stream = ready!(Connection::<B>::poll_accept_recv(&mut self.connection, context))?;
        Poll::Ready(Ok(self.watched(stream, FrameWatch::of_one_direction())))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, ConnectionErrorIncoming>> {
        let stream = ready!(Connection::<B>::poll_accept_bidi(&mut self.connection, context))?;
        Poll::Ready(Ok(self.watched(stream, FrameWatch::of_request(self.headers_max))))
    }

    fn opener(&self) -> Self::OpenStreams {
        Opener {
            own: Connection::<B>::opener(&self.connection),
            headers_max: self.headers_max,
            excess: Rc::clone(&self.excess),
        }
    }
}

impl<B: Buf> OpenStreams<B> for Guarded {
    type BidiStream = Watched<h3_quinn::BidiStream<B>>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(OpenStreams::<B>::poll_open_bidi(&mut self.connection, context))?;
        Poll::Ready(Ok(self.watched(stream, FrameWatch::of_request(self.headers_max))))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        OpenStreams::<B>::poll_open_send(&mut self.connection, context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.connection, code, reason);
    }
}

/// Opens streams of a connection.
pub(super) struct Opener {
    own: h3_quinn::OpenStreams,
    headers_max: u64,
    excess: Rc<Alert>,
}

impl<B: Buf> OpenStreams<B> for Opener {
    type BidiStream = Watched<h3_quinn::BidiStream<B>>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(OpenStreams::<B>::poll_open_bidi(&mut self.own, context))?;
        let watch = Some(FrameWatch::of_request(self.headers_max));
        let excess = Rc::clone(&self.excess);
        Poll::Ready(Ok(Watched { stream, watch, excess, waiting: false }))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::SendStream, StreamErrorIncoming>> {
        OpenStreams::<B>::poll_open_send(&mut self.own, context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        OpenStreams::<Bytes>::close(&mut self.own, code, reason);
    }
}

/// A stream whose frames are looked at.
pub(super) struct Watched<S> {
    stream: S,
    /// `None` once it has failed.
    watch: Option<FrameWatch>,
    excess: Rc<Alert>,
    /// A read is under way, during which the library's stream can be asked nothing else.
    waiting: bool,
}

impl<S: RecvStream<Buf = Bytes>> RecvStream for Watched<S> {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let error_code = Code::H3_EXCESSIVE_LOAD.value();
        let polled = self.stream.poll_data(context);
        self.waiting = polled.is_pending();
        let piece = ready!(polled)?;
        let Some(watch) = &mut self.watch else {
            return Poll::Ready(Err(StreamErrorIncoming::StreamTerminated { error_code }));
        };
        let taken = piece.as_ref().map_or(Ok(()), |piece| watch.take(piece));
        let error_code = match taken {
            Ok(()) => return Poll::Ready(Ok(piece)),
            Err(Refused::Malformed) => Code::H3_MESSAGE_ERROR.value(),
            Err(Refused::Excess) => {
                self.excess.tell(Code::H3_EXCESSIVE_LOAD);
                error_code
            }
            Err(Refused::Push) => {
                self.excess.tell(Code::H3_STREAM_CREATION_ERROR);
                Code::H3_STREAM_CREATION_ERROR.value()
            }
        };
        self.watch = None;
        Poll::Ready(Err(StreamErrorIncoming::StreamTerminated { error_code }))
    }

    fn stop_sending(&mut self, error_code: u64) {
        // A stream that is dropped is stopped, too.
        if !self.waiting {
            self.stream.stop_sending(error_code);
        }
    }

    fn recv_id(&self) -> StreamId {
        self.stream.recv_id()
    }
}

impl<B: Buf, S: SendStream<B>> SendStream<B> for Watched<S> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.stream.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_finish(context)
    }

    fn reset(&mut self, reset_code: u64) {
        self.stream.reset(reset_code);
    }

    fn send_id(&self) -> StreamId {
        self.stream.send_id()
    }
}

impl<B, S> BidiStream<B> for Watched<S>
where
    B: Buf,
    S: BidiStream<B> + RecvStream<Buf = Bytes>,
    S::RecvStream: RecvStream<Buf = Bytes>,
{
    type SendStream = S::SendStream;
    type RecvStream = Watched<S::RecvStream>;

    fn split(self) -> (Self::SendStream, Self::RecvStream) {
        let (send, stream) = self.stream.split();
        let (watch, excess, waiting) = (self.watch, self.excess, self.waiting);
        (send, Watched { stream, watch, excess, waiting })
    }
}
