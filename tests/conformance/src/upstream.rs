//! The application behind the gateway as the CRS tests want it: `/reflect` answers what the request
//! describes, everything else gets 200 and nothing.

use crate::engine::Answer;
use crate::message::Request;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Serves on a port of its own until the process ends.
pub fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream) {
    drop(stream.set_read_timeout(Some(Duration::from_mins(1))));
    let mut seen = Vec::new();
    let mut buffer = vec![0; 65536];
    while let Some(length) = message_length(&seen).or_else(|| {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        seen.extend_from_slice(buffer.get(..read)?);
        (seen.len() < REQUEST_BYTES_MAX).then_some(0)
    }) {
        if length == 0 {
            continue;
        }
        let rest = seen.split_off(length.min(seen.len()));
        let Some(request) = Request::parse(&seen) else { return };
        if stream.write_all(&answer(&request)).is_err() {
            return;
        }
        seen = rest;
    }
}

/// The length of the first request, once it is whole.
fn message_length(seen: &[u8]) -> Option<usize> {
    let head = seen.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let request = Request::parse(seen.get(..head)?)?;
    if request.header("transfer-encoding").is_some() {
        let end = seen.get(head - 2..)?.windows(7).position(|end| end == b"\r\n0\r\n\r\n")?;
        return Some(head + end + 5);
    }
    let length = request.header("content-length").and_then(|value| std::str::from_utf8(value).ok());
    let whole = head + length.and_then(|length| length.parse().ok()).unwrap_or(0);
    (seen.len() >= whole).then_some(whole)
}

fn answer(request: &Request) -> Vec<u8> {
    let answer = Answer::to(request);
    let body = answer.bytes();
    let mut out = format!("HTTP/1.1 {} Answer\r\n", answer.status.unwrap_or(200));
    for (name, value) in answer.fields() {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut out = out.into_bytes();
    if request.method != b"HEAD" {
        out.extend_from_slice(&body);
    }
    out
}
