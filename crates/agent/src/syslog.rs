//! Messages of syslog (RFC 3164, RFC 5424) from programs of this machine: datagrams, streams (RFC 6587) and
//! a socket by path. Each becomes one line as a log would hold it.
//!
//! Whoever may send can have anybody banned who is not kept from it: so only loopback addresses are taken
//! (the configuration refuses others), and a socket by path is for root and its group.

use burgrave_config::Syslog;
use burgrave_sys::{SysError, Together, listen_datagrams, listen_tcp, listen_udp};
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;

/// Longest message.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Messages in a turn, and streams at once.
const MESSAGES_MAX: usize = 1024;
const STREAMS_MAX: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Receiver {
    name: String,
    socket: Socket,
    space: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
    Tcp(TcpListener, Vec<Stream>),
}

/// A stream with what has come of a message that is not whole.
#[derive(Debug)]
struct Stream {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Receiver {
    /// Opens the socket, and adds it to what is waited for.
    pub(crate) fn open(from: &Syslog, together: &Together) -> Result<Self, SysError> {
        let (name, socket) = match from {
            Syslog::Udp(address) => {
                let socket = listen_udp(*address, burgrave_sys::Sharing::Alone)?;
                together.add(&socket)?;
                (format!("udp://{address}"), Socket::Udp(socket))
            }
            Syslog::Tcp(address) => {
                let socket = listen_tcp(*address, burgrave_sys::Sharing::Alone, 64)?;
                together.add(&socket)?;
                (format!("tcp://{address}"), Socket::Tcp(socket, Vec::new()))
            }
            Syslog::Unix(path) => {
                let socket = listen_datagrams(path)?;
                together.add(&socket)?;
                (format!("unix:{}", path.display()), Socket::Unix(socket))
            }
        };
        Ok(Self { name: format!("syslog:{name}"), socket, space: vec![0; MESSAGE_BYTES_MAX] })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Gives what has come, a line at a time. Whether more is to be had at once.
    pub(crate) fn read(
        &mut self,
        together: &Together,
        mut each: impl FnMut(&[u8], bool),
    ) -> Result<bool, SysError> {
        let wrong = |error| SysError::from_io("receiving by", &self.name, error);
        let space = &mut self.space;
        match &mut self.socket {
            Socket::Udp(socket) => {
                datagrams(space, |space| socket.recv(space), each).map_err(wrong)
            }
            Socket::Unix(socket) => {
                datagrams(space, |space| socket.recv(space), each).map_err(wrong)
            }
            Socket::Tcp(listener, streams) => {
                while streams.len() < STREAMS_MAX {
                    match listener.accept() {
                        Ok((stream, _)) => {
                            stream.set_nonblocking(true).map_err(wrong)?;
                            together.add(&stream)?;
                            streams.push(Stream { stream, held: Vec::new() });
                        }
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(wrong(error)),
                    }
                }
                let mut is_more = false;
                streams.retain_mut(|own| {
                    let (is_open, more) = own.read(space, &mut each);
                    is_more |= more;
                    is_open
                });
                Ok(is_more)
            }
        }
    }
}

fn datagrams(
    space: &mut [u8],
    mut receive: impl FnMut(&mut [u8]) -> std::io::Result<usize>,
    mut each: impl FnMut(&[u8], bool),
) -> std::io::Result<bool> {
    for _ in 0..MESSAGES_MAX {
        match receive(space) {
            Ok(count) => each(&line(space.get(..count).unwrap_or_default()), false),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

impl Stream {
    /// Whether it is still open, and whether more is to be had at once.
    fn read(&mut self, space: &mut [u8], each: &mut impl FnMut(&[u8], bool)) -> (bool, bool) {
        for _ in 0..8 {
            match self.stream.read(space) {
                Ok(0) => {
                    // The last one may have no end.
                    if !self.held.is_empty() {
                        each(&line(&self.held), false);
                    }
                    return (false, false);
                }
                Ok(count) => {
                    self.held.extend_from_slice(space.get(..count).unwrap_or_default());
                    while let Some((start, end, next)) = frame(&self.held) {
                        each(&line(self.held.get(start..end).unwrap_or_default()), false);
                        self.held.drain(..next);
                    }
                    if self.held.len() > MESSAGE_BYTES_MAX {
                        return (false, false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (true, false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return (false, false),
            }
        }
        (true, true)
    }
}

/// The next message's beginning and end, and where the one after begins: by its length in front, or to the
/// end of its line (RFC 6587 §3.4).
fn frame(held: &[u8]) -> Option<(usize, usize, usize)> {
    let digits = held.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let counted = (1..=5).contains(&digits) && held.get(digits) == Some(&b' ');
    if counted {
        let text = std::str::from_utf8(held.get(..digits)?).ok()?;
        let length: usize = text.parse().ok()?;
        let end = digits + 1 + length;
        return (held.len() >= end).then_some((digits + 1, end, end));
    }
    let end = held.iter().position(|byte| *byte == b'\n')?;
    Some((0, end, end + 1))
}

/// A message as a log would hold it: without its priority, one line.
fn line(message: &[u8]) -> Vec<u8> {
    let rest = without_priority(message);
    let rest = match rest.strip_prefix(b"1 ") {
        Some(new) => rfc5424(new).unwrap_or_else(|| rest.to_vec()),
        None => rest.to_vec(),
    };
    let end =
        rest.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r' | 0)).map_or(0, |at| at + 1);
    let one = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    rest.iter().take(end).map(one).collect()
}

fn without_priority(message: &[u8]) -> &[u8] {
    let Some(rest) = message.strip_prefix(b"<") else { return message };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits..) {
        Some([b'>', after @ ..]) if (1..=3).contains(&digits) => after,
        Some(_) | None => message,
    }
}

/// `TIME HOST APP PROC MSGID DATA MESSAGE` as `TIME HOST APP[PROC]: MESSAGE`.
fn rfc5424(rest: &[u8]) -> Option<Vec<u8>> {
    let mut words = rest.splitn(6, |byte| *byte == b' ');
    let (time, host, app, process) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (_, rest) = (words.next()?, words.next()?);
    let message = match rest {
        [b'-', after @ ..] => after,
        data => after_data(data)?,
    };
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    let process: &[u8] = if process == b"-" { b"0" } else { process };
    Some([time, b" ", host, b" ", app, b"[", process, b"]: ", message].concat())
}

/// What follows the structured data: brackets, with texts in which a bracket is escaped.
fn after_data(data: &[u8]) -> Option<&[u8]> {
    let (mut is_open, mut is_text, mut is_escaped) = (false, false, false);
    for (at, byte) in data.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' if !is_text => is_open = true,
            b']' if !is_text => is_open = false,
            _ if !is_open => return data.get(at..),
            _ => {}
        }
    }
    (!is_open).then_some(b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn messages_become_lines() {
        for (message, wanted) in [
            (
                &b"<34>Oct 11 22:14:15 web1 sshd[7]: Failed"[..],
                "Oct 11 22:14:15 web1 sshd[7]: Failed",
            ),
            (
                b"<34>1 2003-10-11T22:14:15.003Z web1 sshd 7 ID47 - \xef\xbb\xbfFailed",
                "2003-10-11T22:14:15.003Z web1 sshd[7]: Failed",
            ),
            (b"<34>1 T h a - - [x y=\"]\\\"]\"][z] m [n]", "T h a[0]: m [n]"),
            (b"<34>1 T h a 1 - [x]", "T h a[1]: "),
            (b"<34>1 T h a 1 - [x", "1 T h a 1 - [x"),
            (b"<34>a\nb\r\n\0", "a b"),
            (b"<3456>a", "<3456>a"),
            (b"<>a", "<>a"),
            (b"plain", "plain"),
            (b"", ""),
        ] {
            assert_eq!(line(message), wanted.as_bytes(), "{}", message.escape_ascii());
        }
    }

    #[test]
    fn streams_are_cut_by_length_or_line() {
        for (held, wanted) in [
            (&b"3 abc4 de"[..], Some((2, 5, 5))),
            (b"4 abc", None),
            (b"<1>abc\n<1>", Some((0, 6, 7))),
            (b"abc", None),
            (b"123456 abc\n", Some((0, 10, 11))),
            (b"12abc\n", Some((0, 5, 6))),
            (b"", None),
        ] {
            assert_eq!(frame(held), wanted, "{}", held.escape_ascii());
        }
    }

    fn all(receiver: &mut Receiver, together: &Together, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while lines.len() < count {
            receiver
                .read(together, |line, _| lines.push(String::from_utf8(line.to_vec()).unwrap()))
                .unwrap();
            assert!(std::time::Instant::now() < end, "{lines:?}");
        }
        lines
    }

    #[test]
    fn each_kind_of_socket_is_read() {
        let together = Together::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.sock");
        let free = || {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.local_addr().unwrap()
        };
        let (udp, tcp) = (free(), free());
        let mut by_udp = Receiver::open(&Syslog::Udp(udp), &together).unwrap();
        let mut by_tcp = Receiver::open(&Syslog::Tcp(tcp), &together).unwrap();
        let mut by_path = Receiver::open(&Syslog::Unix(path.clone()), &together).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(b"<13>one", udp).unwrap();
        client.send_to(b"<13>two\n", udp).unwrap();
        assert_eq!(all(&mut by_udp, &together, 2), ["one", "two"]);
        UnixDatagram::unbound().unwrap().send_to(b"<13>three", &path).unwrap();
        assert_eq!(all(&mut by_path, &together, 1), ["three"]);
        let mut stream = TcpStream::connect(tcp).unwrap();
        stream.write_all(b"<13>four\n8 <13>fi").unwrap();
        assert_eq!(all(&mut by_tcp, &together, 1), ["four"]);
        stream.write_all(b"ve<13>six").unwrap();
        drop(stream);
        assert_eq!(all(&mut by_tcp, &together, 2), ["five", "six"]);
        // One that is left from before is replaced; another file is not.
        drop(by_path);
        Receiver::open(&Syslog::Unix(path.clone()), &together).unwrap();
        let file = folder.path().join("file");
        #[expect(clippy::disallowed_methods, reason = "the test's own file")]
        std::fs::write(&file, "x").unwrap();
        assert!(Receiver::open(&Syslog::Unix(file), &together).is_err());
    }
}
