//! Messages of syslog (RFC 3164, RFC 5424) from programs of this machine: datagrams, streams (RFC 6587) and
//! a socket by path. Each becomes one line as a log would hold it. From elsewhere they come over TLS (`syslog/tls.rs`).
//!
//! Whoever may send can have anybody banned who is not kept from it: so only loopback addresses are taken
//! (the configuration refuses others), and a socket by path is for root and its group.

mod tls;

use crate::error::AgentError;
use burgrave_config::{Syslog, SyslogTls};
use burgrave_sys::{SysError, Together, listen_datagrams, listen_tcp, listen_udp};
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// Longest message; of a longer one this much is taken, and the rest is passed over.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Messages in a turn, and streams at once.
const MESSAGES_MAX: usize = 1024;
const STREAMS_MAX: usize = 64;
/// When all streams are taken, one that was silent for so long makes room for the next.
const SILENCE: Duration = Duration::from_mins(1);

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
    Tls(Box<tls::Secure>),
}

/// A stream with what has come of a message that is not whole.
#[derive(Debug)]
struct Stream {
    socket: TcpStream,
    spoke: Instant,
    cut: Cut,
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
        Ok(Self::of(&name, socket))
    }

    /// Reads the files for clients that show a certificate, without listening.
    pub(crate) fn check_tls(from: &SyslogTls) -> Result<(), AgentError> {
        tls::config(from).map(drop)
    }

    /// The same, for clients that show a certificate.
    pub(crate) fn open_tls(from: &SyslogTls, together: &Together) -> Result<Self, AgentError> {
        let socket = Socket::Tls(Box::new(tls::Secure::open(from, together)?));
        Ok(Self::of(&format!("tls://{}", from.address), socket))
    }

    fn of(name: &str, socket: Socket) -> Self {
        Self { name: format!("syslog:{name}"), socket, space: vec![0; MESSAGE_BYTES_MAX] }
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
            Socket::Tls(secure) => secure.read(together, space, &mut each).map_err(wrong),
            Socket::Tcp(listener, streams) => {
                for _ in 0..STREAMS_MAX {
                    match listener.accept() {
                        Ok((stream, _)) => {
                            if !has_room(streams, Instant::now()) {
                                continue;
                            }
                            stream.set_nonblocking(true).map_err(wrong)?;
                            together.add(&stream)?;
                            streams.push(Stream::new(stream));
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

/// Makes room for one more stream, where one has been silent for long.
fn has_room(streams: &mut Vec<Stream>, now: Instant) -> bool {
    if streams.len() < STREAMS_MAX {
        return true;
    }
    let silent = streams.iter().enumerate().min_by_key(|(_, stream)| stream.spoke);
    match silent {
        Some((at, stream)) if now.saturating_duration_since(stream.spoke) >= SILENCE => {
            streams.swap_remove(at);
            true
        }
        Some(_) | None => false,
    }
}

impl Stream {
    fn new(socket: TcpStream) -> Self {
        Self { socket, spoke: Instant::now(), cut: Cut::default() }
    }

    /// Whether it is still open, and whether more is to be had at once.
    fn read(&mut self, space: &mut [u8], each: &mut impl FnMut(&[u8], bool)) -> (bool, bool) {
        for _ in 0..8 {
            match self.socket.read(space) {
                Ok(0) => {
                    self.cut.end(each);
                    return (false, false);
                }
                Ok(count) => {
                    self.spoke = Instant::now();
                    self.cut.take(space.get(..count).unwrap_or_default(), each);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (true, false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return (false, false),
            }
        }
        (true, true)
    }
}

/// Cuts a stream into messages: by their length in front, or at the end of their line (RFC 6587 §3.4). Takes time linear in
/// what comes, however it comes.
#[derive(Debug, Default)]
struct Cut {
    /// What has come of a message that is not whole.
    held: Vec<u8>,
    /// How much of that has no end of a line.
    searched: usize,
    /// What is still to come of a message that is too long.
    rest: Rest,
}

#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    #[default]
    Nothing,
    Bytes(usize),
    Line,
}

/// How the next message lies in what is held.
#[derive(Debug, PartialEq, Eq)]
enum Frame {
    Whole { start: usize, end: usize, next: usize },
    TooLong { start: usize, rest: Option<usize> },
    NotYet,
}

impl Cut {
    fn take(&mut self, mut piece: &[u8], each: &mut impl FnMut(&[u8], bool)) {
        while !piece.is_empty() {
            piece = self.pass_over(piece);
            let room = (MESSAGE_BYTES_MAX + 8).saturating_sub(self.held.len());
            let (now, later) = piece.split_at_checked(room).unwrap_or((piece, b""));
            self.held.extend_from_slice(now);
            piece = later;
            self.messages(each);
        }
    }

    /// What follows the rest of a message that is too long.
    fn pass_over<'p>(&mut self, piece: &'p [u8]) -> &'p [u8] {
        let (passed, rest) = match self.rest {
            Rest::Nothing => return piece,
            Rest::Bytes(count) if count > piece.len() => {
                (piece.len(), Rest::Bytes(count - piece.len()))
            }
            Rest::Bytes(count) => (count, Rest::Nothing),
            Rest::Line => match piece.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, Rest::Nothing),
                None => (piece.len(), Rest::Line),
            },
        };
        self.rest = rest;
        piece.get(passed..).unwrap_or_default()
    }

    fn messages(&mut self, each: &mut impl FnMut(&[u8], bool)) {
        let mut at = 0;
        loop {
            let held = self.held.get(at..).unwrap_or_default();
            match frame(held, self.searched) {
                Frame::Whole { start, end, next } => {
                    each(&line(held.get(start..end).unwrap_or_default()), false);
                    (at, self.searched) = (at + next, 0);
                }
                Frame::TooLong { start, rest } => {
                    each(&line(held.get(start..).unwrap_or_default()), false);
                    self.rest = rest.map_or(Rest::Line, Rest::Bytes);
                    (at, self.searched) = (self.held.len(), 0);
                }
                Frame::NotYet => {
                    self.searched = held.len();
                    break;
                }
            }
        }
        self.held.drain(..at);
    }

    /// The last one may have no end.
    fn end(&mut self, each: &mut impl FnMut(&[u8], bool)) {
        if !self.held.is_empty() {
            each(&line(&self.held), false);
        }
        *self = Self::default();
    }
}

/// The next message; the first bytes, as many as were searched, hold no end of a line.
fn frame(held: &[u8], searched: usize) -> Frame {
    let digits = held.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    let is_counted = (1..=5).contains(&digits) && held.get(digits) == Some(&b' ');
    let text = held.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
    let length = text.and_then(|text| text.parse::<usize>().ok()).filter(|_| is_counted);
    let is_full = held.len() > MESSAGE_BYTES_MAX;
    if let Some(length) = length {
        let (start, end) = (digits + 1, digits + 1 + length);
        return match end.checked_sub(held.len()) {
            None | Some(0) => Frame::Whole { start, end, next: end },
            Some(rest) if is_full => Frame::TooLong { start, rest: Some(rest) },
            Some(_) => Frame::NotYet,
        };
    }
    let new = held.get(searched..).unwrap_or_default();
    match new.iter().position(|byte| *byte == b'\n') {
        Some(at) => Frame::Whole { start: 0, end: searched + at, next: searched + at + 1 },
        None if is_full => Frame::TooLong { start: 0, rest: None },
        None => Frame::NotYet,
    }
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
        let whole = |start, end, next| Frame::Whole { start, end, next };
        for (held, wanted) in [
            (&b"3 abc4 de"[..], whole(2, 5, 5)),
            (b"4 abc", Frame::NotYet),
            (b"<1>abc\n<1>", whole(0, 6, 7)),
            (b"abc", Frame::NotYet),
            (b"123456 abc\n", whole(0, 10, 11)),
            (b"12abc\n", whole(0, 5, 6)),
            (b"", Frame::NotYet),
        ] {
            assert_eq!(frame(held, 0), wanted, "{}", held.escape_ascii());
        }
    }

    /// What comes of a stream that comes in pieces of so many bytes.
    fn cut(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
        let (mut cut, mut lines) = (Cut::default(), Vec::new());
        let mut each = |line: &[u8], _: bool| lines.push(line.to_vec());
        for piece in stream.chunks(piece) {
            cut.take(piece, &mut each);
            assert!(cut.held.len() <= MESSAGE_BYTES_MAX + 8, "what is held is bounded");
        }
        cut.end(&mut each);
        lines
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_and_the_next_is_whole() {
        let long = vec![b'x'; 3 * MESSAGE_BYTES_MAX];
        let counted = [&b"99999 "[..], &long[..99_999], b"5 after"].concat();
        let by_line = [&b"<1>"[..], &long, b"\n<1>after\n"].concat();
        for stream in [counted, by_line] {
            for piece in [1, 777, 65_536, stream.len()] {
                let lines = cut(&stream, piece);
                assert_eq!(lines.len(), 2, "in pieces of {piece}");
                assert!(lines[0].len() > MESSAGE_BYTES_MAX / 2 && lines[0][0] == b'x');
                assert_eq!(lines[1], b"after");
            }
        }
    }

    #[test]
    fn messages_are_the_same_in_whatever_pieces_they_come() {
        let stream = b"<13>one\n8 <13>five<13>two\n\n3 abc<13>last";
        let whole = cut(stream, stream.len());
        assert_eq!(whole.len(), 6, "{whole:?}");
        for piece in 1..stream.len() {
            assert_eq!(cut(stream, piece), whole, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_silent_stream_makes_room_when_all_are_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut streams: Vec<Stream> = (0..STREAMS_MAX).map(|_| Stream::new(stream())).collect();
        let now = Instant::now();
        assert!(!has_room(&mut streams, now), "none is silent");
        streams[7].spoke = now.checked_sub(SILENCE).unwrap();
        let silent = streams[7].socket.local_addr().unwrap();
        assert!(has_room(&mut streams, now));
        assert_eq!(streams.len(), STREAMS_MAX - 1);
        assert!(streams.iter().all(|stream| stream.socket.local_addr().unwrap() != silent));
    }

    fn all(receiver: &mut Receiver, together: &Together, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
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
