//! Streams of one direction that a client opens (RFC 9114 §6.2), sorted by their type: the control stream is the
//! library's, the two of compression are looked at here, the rest mean nothing to us.
//!
//! We keep no table of fields in either direction, so hardly anything may be said about one (RFC 9204 §3.2.3, §4.3 and
//! §4.4); the library does not listen.

use super::guarded::Alert;
use super::integer::Integer;
use bytes::{Bytes, BytesMut};
use h3::error::Code;
use h3::quic::RecvStream;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Stream types (RFC 9114 §11.2.4, RFC 9204 §8.2).
const CONTROL: u64 = 0;
const PUSH: u64 = 1;
const ENCODER: u64 = 2;
const DECODER: u64 = 3;
/// Requests that a client may say it gave up, over a connection's whole life.
const CANCELLED_MAX: u32 = 10_000;
/// Most bytes of an integer behind a prefix, as many as 62 bits need.
const INTEGER_BYTES_MAX: u8 = 10;

/// See the module. A connection has few: QUIC's limit on streams holds for those whose type has not come, too.
pub(super) struct OneWay<S> {
    opening: Vec<Opening<S>>,
    encoder: Option<Side<S>>,
    decoder: Option<Side<S>>,
    alert: Rc<Alert>,
}

/// A stream whose type is not known yet.
struct Opening<S> {
    stream: S,
    read: BytesMut,
    kind: Integer,
}

/// A control stream, and what was read of it.
pub(super) struct Control<S> {
    pub(super) stream: S,
    pub(super) read: Bytes,
}

impl<S: RecvStream<Buf = Bytes>> OneWay<S> {
    pub(super) fn new(alert: Rc<Alert>) -> Self {
        Self { opening: Vec::new(), encoder: None, decoder: None, alert }
    }

    /// Takes a stream that was opened.
    pub(super) fn add(&mut self, stream: S) {
        self.opening.push(Opening { stream, read: BytesMut::new(), kind: Integer::default() });
    }

    /// Reads what has come; a control stream, once there is one.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Control<S>> {
        for (place, side) in [(&mut self.encoder, ENCODER), (&mut self.decoder, DECODER)] {
            if let Some(own) = place
                && let Err(code) = own.poll(context, side)
            {
                *place = None;
                self.alert.tell(code);
            }
        }
        let mut index = 0;
        while let Some(own) = self.opening.get_mut(index) {
            match own.poll(context) {
                Poll::Pending => index += 1,
                // One that ends before its type is none (RFC 9114 §6.2).
                Poll::Ready(None) => drop(self.opening.swap_remove(index)),
                Poll::Ready(Some((kind, rest))) => {
                    let own = self.opening.swap_remove(index);
                    if kind == CONTROL {
                        return Poll::Ready(Control {
                            stream: own.stream,
                            read: own.read.freeze(),
                        });
                    }
                    self.sort(context, kind, own.stream, &rest);
                }
            }
        }
        Poll::Pending
    }

    fn sort(&mut self, context: &mut Context<'_>, kind: u64, mut stream: S, rest: &[u8]) {
        let place = match kind {
            ENCODER => &mut self.encoder,
            DECODER => &mut self.decoder,
            PUSH => return self.alert.tell(Code::H3_STREAM_CREATION_ERROR),
            _ => return stream.stop_sending(Code::H3_STREAM_CREATION_ERROR.value()),
        };
        if place.is_some() {
            return self.alert.tell(Code::H3_STREAM_CREATION_ERROR);
        }
        let side = place.insert(Side { stream, integer_bytes: 0, cancelled: 0 });
        if let Err(code) = side.take(rest, kind).and_then(|()| side.poll(context, kind)) {
            self.alert.tell(code);
        }
    }
}

impl<S: RecvStream<Buf = Bytes>> Opening<S> {
    /// Its type and what was read behind it; `None` where it has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<(u64, Bytes)>> {
        while let Poll::Ready(read) = self.stream.poll_data(context) {
            let Ok(Some(piece)) = read else { return Poll::Ready(None) };
            self.read.extend_from_slice(&piece);
            for (index, byte) in piece.iter().enumerate() {
                if let Some(kind) = self.kind.take(*byte) {
                    return Poll::Ready(Some((kind, piece.slice(index + 1..))));
                }
            }
        }
        Poll::Pending
    }
}

/// A stream of compression.
struct Side<S> {
    stream: S,
    /// Of an integer that goes on, the bytes so far.
    integer_bytes: u8,
    cancelled: u32,
}

impl<S: RecvStream<Buf = Bytes>> Side<S> {
    /// Reads what has come; why the connection ends, if it does.
    fn poll(&mut self, context: &mut Context<'_>, kind: u64) -> Result<(), Code> {
        while let Poll::Ready(read) = self.stream.poll_data(context) {
            // Neither may end as long as the connection lives (RFC 9204 §4.2).
            let Ok(Some(piece)) = read else { return Err(Code::H3_CLOSED_CRITICAL_STREAM) };
            self.take(&piece, kind)?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], kind: u64) -> Result<(), Code> {
        bytes.iter().try_for_each(|byte| match kind {
            // A table of no bytes is all that there is.
            ENCODER if *byte == 0x20 => self.count(),
            ENCODER => Err(Code::QPACK_ENCODER_STREAM_ERROR),
            _ => self.decoder(*byte),
        })
    }

    /// Only that a stream was given up: all else is about fields of a table, of which there are none.
    fn decoder(&mut self, byte: u8) -> Result<(), Code> {
        let goes_on = if self.integer_bytes > 0 {
            byte & 0x80 != 0
        } else if byte & 0xc0 == 0x40 {
            self.count()?;
            byte & 0x3f == 0x3f
        } else {
            return Err(Code::QPACK_DECODER_STREAM_ERROR);
        };
        self.integer_bytes = if goes_on { self.integer_bytes + 1 } else { 0 };
        if self.integer_bytes > INTEGER_BYTES_MAX {
            return Err(Code::QPACK_DECODER_STREAM_ERROR);
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Code> {
        self.cancelled += 1;
        if self.cancelled > CANCELLED_MAX { Err(Code::H3_EXCESSIVE_LOAD) } else { Ok(()) }
    }
}
