//! What is large streams: a gigabyte either way, and memory stays as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a test asks for its own memory")]

mod support;

use burgrave_config::Limits;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use support::{connect, http_upstream, start_with};

const SIZE: usize = 1024 * 1024 * 1024;
const PIECE: usize = 64 * 1024;
/// Gateway, client and upstream together may grow by so much, in kilobytes.
const GROWTH_MAX: u64 = 64 * 1024;

/// The most memory that this process ever held, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn head_of(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    support::text(&head)
}

/// Takes a body whole and tells its length, or sends one.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let head = head_of(&mut stream);
                if head.starts_with("GET ") {
                    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").unwrap();
                    give(&mut stream);
                    return;
                }
                let (mut piece, mut count) = (vec![0; PIECE], 0);
                // What is chunked ends with a mark that no content here holds.
                let chunked = head.contains("transfer-encoding: chunked");
                while if chunked { !piece.ends_with(b"\r\n0\r\n\r\n") } else { count < SIZE } {
                    let mut room = vec![0; PIECE];
                    let got = stream.read(&mut room).unwrap();
                    assert!(got > 0, "{count}");
                    count +=
                        room[..got].split(|byte| *byte != b'u').map(<[u8]>::len).sum::<usize>();
                    piece.extend_from_slice(&room[..got]);
                    piece.drain(..piece.len() - 7);
                }
                let told = count.to_string();
                let length = told.len();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{told}"
                )
                .unwrap();
            });
        }
    });
    address
}

fn give(stream: &mut TcpStream) {
    let piece = vec![b'u'; PIECE];
    for _ in 0..SIZE / PIECE {
        stream.write_all(&piece).unwrap();
    }
}

#[test]
fn a_gigabyte_either_way_takes_no_memory() {
    let address = upstream();
    let limits = Limits { body_bytes: 4 * 1024 * 1024 * 1024, ..Limits::default() };
    let bed = start_with(&limits, |settings| {
        settings.sites[0].routes[0].upstream = vec![http_upstream(address)];
    });
    let before = peak();
    let head = "POST /api/up HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n";

    let mut stream = connect(bed.address);
    write!(stream, "{head}Content-Length: {SIZE}\r\n\r\n").unwrap();
    give(&mut stream);
    let answer = support::read_all(&mut stream);
    assert!(answer.ends_with(&format!("\r\n\r\n{SIZE}")), "{answer}");

    let mut stream = connect(bed.address);
    write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [format!("{PIECE:x}\r\n").as_bytes(), &vec![b'u'; PIECE], b"\r\n"].concat();
    for _ in 0..SIZE / PIECE {
        stream.write_all(&chunk).unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let answer = support::read_all(&mut stream);
    assert!(answer.ends_with(&format!("\r\n\r\n{SIZE}")), "{answer}");

    let mut stream = connect(bed.address);
    stream
        .write_all(b"GET /api/down HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
        .unwrap();
    let answer = head_of(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (mut left, mut piece) = (SIZE, vec![0; PIECE]);
    while left > 0 {
        let got = stream.read(&mut piece).unwrap();
        assert!(got > 0, "{left} are missing");
        left -= got;
    }
    assert_eq!(stream.read(&mut piece).unwrap(), 0, "and no more");

    let grown = peak() - before;
    assert!(grown < GROWTH_MAX, "{grown} KB");
    eprintln!("three times a gigabyte: {grown} KB");
}
