//! Messages of syslog (RFC 5424), each with its length in front (RFC 5425, RFC 6587 §3.4.1).
//!
//! The protocol has no answer: lines that were handed to the kernel when the other side went away are lost. So before each
//! batch it is looked whether the other side has ended the connection, and a batch that fails is sent again whole.

use crate::deliver::{Collector, PATIENCE};
use crate::line::Record;
use burgrave_client::{Address, Connection, Tls, connect};
use std::io::Write as _;

/// Of the facility `local0` (16 · 8): a warning, and news.
const WARNING: u8 = 132;
const NEWS: u8 = 134;
/// Bytes that are written at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A syslog server.
pub(crate) struct Syslog {
    address: Address,
    tls: Option<Tls>,
    host: String,
    connection: Option<Connection>,
}

impl Syslog {
    pub(crate) fn new(address: Address, tls: Option<Tls>) -> Self {
        Self { address, tls, host: host(), connection: None }
    }

    fn send(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let is_over = self.connection.as_mut().is_none_or(|own| own.is_closed().unwrap_or(true));
        if is_over {
            self.connection = Some(connect(&self.address, self.tls.as_ref(), PATIENCE)?);
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let mut piece = Vec::new();
        for line in lines {
            let message = message(line, &self.host);
            piece.extend_from_slice(format!("{} ", message.len()).as_bytes());
            piece.extend_from_slice(&message);
            if piece.len() >= PIECE_BYTES {
                connection.write_all(&piece)?;
                piece.clear();
            }
        }
        connection.write_all(&piece)?;
        connection.flush()
    }
}

impl Collector for Syslog {
    fn deliver(&mut self, lines: &[Vec<u8>]) -> std::io::Result<()> {
        let sent = self.send(lines);
        if sent.is_err() {
            self.connection = None;
        }
        sent
    }
}

/// This machine, as a header may name it.
pub(crate) fn host() -> String {
    let name = burgrave_sys::host_name();
    let plain = name.into_iter().filter(u8::is_ascii_graphic).take(255);
    let name: String = plain.map(char::from).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// A line as a message; the time is the request's.
fn message(line: &[u8], host: &str) -> Vec<u8> {
    let record = Record::of(line);
    let priority = match &record {
        Some(record) if !record.is_notable() => NEWS,
        Some(_) | None => WARNING,
    };
    let time = record.as_ref().map_or("-", |record| record.time.as_ref());
    // One that is no time would be read as another field.
    let is_time = |byte: u8| byte.is_ascii_digit() || b"-:.TZ+".contains(&byte);
    let time = if time.bytes().all(is_time) { time } else { "-" };
    let mut out = format!("<{priority}>1 {time} {host} burgrave - access - ").into_bytes();
    out.extend_from_slice(line);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::tests::line;

    #[test]
    fn a_line_becomes_a_message() {
        let text = line("/", 200, "file");
        let wanted = format!("<134>1 2026-11-21T04:21:36.301840Z web1 burgrave - access - {text}");
        assert_eq!(message(text.as_bytes(), "web1"), wanted.as_bytes());
        assert!(message(line("/", 403, "block").as_bytes(), "web1").starts_with(b"<132>1 2026"));
        assert_eq!(message(b"{\"ti", "web1"), b"<132>1 - web1 burgrave - access - {\"ti");
        let forged = text.replace("2026-11-21T04:21:36.301840Z", "x y z");
        assert!(message(forged.as_bytes(), "web1").starts_with(b"<134>1 - web1 "));
    }
}
