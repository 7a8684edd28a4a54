//! A server without any safeguard: answers 200 to everything, waits for ever, believes every length,
//! names itself, and would speak TLS of any age.

use super::{Client, LIFE};
use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

/// Answers a client hello that offers nothing sound with a server hello for what it does offer;
/// false for a modern one, which is left unread.
/// With `only`, just this version and suite is taken, and everything else gets an alert.
pub fn old_hello(mut socket: &TcpStream, only: Option<(u16, u16)>) -> bool {
    let mut hello = [0; 512];
    let Ok(count) = socket.peek(&mut hello) else { return true };
    let hello = &hello[..count];
    // Record 5, message 4, version 2, random 32, then the session id with its length.
    let Some(id) = hello.get(43).copied() else { return true };
    let at = 44 + usize::from(id);
    let Some([high, low, rest @ ..]) = hello.get(at..) else { return true };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    // What is no client hello is left unanswered, and the connection is closed.
    let Some(suites) = rest.get(..length) else { return true };
    let suites: Vec<_> =
        suites.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    if suites.iter().any(|suite| [0xc02b, 0xc02c, 0xc02f, 0xc030, 0x1301].contains(suite)) {
        return false;
    }
    let version = u16::from_be_bytes([hello[9], hello[10]]);
    if only.is_some_and(|(old, suite)| version != old || !suites.contains(&suite)) {
        // Handshake failure.
        socket.write_all(&[0x15, 3, 3, 0, 2, 2, 40]).ok();
        return true;
    }
    let mut answer = vec![0x16, 3, hello[2], 0, 42, 2, 0, 0, 38, hello[9], hello[10]];
    answer.extend_from_slice(&[7; 32]);
    answer.push(0);
    let Some(suite) = suites.first() else { return true };
    answer.extend_from_slice(&suite.to_be_bytes());
    answer.push(0);
    socket.write_all(&answer).ok();
    true
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nServer: x/1.2\r\nContent-Length: 2\r\n\r\nok";

pub fn serve(mut client: Client) {
    let end = Instant::now() + LIFE;
    loop {
        let (mut length, mut begun, mut close) = (0, false, false);
        // Any line is a header line, the first one as well.
        while let Some(line) = client.line(end) {
            let text: String = line.iter().map(|byte| char::from(*byte)).collect();
            let lower = text.trim().to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            close |= lower == "connection: close";
            if lower.is_empty() && begun {
                break;
            }
            begun |= !lower.is_empty();
        }
        if !begun || client.take(length, LIFE).is_none() || !client.say(ANSWER) {
            return;
        }
        if close && client.buffer_is_empty() {
            return;
        }
    }
}

impl Client {
    fn buffer_is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}
