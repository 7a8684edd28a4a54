//! The UDP socket that QUIC is spoken over, shared by the processes that follow each other.
//!
//! TCP connections stay with the process that accepted them; datagrams come to whoever reads the
//! socket. So each process marks the names of its connections (RFC 9000 §5.1); the newest one reads
//! the socket and passes on what is marked as another's, and the older ones read only what is passed
//! on, until their last request is answered. All of them send by the socket itself.
//!
//! Marks are random: one that a stranger's first datagram happens to bear costs that client a retry, one
//! time in 65,536, and only while two processes are there.

use quinn::udp::{EcnCodepoint, RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncUdpSocket, ConnectionId, ConnectionIdGenerator, UdpPoller};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::Interest;

/// What the names of a process's connections begin with.
pub type Mark = [u8; 2];

/// Bytes of a connection's name.
const NAME_BYTES: usize = 8;
/// Most bytes of a datagram that is passed on, and of what stands before it.
const DATAGRAM_BYTES_MAX: usize = 2048;
const SENDER_BYTES: usize = 19;

/// A socket as it is handed over.
#[derive(Debug)]
pub struct QuicSocket {
    /// Not blocking, bound to the listener's address.
    pub socket: UdpSocket,
    /// This process's mark.
    pub mark: Mark,
    /// Where a later process puts what is this one's.
    pub inlet: Option<UnixDatagram>,
    /// Where earlier processes read what is theirs, by their marks.
    pub outlets: Vec<(Mark, UnixDatagram)>,
}

impl QuicSocket {
    /// A socket that no other process knows of.
    pub fn alone(socket: UdpSocket) -> Self {
        Self { socket, mark: [0, 0], inlet: None, outlets: Vec::new() }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    socket: tokio::net::UdpSocket,
    state: UdpSocketState,
    mark: Mark,
    inlet: Option<tokio::net::UnixDatagram>,
    outlets: Vec<(Mark, UnixDatagram)>,
    /// Another process reads the socket now.
    retired: AtomicBool,
    /// Who waits to be told of that.
    waker: std::sync::Mutex<Option<std::task::Waker>>,
}

impl Shared {
    pub(super) fn new(from: QuicSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&from.socket).into())?;
        let inlet = from.inlet.map(tokio::net::UnixDatagram::from_std).transpose()?;
        Ok(Self {
            socket: tokio::net::UdpSocket::from_std(from.socket)?,
            state,
            mark: from.mark,
            inlet,
            outlets: from.outlets,
            retired: AtomicBool::new(false),
            waker: std::sync::Mutex::default(),
        })
    }

    /// Leaves the socket to a later process.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        if let Ok(mut waker) = self.waker.lock()
            && let Some(waker) = waker.take()
        {
            waker.wake();
        }
    }

    /// Passes on what is another's; says whether it was.
    fn pass_on(&self, datagrams: &[u8], meta: &RecvMeta) -> bool {
        let Some(mark) = mark_of(datagrams).filter(|mark| *mark != self.mark) else { return false };
        let Some((_, outlet)) = self.outlets.iter().find(|(own, _)| *own == mark) else {
            return false;
        };
        for datagram in datagrams.chunks(meta.stride.max(1)) {
            // One that does not fit is lost, as datagrams may be.
            drop(outlet.send(&wrapped(meta.addr, meta.ecn, datagram)));
        }
        true
    }

    /// What the kernel has, without what is another's.
    fn receive(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_recv_ready(context))?;
            let Ok(count) = self.socket.try_io(Interest::READABLE, || {
                self.state.recv((&self.socket).into(), buffers, metas)
            }) else {
                continue;
            };
            if self.outlets.is_empty() {
                return Poll::Ready(Ok(count));
            }
            let mut others = 0;
            for (buffer, meta) in buffers.iter_mut().zip(metas.iter_mut()).take(count) {
                let datagrams = buffer.get(..meta.len).unwrap_or_default();
                if self.pass_on(datagrams, meta) {
                    // One without a byte says nothing.
                    (meta.len, meta.stride) = (0, 0);
                    others += 1;
                }
            }
            if others < count {
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// What a later process has passed on.
    fn receive_passed(
        inlet: &tokio::net::UnixDatagram,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut room = [0; DATAGRAM_BYTES_MAX];
        loop {
            ready!(inlet.poll_recv_ready(context))?;
            let Ok(size) = inlet.try_recv(&mut room) else { continue };
            let (Some(buffer), Some(meta)) = (buffers.first_mut(), metas.first_mut()) else {
                return Poll::Ready(Ok(0));
            };
            let Some((addr, ecn, datagram)) = unwrapped(room.get(..size).unwrap_or_default())
            else {
                continue;
            };
            let Some(place) = buffer.get_mut(..datagram.len()) else { continue };
            place.copy_from_slice(datagram);
            *meta = RecvMeta { addr, len: datagram.len(), stride: datagram.len(), ecn, ..*meta };
            return Poll::Ready(Ok(1));
        }
    }
}

impl AsyncUdpSocket for Shared {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable(self))
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_io(Interest::WRITABLE, || self.state.send((&self.socket).into(), transmit))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if let Ok(mut waker) = self.waker.lock() {
            *waker = Some(context.waker().clone());
        }
        match &self.inlet {
            Some(inlet) if self.retired.load(Ordering::Acquire) => {
                Self::receive_passed(inlet, context, buffers, metas)
            }
            Some(_) | None => self.receive(context, buffers, metas),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }
}

/// Waits until the socket takes more.
#[derive(Debug)]
struct Writable(Arc<Shared>);

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.socket.poll_send_ready(context)
    }
}

/// Names for connections: the mark, then six random bytes.
pub(super) struct Names(Mark);

impl Names {
    pub(super) fn new(mark: Mark) -> Self {
        Self(mark)
    }
}

impl ConnectionIdGenerator for Names {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut name = [0; NAME_BYTES];
        // Without randomness from the kernel nothing of TLS works either.
        let seed = burgrave_sys::seed().unwrap_or_default();
        for (place, byte) in name.iter_mut().zip(self.0.iter().chain(&seed)) {
            *place = *byte;
        }
        ConnectionId::new(&name)
    }

    fn cid_len(&self) -> usize {
        NAME_BYTES
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

/// The mark in the name that a datagram is sent to (RFC 8999 §5), if it is one of our length.
fn mark_of(datagram: &[u8]) -> Option<Mark> {
    let (first, rest) = datagram.split_first()?;
    let name = if first & 0x80 == 0 {
        rest.get(..NAME_BYTES)?
    } else {
        let (length, name) = rest.get(4..)?.split_first()?;
        (usize::from(*length) == NAME_BYTES).then_some(name)?
    };
    name.first_chunk().copied()
}

/// A datagram behind its sender: 16 bytes of address, 2 of port, 1 of congestion notice.
fn wrapped(sender: SocketAddr, ecn: Option<EcnCodepoint>, datagram: &[u8]) -> Vec<u8> {
    let address = match sender.ip() {
        IpAddr::V4(four) => four.to_ipv6_mapped(),
        IpAddr::V6(six) => six,
    };
    let ecn = ecn.map_or(0, |ecn| match ecn {
        EcnCodepoint::Ect0 => 2,
        EcnCodepoint::Ect1 => 1,
        EcnCodepoint::Ce => 3,
    });
    [&address.octets()[..], &sender.port().to_be_bytes(), &[ecn], datagram].concat()
}

fn unwrapped(message: &[u8]) -> Option<(SocketAddr, Option<EcnCodepoint>, &[u8])> {
    let (sender, datagram) = message.split_at_checked(SENDER_BYTES)?;
    let (address, rest) = sender.split_first_chunk::<16>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let address = Ipv6Addr::from(*address);
    let ip = address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4);
    let ecn = rest.first().and_then(|bits| EcnCodepoint::from_bits(*bits));
    Some((SocketAddr::new(ip, u16::from_be_bytes(*port)), ecn, datagram))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_where_the_name_does() {
        let long = |length: u8| {
            let head = [0xc3, 0, 0, 0, 1, length];
            [&head[..], &[7, 9, 1, 2, 3, 4, 5, 6, 0, 0]].concat()
        };
        for (name, datagram, wanted) in [
            ("nothing", vec![], None),
            ("short header", vec![0x40, 7, 9, 1, 2, 3, 4, 5, 6, 0xff], Some([7, 9])),
            ("short header, cut", vec![0x40, 7, 9, 1, 2, 3, 4, 5], None),
            ("long header", long(8), Some([7, 9])),
            ("long header, another length", long(20), None),
            ("long header, no name", long(0), None),
            ("long header, cut", vec![0xc3, 0, 0, 0, 1], None),
        ] {
            assert_eq!(mark_of(&datagram), wanted, "{name}");
        }
    }

    #[test]
    fn names_are_marked_and_differ() {
        let mut names = Names::new([7, 9]);
        let (one, two) = (names.generate_cid(), names.generate_cid());
        assert_eq!((&one[..2], one.len()), (&[7, 9][..], names.cid_len()));
        assert_ne!(one, two);
    }

    #[test]
    fn a_datagram_keeps_its_sender() {
        for sender in ["192.0.2.7:443", "[2001:db8::7]:50000"] {
            let sender: SocketAddr = sender.parse().unwrap();
            for ecn in [None, Some(EcnCodepoint::Ect0), Some(EcnCodepoint::Ce)] {
                let message = wrapped(sender, ecn, b"abc");
                assert_eq!(unwrapped(&message), Some((sender, ecn, &b"abc"[..])));
            }
        }
        assert_eq!(unwrapped(&[0; 18]), None);
    }
}
