//! Application servers that speak something else than HTTP/1.1, as far as a request and its answer go.

use super::{HANG_TIME, Mood, State};
use std::io::{self, Read, Write};

/// HTTP/2 (RFC 9113 §3.4, §6): the preface, frames, flags.
const PREFACE_BYTES: usize = 24;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const WHOLE: u8 = 5;
/// `:status: 200`, from the table that both sides have (RFC 7541, appendix A).
const STATUS_200: u8 = 0x88;

/// FastCGI 1.0 §8: kinds of records.
const END_REQUEST: u8 = 3;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;

/// Serves HTTP/2 without TLS: each header is a request, whatever it asks for.
pub(super) fn http2(state: &State, client: &mut (impl Read + Write)) -> io::Result<()> {
    client.read_exact(&mut [0; PREFACE_BYTES])?;
    frame(client, (SETTINGS, 0), [0; 4], &[])?;
    loop {
        let mut head = [0; 9];
        client.read_exact(&mut head)?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let content = take(client, u32::from_be_bytes([0, high, middle, low]))?;
        match kind {
            HEADERS if said(state) => frame(client, (HEADERS, WHOLE), stream, &[STATUS_200])?,
            HEADERS => return Ok(()),
            SETTINGS if flags & ACK == 0 => frame(client, (SETTINGS, ACK), [0; 4], &[])?,
            PING if flags & ACK == 0 => frame(client, (PING, ACK), [0; 4], &content)?,
            _ => {}
        }
    }
}

/// Serves one FastCGI request, whatever it asks for.
pub(super) fn fastcgi(state: &State, client: &mut (impl Read + Write)) -> io::Result<()> {
    loop {
        let mut head = [0; 8];
        client.read_exact(&mut head)?;
        let [_, kind, _, _, high, low, padding, _] = head;
        let length = u32::from(u16::from_be_bytes([high, low]));
        take(client, length + u32::from(padding))?;
        if kind == STDIN && length == 0 {
            break;
        }
    }
    if !said(state) {
        return Ok(());
    }
    record(client, STDOUT, b"Status: 200 OK\r\n\r\nok")?;
    record(client, STDOUT, &[])?;
    record(client, END_REQUEST, &[0; 8])
}

/// Whether a request that has come is to be answered; one that hangs keeps it until nobody waits for it.
fn said(state: &State) -> bool {
    match state.note(false) {
        Mood::Well | Mood::Sick => true,
        Mood::Ends => false,
        Mood::Hangs => {
            std::thread::sleep(HANG_TIME);
            false
        }
    }
}

/// Content of a known length, which its peer, the gateway, keeps small.
fn take(client: &mut impl Read, length: u32) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    client.take(u64::from(length)).read_to_end(&mut content)?;
    Ok(content)
}

fn frame(
    client: &mut impl Write,
    (kind, flags): (u8, u8),
    stream: [u8; 4],
    content: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(content.len()).unwrap_or(0).to_be_bytes();
    let [_, high, middle, low] = length;
    let head = [high, middle, low, kind, flags];
    client.write_all(&[&head[..], &stream, content].concat())
}

fn record(client: &mut impl Write, kind: u8, content: &[u8]) -> io::Result<()> {
    let [high, low] = u16::try_from(content.len()).unwrap_or(0).to_be_bytes();
    client.write_all(&[&[1, kind, 0, 1, high, low, 0, 0], content].concat())
}
