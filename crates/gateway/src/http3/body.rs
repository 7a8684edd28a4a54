//! Bodies over HTTP/3: a request's as it comes, and an answer's on its way out.

use super::guarded::Watched;
use crate::answer;
use crate::body::{BodyFault, Recorded};
use bytes::{Buf as _, Bytes};
use h3::error::{Code, StreamError};
use h3::quic::SendStream;
use h3::server::RequestStream;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as _, Frame};
use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

type Receiving = RequestStream<Watched<h3_quinn::RecvStream>, Bytes>;
type Sending = RequestStream<h3_quinn::SendStream<Bytes>, Bytes>;

/// What a client sends after its header.
pub(crate) struct Http3Body {
    stream: Receiving,
    /// What was read to find out whether there is a body.
    first: Option<Bytes>,
    /// The last piece by the announced length, until it is known that it is the last.
    last: Option<Bytes>,
    /// Bytes that its `content-length` has left.
    left: Option<u64>,
    /// Empty pieces that are here before the end.
    empties: Rc<Cell<u32>>,
    at: At,
    why: Rc<Why>,
}

/// How far a body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Content,
    /// Whatever follows the content.
    Trailers,
    End,
}

/// What a request's stream ends with where no answer does: with us unless the client is to blame.
#[derive(Debug)]
pub(super) struct Why(Cell<Code>);

impl Default for Why {
    fn default() -> Self {
        Self(Cell::new(Code::H3_REQUEST_CANCELLED))
    }
}

impl std::fmt::Debug for Http3Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Http3Body").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Http3Body {
    /// Waits until it is known whether there is a body at all. `length` as the header says; `empties` as the stream's frames
    /// are counted; `why` is told what is wrong with it.
    pub(super) async fn begin(
        stream: Receiving,
        length: Option<u64>,
        empties: Rc<Cell<u32>>,
        why: Rc<Why>,
    ) -> Result<Self, BodyFault> {
        let (first, last) = (None, None);
        let mut own = Self { stream, first, last, left: length, empties, at: At::Content, why };
        if length.is_none_or(|length| length == 0) {
            own.first = poll_fn(|context| own.read(context)).await.transpose()?;
        }
        Ok(own)
    }

    /// Whether nothing is to come.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.at == At::End && self.first.is_none()
    }

    /// The next piece; `None` at the end. Trailers end here, as they do over any other protocol.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyFault>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => self.read(context),
        }
    }

    fn read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        loop {
            match self.at {
                At::End => return Poll::Ready(None),
                At::Trailers => {
                    ready!(self.read_trailers(context))?;
                    self.at = At::End;
                    // Shorter than announced: malformed (RFC 9114 §4.1.2), as is longer.
                    let whole = self.left.is_none_or(|left| left == 0);
                    let end = self.last.take().map(Ok);
                    return Poll::Ready(if whole { end } else { Some(Err(self.malformed())) });
                }
                At::Content => {
                    if let Some(piece) = ready!(self.read_content(context)).transpose() {
                        return Poll::Ready(Some(piece));
                    }
                }
            }
        }
    }

    /// The next piece of the content; `None` where there may be another.
    fn read_content(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BodyFault>> {
        let read = match ready!(self.stream.poll_recv_data(context)) {
            Ok(read) => read.map(|mut piece| piece.copy_to_bytes(piece.remaining())),
            Err(error) => return Poll::Ready(Err(self.failed(&error))),
        };
        let Some(piece) = read else {
            match self.empties.get().checked_sub(1) {
                Some(left) => self.empties.set(left),
                None => self.at = At::Trailers,
            }
            return Poll::Ready(Ok(None));
        };
        let Some(left) = &mut self.left else { return Poll::Ready(Ok(Some(piece))) };
        let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        Poll::Ready(match left.checked_sub(size) {
            None => Err(self.malformed()),
            Some(0) if size > 0 => {
                *left = 0;
                self.last = Some(piece);
                Ok(None)
            }
            Some(rest) => {
                *left = rest;
                Ok(Some(piece))
            }
        })
    }

    /// Reads to the stream's end. Trailers go nowhere, but must be some.
    fn read_trailers(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BodyFault>> {
        let trailers = match ready!(self.stream.poll_recv_trailers(context)) {
            Ok(trailers) => trailers.unwrap_or_default(),
            Err(error) => return Poll::Ready(Err(self.failed(&error))),
        };
        let of_connection = [CONNECTION, TRANSFER_ENCODING, UPGRADE];
        let of_connection = of_connection.iter().any(|name| trailers.contains_key(name))
            || ["keep-alive", "proxy-connection"].iter().any(|name| trailers.contains_key(*name));
        Poll::Ready(if of_connection { Err(self.malformed()) } else { Ok(()) })
    }

    /// Why the library reads no more of the stream.
    fn failed(&self, error: &StreamError) -> BodyFault {
        // Ours, from the watch on its frames, or the library's own.
        if let StreamError::RemoteTerminate { code, .. } | StreamError::StreamError { code, .. } =
            error
            && *code == Code::H3_MESSAGE_ERROR
        {
            return self.malformed();
        }
        BodyFault::Gone
    }

    fn malformed(&self) -> BodyFault {
        self.why.0.set(Code::H3_MESSAGE_ERROR);
        BodyFault::Gone
    }
}

impl Drop for Http3Body {
    fn drop(&mut self) {
        if self.at != At::End {
            // The answer did not need the rest (RFC 9114 §4.1).
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
}

/// Says that the body is waited for (RFC 9110 §10.1.1).
pub(super) async fn go_on<S: SendStream<Bytes>>(
    stream: &mut RequestStream<S, Bytes>,
) -> Result<(), StreamError> {
    let mut interim = Response::new(());
    *interim.status_mut() = StatusCode::CONTINUE;
    stream.send_response(interim).await
}

/// Sends an answer to its end; one that cannot be finished is reset.
pub(super) async fn answer(mut stream: Sending, response: Response<Recorded>) {
    let (mut parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    let plain = !parts.status.is_informational()
        && !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if let Some(length) = length.filter(|_| plain) {
        parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(answer::now())) {
        parts.headers.entry(DATE).or_insert(date);
    }
    if send(&mut stream, Response::from_parts(parts, body)).await.is_err() {
        stream.stop_stream(Code::H3_INTERNAL_ERROR);
    }
}

/// No answer at all.
pub(super) fn abort(mut stream: Sending, why: &Why) {
    stream.stop_stream(why.0.get());
}

async fn send(stream: &mut Sending, response: Response<Recorded>) -> Result<(), Unsent> {
    let (parts, mut body) = response.into_parts();
    stream.send_response(Response::from_parts(parts, ())).await?;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        match frame.map_err(|_fault| Unsent)?.into_data() {
            Ok(piece) => stream.send_data(piece).await?,
            Err(other) => {
                if let Ok(trailers) = Frame::into_trailers(other) {
                    stream.send_trailers(trailers).await?;
                }
            }
        }
    }
    stream.finish().await?;
    Ok(())
}

/// The client is gone, or the answer ended before its end.
struct Unsent;

impl From<StreamError> for Unsent {
    fn from(_gone: StreamError) -> Self {
        Self
    }
}
