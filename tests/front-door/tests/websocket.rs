//! `WebSocket` frames through the gateway (RFC 6455): every byte as it was sent, in whatever pieces, in both directions. What
//! the frames mean is the application's business: good ones and broken ones must reach it alike.

use crate::support::{self, Bed, connect, start};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Instant;

const HANDSHAKE: &str = "GET /api/ws HTTP/1.1\r\nHost: site.test\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A frame of a client (RFC 6455 §5.2): first byte, masked payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![first];
    match payload.len() {
        length @ 0..126 => out.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..65_536 => {
            out.push(0xfe);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            out.push(0xff);
            out.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

/// A tunnel to an application that sends everything back; its greeting is read.
fn open(bed: &Bed) -> TcpStream {
    let mut stream = connect(bed.address);
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).unwrap();
    let (mut got, mut byte) = (Vec::new(), [0]);
    while !got.ends_with(b"\r\n\r\nhello") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", support::text(&got));
        got.extend(byte);
    }
    assert!(got.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// The cases, after the sections of the test suite that browsers and servers are held to: framing, pings, reserved bits and
/// opcodes, fragments, texts, closing, sizes.
fn cases() -> Vec<(String, Vec<u8>)> {
    let (text, binary, more, close, ping, answer) = (0x81, 0x82, 0x80, 0x88, 0x89, 0x8a);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for length in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 200_000] {
        all.push((format!("text of {length}"), frame(text, &vec![b'*'; length])));
        all.push((format!("binary of {length}"), frame(binary, &vec![0xfe; length])));
    }
    for length in [0, 1, 125] {
        all.push((format!("ping of {length}"), frame(ping, &vec![7; length])));
        all.push((format!("unasked pong of {length}"), frame(answer, &vec![7; length])));
    }
    all.push(("ping of 126".to_owned(), frame(ping, &[7; 126])));
    all.push(("ten pings".to_owned(), frame(ping, b"x").repeat(10)));
    for bits in 1..8_u8 {
        all.push((format!("reserved bits {bits}"), frame(text | (bits << 4), b"reserved")));
    }
    for code in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        all.push((format!("opcode {code}"), frame(0x80 | code, b"opcode")));
    }
    let parts = [frame(0x01, b"frag"), frame(0x00, b"men"), frame(more, b"ts")].concat();
    let with_ping = [frame(0x01, b"frag"), frame(ping, b"!"), frame(more, b"ments")].concat();
    for (name, bytes) in [
        ("fragments", parts),
        ("a ping between fragments", with_ping),
        ("a fragmented ping", frame(0x09, b"no")),
        ("a fragment of nothing", frame(more, b"no")),
        ("a text within a text", [frame(0x01, b"a"), frame(text, b"b")].concat()),
        (
            "ten thousand fragments",
            [frame(0x02, b""), frame(0x00, b"x").repeat(10_000), frame(more, b"")].concat(),
        ),
        ("a text that is no UTF-8", frame(text, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")),
        ("a character in two fragments", [frame(0x01, b"\xce"), frame(more, b"\xba")].concat()),
        ("zeros", frame(text, &[0; 300])),
        ("a request in a frame", frame(text, b"GET /admin HTTP/1.1\r\nHost: site.test\r\n\r\n")),
        (
            "a request in place of a frame",
            b"GET /admin HTTP/1.1\r\nHost: site.test\r\n\r\n".to_vec(),
        ),
        ("an unmasked frame", b"\x81\x02hi".to_vec()),
        ("a length in too many bytes", b"\x81\xfe\x00\x01\x00\x00\x00\x00a".to_vec()),
        (
            "a length past all bounds",
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00abc".to_vec(),
        ),
    ] {
        all.push((name.to_owned(), bytes));
    }
    for code in [1000, 1001, 1005, 1006, 1011, 1015, 999, 3000, 5000, 65_535_u16] {
        let payload = [&code.to_be_bytes()[..], b"bye"].concat();
        all.push((format!("close {code}"), frame(close, &payload)));
    }
    for payload in [&b""[..], b"\x03", b"\x03\xe8\xff", &[0x03; 126]] {
        all.push((format!("close of {} bytes", payload.len()), frame(close, payload)));
    }
    all
}

fn back(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut got = vec![0; count];
    stream.read_exact(&mut got).unwrap();
    got
}

#[test]
fn every_frame_arrives_and_comes_back_as_it_was_sent() {
    let bed = start();
    let cases = cases();
    assert!(cases.len() > 70, "{}", cases.len());
    let mut stream = open(&bed);
    for (name, bytes) in &cases {
        for piece in [bytes.len(), 1_000, 3] {
            if bytes.len() / piece > 20_000 {
                continue;
            }
            let mut writer = stream.try_clone().unwrap();
            let (sent, count) = (bytes.clone(), bytes.len());
            let thread = std::thread::spawn(move || {
                sent.chunks(piece).for_each(|part| writer.write_all(part).unwrap());
            });
            assert!(back(&mut stream, count) == *bytes, "{name} in pieces of {piece}");
            thread.join().unwrap();
        }
    }
    println!("{} cases of WebSocket frames, in up to three kinds of pieces each", cases.len());
}

#[test]
fn what_an_application_says_last_arrives_after_the_client_has_ended() {
    let bed = start();
    let mut stream = open(&bed);
    let close = frame(0x88, b"\x03\xe8");
    stream.write_all(&close).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, close, "the answer to a close, and then the end");
}

#[test]
fn an_application_that_goes_away_ends_the_tunnel() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 2048];
        drop(stream.read(&mut head));
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello\x88\x02\x03\xe8";
        drop(stream.write_all(answer));
    });
    let limits = burgrave_config::Limits::default();
    let bed = support::start_with(&limits, |settings| {
        let upstream = support::http_upstream(address);
        settings.sites[0].routes = vec![support::route("/api/", upstream, &limits)];
    });
    let begin = Instant::now();
    let mut stream = open(&bed);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"\x88\x02"), "{rest:?}");
    assert!(begin.elapsed() < support::PATIENCE / 2);
}
