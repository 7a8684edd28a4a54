//! Sockets that another process has opened for this one: systemd's socket activation (`sd_listen_fds(3)`)
//! and a supervisor's.

use crate::SysError;
use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Pid, Signal, kill_process};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;

/// The first descriptor of systemd's.
pub const ACTIVATED_FIRST: RawFd = 3;

/// Takes a listening TCP socket that was inherited under this number. It is closed on `exec` from now
/// on. To be called once for each number.
pub fn take_listener(number: RawFd) -> Result<TcpListener, SysError> {
    let owned = take(number, |borrowed| {
        Ok(socket_type(borrowed)? == SocketType::STREAM && socket_acceptconn(borrowed)?)
    })?;
    let listener = TcpListener::from(owned);
    listener.set_nonblocking(true).map_err(|error| untakable(number, error))?;
    Ok(listener)
}

/// As [`take_listener`], a UDP socket.
pub fn take_udp(number: RawFd) -> Result<UdpSocket, SysError> {
    let owned = take(number, |borrowed| {
        let domain = socket_domain(borrowed)?;
        let internet = domain == AddressFamily::INET || domain == AddressFamily::INET6;
        Ok(socket_type(borrowed)? == SocketType::DGRAM && internet)
    })?;
    let socket = UdpSocket::from(owned);
    socket.set_nonblocking(true).map_err(|error| untakable(number, error))?;
    Ok(socket)
}

/// As [`take_listener`], one end of a pair of datagram sockets.
pub fn take_datagrams(number: RawFd) -> Result<UnixDatagram, SysError> {
    let owned = take(number, |borrowed| {
        let unix = socket_domain(borrowed)? == AddressFamily::UNIX;
        Ok(socket_type(borrowed)? == SocketType::DGRAM && unix)
    })?;
    let socket = UnixDatagram::from(owned);
    socket.set_nonblocking(true).map_err(|error| untakable(number, error))?;
    Ok(socket)
}

fn untakable(number: RawFd, error: std::io::Error) -> SysError {
    SysError::from_io("taking the inherited socket", number.to_string(), error)
}

fn take(
    number: RawFd,
    fits: impl Fn(BorrowedFd<'_>) -> Result<bool, rustix::io::Errno>,
) -> Result<OwnedFd, SysError> {
    let wrong = |error: std::io::Error| untakable(number, error);
    if number < ACTIVATED_FIRST {
        return Err(wrong(std::io::ErrorKind::InvalidInput.into()));
    }
    // SAFETY: borrowed for this check alone; a number that is not open is an error of `fcntl`.
    #[expect(unsafe_code, reason = "a number from another process becomes a descriptor")]
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_getfd(borrowed).map_err(|error| wrong(error.into()))?;
    if !fits(borrowed).map_err(|error| wrong(error.into()))? {
        return Err(wrong(std::io::ErrorKind::InvalidInput.into()));
    }
    // SAFETY: the descriptor is open, as was just seen, and was handed over to this process, where
    // nothing else owns it.
    #[expect(unsafe_code, reason = "a number from another process becomes a descriptor")]
    let owned = unsafe { OwnedFd::from_raw_fd(number) };
    fcntl_setfd(&owned, FdFlags::CLOEXEC).map_err(|error| wrong(error.into()))?;
    Ok(owned)
}

/// Lets a descriptor be inherited by the programs that this one starts, or not.
pub fn inherit(descriptor: impl AsFd, inherited: bool) -> Result<(), SysError> {
    let flags = if inherited { FdFlags::empty() } else { FdFlags::CLOEXEC };
    fcntl_setfd(descriptor, flags)
        .map_err(|error| SysError::from_io("handing over", "a socket", error.into()))
}

/// How a child is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Let requests finish (SIGTERM).
    Finish,
    /// Another takes over (SIGQUIT).
    HandOver,
    /// At once (SIGKILL).
    Now,
}

/// Asks a child to end; an error where it has ended already.
pub fn ask_to_end(child: &std::process::Child, how: Ask) -> Result<(), SysError> {
    let signal = match how {
        Ask::Finish => Signal::TERM,
        Ask::HandOver => Signal::QUIT,
        Ask::Now => Signal::KILL,
    };
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let gone = || SysError::from_io("ending", "a child", std::io::ErrorKind::NotFound.into());
    kill_process(id.ok_or_else(gone)?, signal)
        .map_err(|error| SysError::from_io("ending", "a child", error.into()))
}

/// Puts this process into a session of its own, where the signals of a terminal that goes away do not reach.
pub fn detach() -> Result<(), SysError> {
    rustix::process::setsid()
        .map(drop)
        .map_err(|error| SysError::from_io("detaching", "this process", error.into()))
}

/// Whether this process has the rights of root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsRawFd, IntoRawFd};

    #[test]
    fn only_listening_sockets_are_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = tempfile::tempfile().unwrap();
        for number in [client.as_raw_fd(), udp.as_raw_fd(), file.as_raw_fd(), 0, -1, 9_999] {
            assert!(take_listener(number).is_err(), "{number}");
        }
        let taken = take_listener(listener.into_raw_fd()).unwrap();
        assert_eq!(taken.local_addr().unwrap(), address);
        assert!(fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
        inherit(&taken, true).unwrap();
        assert!(!fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
        inherit(&taken, false).unwrap();
        assert!(fcntl_getfd(&taken).unwrap().contains(FdFlags::CLOEXEC));
    }
}
