//! A client of HTTP/3: by its library, and by hand for what the library does not send.

use super::tls::client;
use bytes::{Buf as _, Bytes};
use quinn::crypto::rustls::QuicClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// Types of frames (RFC 9114 §11.2.1), and one that means nothing.
pub mod kind {
    pub const DATA: u64 = 0;
    pub const HEADERS: u64 = 1;
    pub const CANCEL_PUSH: u64 = 3;
    pub const SETTINGS: u64 = 4;
    pub const PUSH_PROMISE: u64 = 5;
    pub const GOAWAY: u64 = 7;
    pub const MAX_PUSH_ID: u64 = 13;
    pub const MEANINGLESS: u64 = 0x21;
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: http::HeaderMap,
    pub body: Vec<u8>,
}

/// Where requests are sent.
pub type Sender = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;

/// A connection by QUIC, with nothing said on it.
pub async fn quic(address: SocketAddr, name: &str) -> quinn::Connection {
    connect(address, name).await.unwrap()
}

pub async fn connect(
    address: SocketAddr,
    name: &str,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    endpoint().connect(address, name).unwrap().await
}

/// A client's socket.
pub fn endpoint() -> quinn::Endpoint {
    let config = client(&rustls::version::TLS13, &[b"h3"]);
    let crypto = QuicClientConfig::try_from(config).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    endpoint
}

pub async fn open(address: SocketAddr) -> Sender {
    let connection = quic(address, "site.test").await;
    let connection = h3_quinn::Connection::new(connection);
    let (mut driver, sender) = h3::client::new(connection).await.unwrap();
    tokio::spawn(async move { std::future::poll_fn(|context| driver.poll_close(context)).await });
    sender
}

pub async fn ask(sender: &mut Sender, request: http::Request<()>, pieces: &[&[u8]]) -> Answer {
    try_ask(sender, request, pieces).await.unwrap()
}

pub async fn try_ask(
    sender: &mut Sender,
    request: http::Request<()>,
    pieces: &[&[u8]],
) -> Result<Answer, h3::error::StreamError> {
    let mut stream = sender.send_request(request).await?;
    for piece in pieces {
        stream.send_data(Bytes::copy_from_slice(piece)).await?;
    }
    stream.finish().await?;
    let response = stream.recv_response().await?;
    let mut body = Vec::new();
    while let Some(mut piece) = stream.recv_data().await? {
        body.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    Ok(Answer { status: response.status().as_u16(), fields: response.headers().clone(), body })
}

/// An integer of variable length (RFC 9000 §16), in the eight-byte form.
pub fn integer(value: u64) -> Vec<u8> {
    (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec()
}

pub fn frame(kind: u64, content: &[u8]) -> Vec<u8> {
    let length = u64::try_from(content.len()).unwrap();
    [integer(kind), integer(length), content.to_vec()].concat()
}

/// Literal fields with literal names (RFC 9204 §4.5.6).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = vec![0, 0];
    for (name, value) in fields {
        prefixed(&mut out, 0x20, 3, name.len());
        out.extend(name.as_bytes());
        prefixed(&mut out, 0, 7, value.len());
        out.extend(value.as_bytes());
    }
    out
}

/// The status of an answer whose first frame is its header and whose first field is the status, as
/// RFC 9114 §4.3 wants it; empty if that is not so.
///
/// It is read, not looked for: the same digits may stand in a date or in a request's number.
pub fn status(answer: &[u8]) -> String {
    let Some((kind, rest)) = taken(answer) else { return String::new() };
    let Some((_length, rest)) = taken(rest) else { return String::new() };
    // Behind the two bytes of the prefix (RFC 9204 §4.5.1), an empty table's.
    let [0, 0, field @ ..] = rest else { return String::new() };
    match (kind, field) {
        (1, [0xff, more @ 0..=8, ..]) => known(63 + more),
        (1, [indexed @ 0xc0..=0xfe, ..]) => known(indexed & 0x3f),
        // The name by its number, which takes two bytes past 14 (§4.5.4).
        (1, [0x5f, 9..=13 | 48..=56, length, value @ ..]) if length & 0x80 == 0 => {
            super::text(&value[..usize::from(*length)])
        }
        (1, [0x5f, 9..=13 | 48..=56, length, value @ ..]) => {
            digits(&value[..usize::from(length & 0x7f)])
        }
        _ => String::new(),
    }
}

/// An integer of variable length, and what follows it.
fn taken(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let first = bytes.first()?;
    let (head, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    let mut value = u64::from(first & 0x3f);
    for byte in &head[1..] {
        value = value << 8 | u64::from(*byte);
    }
    Some((value, rest))
}

/// The statuses of the static table (RFC 9204, appendix A).
fn known(index: u8) -> String {
    match index {
        24 => "103",
        25 => "200",
        26 => "304",
        27 => "404",
        28 => "503",
        63 => "100",
        64 => "204",
        65 => "206",
        66 => "302",
        67 => "400",
        68 => "403",
        69 => "421",
        70 => "425",
        71 => "500",
        _ => "",
    }
    .to_owned()
}

/// Digits in Huffman's code (RFC 7541, appendix B): five bits up to 2, then six.
fn digits(coded: &[u8]) -> String {
    let bits = coded.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let mut left = coded.len() * 8;
    let mut out = String::new();
    while left >= 5 {
        let five = bits >> (left - 5) & 0x1f;
        if five < 3 {
            (out, left) = (format!("{out}{five}"), left - 5);
        } else if left >= 6 && (0x19..0x20).contains(&(bits >> (left - 6) & 0x3f)) {
            (out, left) = (format!("{out}{}", (bits >> (left - 6) & 0x3f) - 0x16), left - 6);
        } else {
            break;
        }
    }
    out
}

/// An integer behind a prefix (RFC 7541 §5.1).
fn prefixed(out: &mut Vec<u8>, start: u8, bits: u32, value: usize) {
    let most = (1_usize << bits) - 1;
    if value < most {
        return out.push(start | u8::try_from(value).unwrap());
    }
    out.push(start | u8::try_from(most).unwrap());
    let mut rest = value - most;
    while rest >= 128 {
        out.push(u8::try_from(rest % 128).unwrap() | 0x80);
        rest /= 128;
    }
    out.push(u8::try_from(rest).unwrap());
}
