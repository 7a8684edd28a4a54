//! Bodies over HTTP/3: a request's as it comes, and an answer's on its way out.

use super::guarded::Watched;
use crate::answer;
use crate::body::{BodyFault, Recorded};
use bytes::{Buf as _, Bytes};
use h3::error::{Code, StreamError};
use h3::server::RequestStream;
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body as _, Frame};
use std::future::poll_fn;
use std::pin::Pin;
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
    ended: bool,
}

impl std::fmt::Debug for Http3Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Http3Body").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Http3Body {
    /// Waits until it is known whether there is a body at all. `length` as the header says.
    pub(super) async fn begin(stream: Receiving, length: Option<u64>) -> Result<Self, BodyFault> {
        let mut own = Self { stream, first: None, last: None, left: length, ended: false };
        if length.is_none_or(|length| length == 0) {
            own.first = poll_fn(|context| own.read(context)).await.transpose()?;
        }
        Ok(own)
    }

    /// Whether nothing is to come.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.ended && self.first.is_none()
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
        while !self.ended {
            let Ok(piece) = ready!(self.stream.poll_recv_data(context)) else {
                return Poll::Ready(Some(Err(BodyFault::Gone)));
            };
            let Some(mut piece) = piece else {
                self.ended = true;
                // Shorter than announced: malformed (RFC 9114 §4.1.2), as is longer.
                let whole = self.left.is_none_or(|left| left == 0);
                let end = self.last.take().map(Ok);
                return Poll::Ready(if whole { end } else { Some(Err(BodyFault::Gone)) });
            };
            let piece = piece.copy_to_bytes(piece.remaining());
            let Some(left) = &mut self.left else { return Poll::Ready(Some(Ok(piece))) };
            let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            match left.checked_sub(size) {
                None => return Poll::Ready(Some(Err(BodyFault::Gone))),
                Some(0) if size > 0 => {
                    *left = 0;
                    self.last = Some(piece);
                }
                Some(rest) => {
                    *left = rest;
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
        Poll::Ready(None)
    }
}

impl Drop for Http3Body {
    fn drop(&mut self) {
        if !self.ended {
            // The answer did not need the rest (RFC 9114 §4.1).
            self.stream.stop_sending(Code::H3_NO_ERROR);
        }
    }
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
pub(super) fn abort(mut stream: Sending) {
    stream.stop_stream(Code::H3_REQUEST_CANCELLED);
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
