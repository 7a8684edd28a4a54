//! Messages and descriptors between a supervisor and the process that it has started: a pair of unix
//! sockets, of which the child's is its standard input.

use crate::SysError;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

/// Most bytes of a message.
pub const MESSAGE_BYTES_MAX: usize = 4096 + 64;

/// One end.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What was received.
#[derive(Debug)]
pub struct Message {
    /// Never empty.
    pub bytes: Vec<u8>,
    /// The descriptor that came with it.
    pub descriptor: Option<OwnedFd>,
}

/// Two ends that reach each other. Both are closed on `exec`.
pub fn channel() -> Result<(Channel, Channel), SysError> {
    let flags = SocketFlags::CLOEXEC;
    let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
    let (one, other) = pair.map_err(failed)?;
    Ok((Channel(one), Channel(other)))
}

fn failed(error: rustix::io::Errno) -> SysError {
    SysError::from_io("talking over", "the supervisor's channel", error.into())
}

impl Channel {
    /// The child's end: its standard input. `None` where that is no such channel.
    pub fn of_child() -> Option<Self> {
        let input = std::io::stdin();
        let input = input.as_fd();
        let kind = rustix::net::sockopt::socket_type(input).ok()?;
        (kind == SocketType::SEQPACKET).then_some(())?;
        Some(Self(rustix::io::fcntl_dupfd_cloexec(input, 3).ok()?))
    }

    /// For the standard input of the program that is to be started.
    pub fn into_stdio(self) -> std::process::Stdio {
        self.0.into()
    }

    /// Sends a message, with a descriptor if there is one.
    pub fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> Result<(), SysError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors: Vec<_> = descriptor.into_iter().collect();
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
        }
        let flags = SendFlags::NOSIGNAL;
        sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, flags).map_err(failed)?;
        Ok(())
    }

    /// Whether the other end is gone.
    pub fn is_closed(&self) -> bool {
        let mut byte = [0; 1];
        let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        matches!(rustix::net::recv(&self.0, &mut byte, flags), Ok((0, _)))
    }

    /// The next message. `Ok(None)`: the other end is closed, or with `wait` off there is none yet.
    pub fn receive(&self, wait: bool) -> Result<Option<Message>, SysError> {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let flags = if wait { flags } else { flags | RecvFlags::DONTWAIT };
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let received = loop {
            match recvmsg(&self.0, &mut parts, &mut control, flags) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                other => break other.map_err(failed)?,
            }
        };
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        });
        bytes.truncate(received.bytes);
        Ok((received.bytes > 0).then_some(Message { bytes, descriptor }))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Seek as _, Write as _};

    #[test]
    fn messages_and_descriptors_arrive_whole() {
        let (one, other) = channel().unwrap();
        assert!(other.receive(false).unwrap().is_none());
        let file = tempfile::tempfile().unwrap();
        one.send(b"first", Some(file.as_fd())).unwrap();
        one.send(b"second", None).unwrap();
        let first = other.receive(true).unwrap().unwrap();
        assert_eq!(first.bytes, b"first");
        let mut written = std::fs::File::from(first.descriptor.unwrap());
        written.write_all(b"through").unwrap();
        let mut text = String::new();
        let mut file = file;
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        let second = other.receive(false).unwrap().unwrap();
        assert!(second.bytes == b"second" && second.descriptor.is_none());
        drop(one);
        assert!(other.receive(true).unwrap().is_none());
        assert!(other.send(b"x", None).is_err());
    }

    #[test]
    fn a_test_has_no_supervisor() {
        assert!(Channel::of_child().is_none());
    }
}
