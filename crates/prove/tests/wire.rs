//! The client against servers that behave badly: always an end, always the right word for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod support;

use burgrave_model::{Outcome, Safeguard};
use burgrave_prove::{Door, Layer, Reply, Wire, WireError, WireLimits, prove_within};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use support::{short_patience, target};

/// A server that does this with each connection, which it counts from 0.
fn script(act: fn(TcpStream, usize)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            std::thread::spawn(move || act(stream, number));
        }
    });
    address
}

fn limits() -> WireLimits {
    WireLimits { answer_time: Duration::from_secs(2), ..short_patience() }
}

/// What a request comes to, and that it comes to an end.
fn ask(address: SocketAddr, layer: Layer) -> Reply {
    let begin = Instant::now();
    let mut wire = Wire::new(&target(address, layer), limits());
    let request = b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    let reply = wire.exchange(Door { address, layer }, "shop.test", request);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    reply
}

fn read_some(stream: &mut TcpStream) {
    // However much it is: the script goes on.
    drop(stream.read(&mut [0; 4096]));
}

fn say(mut stream: TcpStream, bytes: &[u8]) {
    read_some(&mut stream);
    stream.write_all(bytes).ok();
}

#[test]
fn an_answer_is_read_to_its_end() {
    let reply = ask(
        script(|stream, _| say(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
        Layer::Plain,
    );
    assert!(matches!(&reply, Reply::Answer(answer) if answer.body == b"ok"), "{reply:?}");
}

#[test]
fn a_close_without_a_word_is_a_close() {
    let reply = ask(script(|mut stream, _| read_some(&mut stream)), Layer::Plain);
    assert!(matches!(reply, Reply::Closed(_)), "{reply:?}");
    let reply = ask(script(|mut stream, _| read_some(&mut stream)), Layer::Tls);
    assert!(matches!(&reply, Reply::Closed(how) if how.contains("TLS")), "{reply:?}");
}

#[test]
fn silence_is_silence() {
    let mute = script(|_stream, _| std::thread::sleep(Duration::from_mins(1)));
    assert!(matches!(ask(mute, Layer::Plain), Reply::Silent));
    assert!(matches!(ask(mute, Layer::Tls), Reply::Silent));
}

#[test]
fn other_protocols_are_garbage() {
    let reply = ask(script(|stream, _| say(stream, b"SSH-2.0-x\r\n\r\n")), Layer::Plain);
    assert!(matches!(reply, Reply::Garbage(_)), "{reply:?}");
    let reply = ask(script(|stream, _| say(stream, b"HTTP/1.1 400 X\r\n\r\n")), Layer::Tls);
    assert!(matches!(reply, Reply::Closed(_)), "no TLS: {reply:?}");
}

#[test]
fn a_half_answer_is_no_answer() {
    let reply = ask(script(|stream, _| say(stream, b"HTTP/1.1 200 OK\r\nServ")), Layer::Plain);
    assert!(matches!(reply, Reply::Garbage(_)), "{reply:?}");
}

#[test]
fn an_answer_that_drips_ends_with_the_time() {
    let dripping = script(|mut stream, _| {
        read_some(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").ok();
        for _ in 0..1_200 {
            std::thread::sleep(Duration::from_millis(50));
            if stream.write_all(b"a").is_err() {
                return;
            }
        }
    });
    assert!(!matches!(ask(dripping, Layer::Plain), Reply::Answer(_)));
}

#[test]
fn a_flood_is_read_only_so_far() {
    let flood = script(|mut stream, _| {
        read_some(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        let piece = [b'a'; 16384];
        for _ in 0..4096 {
            if stream.write_all(&piece).is_err() {
                return;
            }
        }
    });
    let reply = ask(flood, Layer::Plain);
    let Reply::Answer(answer) = reply else { panic!("{reply:?}") };
    assert!(answer.body.len() <= limits().answer_bytes_max, "{}", answer.body.len());
}

#[test]
fn a_rate_limit_is_waited_for() {
    let busy = script(|stream, number| {
        let status = if number < 2 { 429 } else { 200 };
        say(stream, format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes());
    });
    let reply = ask(busy, Layer::Plain);
    assert!(matches!(&reply, Reply::Answer(answer) if answer.status == 200), "{reply:?}");
}

#[test]
fn what_cannot_be_reached_or_named_is_unsent() {
    let reply = ask(support::dead(), Layer::Plain);
    assert!(matches!(reply, Reply::Unsent(WireError::Connect { .. })), "{reply:?}");
    let address = support::start(support::Kind::Sound, Layer::Tls);
    let mut wire = Wire::new(&target(address, Layer::Tls), limits());
    let reply = wire.exchange(Door { address, layer: Layer::Tls }, "no name", b"GET /");
    assert!(matches!(reply, Reply::Unsent(WireError::Name(_))), "{reply:?}");
}

#[test]
fn a_budget_of_connections_is_kept() {
    let address = support::start(support::Kind::Sound, Layer::Plain);
    let two = WireLimits { connections_max: 2, ..limits() };
    let mut wire = Wire::new(&target(address, Layer::Plain), two);
    let door = Door { address, layer: Layer::Plain };
    let spent: Vec<_> = (0..4)
        .map(|_| matches!(wire.open(door, "shop.test"), Err(Reply::Unsent(WireError::Spent))))
        .collect();
    assert_eq!(spent, [false, false, true, true]);
}

/// The outcome of the proof of TLS against a script.
fn tls(act: fn(TcpStream, usize)) -> Outcome {
    let target = target(script(act), Layer::Tls);
    let proofs = prove_within(&target, &[Safeguard::WebServer], limits());
    let tls = proofs.iter().find(|proof| proof.id == "tls").expect("runs");
    assert!(tls.evidence.len() >= 3, "{tls:?}");
    tls.outcome
}

#[test]
fn without_a_sound_handshake_nothing_is_said_of_tls() {
    assert_eq!(tls(|stream, _| say(stream, &[0x15, 3, 3, 0, 2, 2, 40])), Outcome::NotProven);
    assert_eq!(tls(|stream, _| say(stream, b"HTTP/1.1 400 X\r\n\r\n")), Outcome::NotProven);
    assert_eq!(tls(|_stream, _| std::thread::sleep(Duration::from_secs(1))), Outcome::NotProven);
    assert_eq!(tls(|stream, _| drop(stream)), Outcome::NotProven);
}
