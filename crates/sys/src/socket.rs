//! Listening sockets, with the options that one event loop a core needs.

use crate::SysError;
use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Whether other sockets may listen on the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A second socket on the address fails.
    Alone,
    /// `SO_REUSEPORT`: the kernel spreads connections over all sockets that share the address.
    Shared,
}

/// Opens a non-blocking listening TCP socket. Port 0 asks the kernel for a free one. `backlog` is
/// the number of connections that wait to be accepted. An IPv6 address takes IPv6 only. Its connections send at once, see
/// [`send_at_once`].
pub fn listen_tcp(
    address: SocketAddr,
    sharing: Sharing,
    backlog: u16,
) -> Result<TcpListener, SysError> {
    open(address, sharing, backlog)
        .map_err(|error| SysError::from_io("listening on", address.to_string(), error))
}

fn open(address: SocketAddr, sharing: Sharing, backlog: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(sharing == Sharing::Shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    send_at_once(&socket)?;
    socket.listen(i32::from(backlog))?;
    Ok(socket.into())
}

/// Turns the delay of small packets off (`TCP_NODELAY`, against RFC 896): of a connection, or of all that a listening
/// socket accepts from now on, which inherit it and need not be asked one by one.
pub fn send_at_once(socket: impl AsFd) -> std::io::Result<()> {
    SockRef::from(&socket).set_tcp_nodelay(true)
}

/// Whether a connection has bytes to be read, or has ended, asked of the kernel: what an event loop knows may be older.
pub fn has_input(socket: impl AsFd) -> bool {
    let mut byte = [0; 1];
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    let peeked = retry_on_intr(|| recv(&socket, &mut byte, flags));
    !matches!(peeked, Err(rustix::io::Errno::AGAIN))
}

/// Connects from one of this machine's own addresses, to which the other side then answers.
pub fn connect_tcp_from(
    own: IpAddr,
    address: SocketAddr,
    time: Duration,
) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::new(own, 0).into())?;
    socket.connect_timeout(&address.into(), time)?;
    Ok(socket.into())
}

/// Sends bytes that others follow at once (`MSG_MORE`); how many the socket took.
pub fn send_ahead(socket: impl AsFd, bytes: &[u8]) -> std::io::Result<usize> {
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    Ok(retry_on_intr(|| send(&socket, bytes, flags))?)
}

/// Opens a non-blocking UDP socket on an address that is not port 0.
pub fn listen_udp(address: SocketAddr, sharing: Sharing) -> Result<UdpSocket, SysError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_port(sharing == Sharing::Shared)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    };
    open().map_err(|error| {
        SysError::from_io("listening for datagrams on", address.to_string(), error)
    })
}

/// Opens a non-blocking datagram socket at a path, for this account and its group. One that is left there
/// from before is replaced; anything else is not.
pub fn listen_datagrams(path: &Path) -> Result<UnixDatagram, SysError> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    let open = || {
        if let Ok(facts) = std::fs::symlink_metadata(path)
            && facts.file_type().is_socket()
        {
            rustix::fs::unlink(path)?;
        }
        let socket = UnixDatagram::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    open().map_err(|error| SysError::from_io("listening for datagrams at", path, error))
}

/// Two connected, non-blocking datagram sockets: what is sent to one is read from the other.
pub fn datagram_pair() -> Result<(UnixDatagram, UnixDatagram), SysError> {
    let open = || {
        let (one, other) = UnixDatagram::pair()?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((one, other))
    };
    open().map_err(|error| SysError::from_io("opening", "a pair of sockets", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_shared_as_connections_are() {
        let any = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = any.local_addr().unwrap();
        drop(any);
        let _first = listen_udp(address, Sharing::Shared).unwrap();
        let second = listen_udp(address, Sharing::Shared).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        let error = listen_udp(address, Sharing::Alone).unwrap_err();
        assert_eq!(error.to_string(), format!("listening for datagrams on `{address}`"));
        let (one, other) = datagram_pair().unwrap();
        one.send(b"x").unwrap();
        let mut room = [0; 4];
        assert_eq!((other.recv(&mut room).unwrap(), room[0]), (1, b'x'));
        assert_eq!(other.recv(&mut room).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn what_is_accepted_sends_at_once() {
        let listener = listen_tcp("127.0.0.1:0".parse().unwrap(), Sharing::Alone, 16).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listener.accept().unwrap().0.nodelay().unwrap());
        let handed = TcpListener::bind("127.0.0.1:0").unwrap();
        send_at_once(&handed).unwrap();
        let _client = TcpStream::connect(handed.local_addr().unwrap()).unwrap();
        assert!(handed.accept().unwrap().0.nodelay().unwrap());
    }

    #[test]
    fn shared_addresses_are_shared_and_others_are_not() {
        let any = "127.0.0.1:0".parse().unwrap();
        let first = listen_tcp(any, Sharing::Shared, 16).unwrap();
        let address = first.local_addr().unwrap();
        let second = listen_tcp(address, Sharing::Shared, 16).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        let error = listen_tcp(address, Sharing::Alone, 16).unwrap_err();
        assert_eq!(error.to_string(), format!("listening on `{address}`"));
    }

    #[test]
    fn an_ipv6_socket_leaves_ipv4_alone() {
        let Ok(six) = listen_tcp("[::]:0".parse().unwrap(), Sharing::Alone, 16) else {
            // A machine without IPv6 has nothing to check here.
            return;
        };
        let port = six.local_addr().unwrap().port();
        let four = SocketAddr::from(([127, 0, 0, 1], port));
        assert!(std::net::TcpStream::connect(four).is_err());
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        let foreign = "192.0.2.1:0".parse().unwrap();
        assert!(listen_tcp(foreign, Sharing::Alone, 16).is_err());
    }

    #[test]
    fn a_connection_arrives() {
        let listener = listen_tcp("127.0.0.1:0".parse().unwrap(), Sharing::Alone, 16).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listener.accept().is_ok());
    }
}
