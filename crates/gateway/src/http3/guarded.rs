//! A connection as the HTTP/3 library sees it: everything that is read passes a [`FrameWatch`] first, or stays here
//! ([`OneWay`]).

use super::frames::{FrameWatch, Refused};
use super::one_way::{Control, OneWay};
use bytes::{Buf, Bytes};
use h3::error::Code;
use h3::quic::{
    BidiStream, Connection, ConnectionErrorIncoming, OpenStreams, RecvStream, SendStream,
    StreamErrorIncoming, StreamId, WriteBuf,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::sync::Notify;

/// Says that a client sent what it may not.
#[derive(Debug, Default)]
pub(super) struct Alert {
    told: Cell<Option<Code>>,
    notify: Notify,
}

impl Alert {
    /// The first reason counts.
    pub(super) fn tell(&self, why: Code) {
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

/// How many empty DATA frames the library will take for the end of each request that nobody has begun to read.
#[derive(Debug, Default)]
pub(super) struct Empties(RefCell<HashMap<StreamId, Rc<Cell<u32>>>>);

/// Past this many, those whose stream is gone are looked for.
const EMPTIES_KEPT: usize = 256;

impl Empties {
    fn begin(&self, id: StreamId) -> Rc<Cell<u32>> {
        let mut all = self.0.borrow_mut();
        if all.len() > EMPTIES_KEPT {
            all.retain(|_, own| Rc::strong_count(own) > 1);
        }
        Rc::clone(all.entry(id).or_default())
    }

    /// Of a request that is read now.
    pub(super) fn take(&self, id: StreamId) -> Rc<Cell<u32>> {
        self.0.borrow_mut().remove(&id).unwrap_or_default()
    }
}

/// See the module.
pub(super) struct Guarded {
    connection: h3_quinn::Connection,
    headers_max: u64,
    alert: Rc<Alert>,
    empties: Rc<Empties>,
    one_way: OneWay<h3_quinn::RecvStream>,
}

impl Guarded {
    /// `headers_max` in bytes; `alert` is told once the client sent what it may not.
    pub(super) fn new(
        connection: quinn::Connection,
        headers_max: u64,
        alert: Rc<Alert>,
        empties: Rc<Empties>,
    ) -> Self {
        let connection = h3_quinn::Connection::new(connection);
        let one_way = OneWay::new(Rc::clone(&alert));
        Self { connection, headers_max, alert, empties, one_way }
    }
}

impl<B: Buf> Connection<B> for Guarded {
    type RecvStream = Watched<h3_quinn::RecvStream>;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        while let Poll::Ready(stream) =
            Connection::<B>::poll_accept_recv(&mut self.connection, context)
        {
            self.one_way.add(stream?);
        }
        let Control { stream, read } = ready!(self.one_way.poll(context));
        let watch = FrameWatch::of_control();
        Poll::Ready(Ok(Watched { ahead: Some(read), ..Watched::new(stream, watch, &self.alert) }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, ConnectionErrorIncoming>> {
        let stream = ready!(Connection::<B>::poll_accept_bidi(&mut self.connection, context))?;
        let empties = self.empties.begin(SendStream::<B>::send_id(&stream));
        let watch = FrameWatch::of_request(self.headers_max, empties);
        Poll::Ready(Ok(Watched::new(stream, watch, &self.alert)))
    }

    fn opener(&self) -> Self::OpenStreams {
        Opener {
            own: Connection::<B>::opener(&self.connection),
            headers_max: self.headers_max,
            alert: Rc::clone(&self.alert),
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
        let watch = FrameWatch::of_request(self.headers_max, Rc::default());
        Poll::Ready(Ok(Watched::new(stream, watch, &self.alert)))
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
    alert: Rc<Alert>,
}

impl<B: Buf> OpenStreams<B> for Opener {
    type BidiStream = Watched<h3_quinn::BidiStream<B>>;
    type SendStream = h3_quinn::SendStream<B>;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(OpenStreams::<B>::poll_open_bidi(&mut self.own, context))?;
        let watch = FrameWatch::of_request(self.headers_max, Rc::default());
        Poll::Ready(Ok(Watched::new(stream, watch, &self.alert)))
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
    /// Read before, and not looked at yet.
    ahead: Option<Bytes>,
    /// `None` once it has failed.
    watch: Option<FrameWatch>,
    alert: Rc<Alert>,
    /// A read is under way, during which the library's stream can be asked nothing else.
    waiting: bool,
}

impl<S> Watched<S> {
    fn new(stream: S, watch: FrameWatch, alert: &Rc<Alert>) -> Self {
        let (watch, alert) = (Some(watch), Rc::clone(alert));
        Self { stream, ahead: None, watch, alert, waiting: false }
    }
}

/// A stream that can be given up when what comes on it makes no message.
pub(super) trait GiveUp {
    /// Says why no answer comes, where that is to be said on this stream.
    fn give_up(&mut self, code: Code);
}

impl<B: Buf> GiveUp for h3_quinn::BidiStream<B> {
    fn give_up(&mut self, code: Code) {
        SendStream::<B>::reset(self, code.value());
    }
}

impl GiveUp for h3_quinn::RecvStream {
    fn give_up(&mut self, _code: Code) {
        // Whoever answers hears of it from the request's body.
    }
}

impl<S: RecvStream<Buf = Bytes> + GiveUp> RecvStream for Watched<S> {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let mut piece = self.ahead.take();
        if piece.is_none() {
            let polled = self.stream.poll_data(context);
            self.waiting = polled.is_pending();
            piece = ready!(polled)?;
        }
        let ended = |code: Code| {
            let error_code = code.value();
            Poll::Ready(Err(StreamErrorIncoming::StreamTerminated { error_code }))
        };
        let Some(watch) = &mut self.watch else { return ended(Code::H3_MESSAGE_ERROR) };
        let taken = match &piece {
            Some(piece) => watch.take(piece),
            None => watch.end(),
        };
        let code = match taken {
            Ok(()) => return Poll::Ready(Ok(piece)),
            Err(Refused::Malformed) => Code::H3_MESSAGE_ERROR,
            Err(Refused::Connection(code)) => {
                self.alert.tell(code);
                code
            }
        };
        self.watch = None;
        self.stream.give_up(code);
        ended(code)
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
    S: BidiStream<B> + RecvStream<Buf = Bytes> + GiveUp,
    S::RecvStream: RecvStream<Buf = Bytes> + GiveUp,
{
    type SendStream = S::SendStream;
    type RecvStream = Watched<S::RecvStream>;

    fn split(self) -> (Self::SendStream, Self::RecvStream) {
        let (send, stream) = self.stream.split();
        let (ahead, watch, alert, waiting) = (self.ahead, self.watch, self.alert, self.waiting);
        (send, Watched { stream, ahead, watch, alert, waiting })
    }
}
