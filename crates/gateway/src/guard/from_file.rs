//! Bytes of an answer that stand in a file, too: the kernel sends them from there, and nobody copies them.
//!
//! The HTTP library is given the bytes in memory, as of any other answer, and hands them back to be written. Where they
//! are those of the file by their place in memory, the connection is a plain socket and the file is as it was when it was
//! read, `sendfile(2)` takes them from the file. All else, and all that this module cannot say, is written from memory.

use burgrave_sys::Opened;
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Fewer bytes are copied in less time than it takes to send them from a file.
pub(crate) const BYTES_MIN: usize = 32 * 1024;

/// A connection that may be a plain socket.
pub(crate) trait Connected {
    /// The socket, where what is written to it goes out as it is.
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl Connected for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl<S> Connected for Box<tokio_rustls::server::TlsStream<S>> {}

#[cfg(test)]
impl Connected for tokio::io::DuplexStream {}

/// A file with all of its content in memory.
#[derive(Clone, Debug)]
pub(crate) struct FromFile {
    pub(crate) content: Bytes,
    pub(crate) file: Rc<Opened>,
}

impl FromFile {
    /// Where in the file a part of the content stands; `None` for bytes from elsewhere.
    fn place_of(&self, part: &[u8]) -> Option<usize> {
        let place = part.as_ptr().addr().checked_sub(self.content.as_ptr().addr())?;
        (place.checked_add(part.len())? <= self.content.len()).then_some(place)
    }

    /// Writes some of the last of these bytes from the file, those in front of them before. `None`: they are to be
    /// written from memory.
    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        socket: &TcpStream,
        slices: &[IoSlice<'_>],
    ) -> Option<Poll<io::Result<usize>>> {
        let (ahead, part) = match slices {
            [part] => (&[][..], part),
            [ahead, part] => (&**ahead, part),
            _ => return None,
        };
        let place = u64::try_from(self.place_of(part)?).ok()?;
        if part.len() < BYTES_MIN || !self.file.is_unchanged() {
            return None;
        }
        loop {
            let send = || self.send(socket, ahead, place, part.len());
            match socket.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match socket.poll_write_ready(context) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Some(Poll::Ready(Err(error))),
                        Poll::Pending => return Some(Poll::Pending),
                    }
                }
                result => return result.transpose().map(Poll::Ready),
            }
        }
    }

    /// What the socket takes at once; `None` where nothing can be sent from the file: it became shorter, or lies where
    /// the kernel cannot. What there is to be told of the socket is told when it is written to.
    fn send(
        &self,
        socket: &TcpStream,
        ahead: &[u8],
        place: u64,
        count: usize,
    ) -> io::Result<Option<usize>> {
        let mut sent = 0;
        if !ahead.is_empty() {
            sent = burgrave_sys::send_ahead(socket, ahead)?;
            if sent < ahead.len() {
                return Ok(Some(sent));
            }
        }
        match self.file.send(socket, place, count) {
            Ok(more) if more > 0 => Ok(Some(sent + more)),
            Err(full) if full.kind() == io::ErrorKind::WouldBlock && sent == 0 => Err(full),
            Ok(_) | Err(_) => Ok((sent > 0).then_some(sent)),
        }
    }
}

#[cfg(test)]
#[path = "tests/from_file.rs"]
mod tests;
