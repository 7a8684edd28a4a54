//! Clients that are slow, silent or many.

use crate::support::{self, SOON, connect, read_all, start, start_with, status, statuses, until};
use burgrave_config::Limits;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

fn quick() -> Limits {
    Limits {
        header_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        idle_time: Duration::from_millis(300),
        rate_min: 1000,
        ..Limits::default()
    }
}

/// How long until the connection ends, and what it said.
fn until_end(stream: &mut std::net::TcpStream) -> (Duration, String) {
    let start = Instant::now();
    let answer = read_all(stream);
    (start.elapsed(), answer)
}

#[test]
fn a_header_must_come_in_time() {
    let bed = start_with(&quick(), |_| {});
    let mut silent = connect(bed.address);
    let (time, answer) = until_end(&mut silent);
    assert!(answer.is_empty() && time < SOON, "{time:?}");
    let mut slow = connect(bed.address);
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    let mut drip = slow.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..400 {
            std::thread::sleep(Duration::from_millis(50));
            if drip.write_all(b"y").is_err() {
                break;
            }
        }
    });
    let (time, answer) = until_end(&mut slow);
    assert!(time < SOON * 2, "dripping does not put it off: {time:?}");
    assert_eq!(status(&answer), 408);
    thread.join().unwrap();
    assert_eq!(bed.log(1)[0]["reason"], "header too slow");
}

#[test]
fn an_idle_connection_is_closed() {
    let bed = start_with(&quick(), |_| {});
    let mut stream = connect(bed.address);
    // It is idle after this.
    let start = Instant::now();
    stream.write_all(b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let time = start.elapsed();
    assert!(answer.len() > 1024, "{}", support::text(&answer));
    assert!(time >= Duration::from_millis(300) && time < SOON, "{time:?}");
}

#[test]
fn a_body_must_not_pause() {
    let bed = start_with(&quick(), |_| {});
    let mut stream = connect(bed.address);
    stream
        .write_all(b"POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Length: 10\r\n\r\nabc")
        .unwrap();
    let (time, answer) = until_end(&mut stream);
    assert!(time < SOON, "{time:?}");
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(bed.log(1)[0]["reason"], "body too slow");
    assert!(bed.backend.seen().is_empty());
}

#[test]
fn a_body_must_keep_a_rate() {
    // No pause of the client's, whatever else the machine does, is as long as this.
    let limits = Limits { body_time: Duration::from_secs(2), ..quick() };
    let bed = start_with(&limits, |_| {});
    let mut stream = connect(bed.address);
    stream
        .write_all(b"POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000\r\n\r\n")
        .unwrap();
    let mut drip = stream.try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        for _ in 0..600 {
            std::thread::sleep(Duration::from_millis(50));
            if drip.write_all(b"y").is_err() {
                break;
            }
        }
    });
    let (time, answer) = until_end(&mut stream);
    assert!(time < SOON * 3, "{time:?}");
    assert_eq!(status(&answer), 408, "{answer}");
    assert_eq!(bed.log(1)[0]["reason"], "body below the minimum rate");
    thread.join().unwrap();
}

#[test]
fn one_client_has_so_many_connections() {
    let limits = Limits { connections_per_client: 3, ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let held: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = connect(bed.address);
            stream.write_all(b"GET /api/hang HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
            stream
        })
        .collect();
    until("three are served", || bed.backend.seen().len() == 3);
    let mut fourth = connect(bed.address);
    assert_eq!(fourth.read(&mut [0; 8]).unwrap_or(0), 0);
    drop(held);
    until("places come back", || status(&bed.ask("GET /1k.txt HTTP/1.1")) == 200);
    assert!(bed.gateway.counts().refused >= 1);
    assert_eq!(bed.logged("too many connections")["decision"], "limit");
}

#[test]
fn slow_connections_make_room_for_the_next_of_their_client() {
    let limits = Limits { connections_per_client: 20, ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let mut first = connect(bed.address);
    first
        .write_all(b"POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Length: 9\r\n\r\na")
        .unwrap();
    until("it has its place", || bed.gateway.counts().connections > 0);
    std::thread::sleep(Duration::from_millis(100));
    let held: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connect(bed.address);
            stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
            stream
        })
        .collect();
    // All have their places, or lost them: what is tested is who goes for the next one.
    until("all have come", || bed.gateway.counts().connections >= 61);
    support::within_a_second(|| assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200));
    assert_eq!(first.read(&mut [0; 8]).unwrap_or(0), 0);
    let line = bed.logged("displaced by a newer connection of this client");
    assert_eq!((&line["decision"], &line["http.target"]), (&"limit".into(), &"/api/x".into()));
    drop(held);
}

#[test]
fn many_idle_connections_do_not_hurt_the_next_one() {
    let limits = Limits { connections_per_client: 600, ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let held: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = connect(bed.address);
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    support::within_a_second(|| assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200));
    drop(held);
}

#[test]
fn a_kept_connection_goes_on_after_a_silence() {
    let limits = Limits { idle_time: Duration::from_secs(4), ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let mut stream = connect(bed.address);
    let request = b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let post = b"POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Length: 3\r\n\r\nabc";
    let mut answered = |bytes: &[u8], count: usize| {
        stream.write_all(bytes).unwrap();
        let (mut all, mut piece) = (String::new(), [0; 4096]);
        while support::statuses(&all).len() < count || !all.ends_with(['a', 'k', '\n', '}']) {
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "it has ended after {all}");
            all.push_str(&support::text(&piece[..read]));
        }
        support::statuses(&all)
    };
    // Silent before the first request, and past the time that the library stays.
    std::thread::sleep(Duration::from_millis(1300));
    for _ in 0..2 {
        assert_eq!(answered(request, 1), [200]);
        std::thread::sleep(Duration::from_millis(1300));
        assert_eq!(answered(&[&request[..], post, request].concat(), 3), [200; 3]);
        std::thread::sleep(Duration::from_millis(1300));
    }
    // In two pieces, the first of which ends the silence.
    let (one, two) = request.split_at(9);
    stream.write_all(one).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(two).unwrap();
    assert!(support::read_all(&mut stream).starts_with("HTTP/1.1 200"));
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let begin = Instant::now();
    assert_eq!(stream.read(&mut [0; 16]).unwrap(), 0, "idle for too long");
    assert!(begin.elapsed() < SOON * 4, "{:?}", begin.elapsed());
    assert_eq!(bed.log(9).len(), 9);
}

#[test]
fn a_client_is_not_waited_for_that_has_made_its_last_request() {
    let bed = start();
    let last = b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
    let mut stream = connect(bed.address);
    stream.write_all(last).unwrap();
    assert_eq!(status(&read_all(&mut stream)), 200);
    // It keeps its end open. Whoever waits for it would do so for a second.
    let asked = Instant::now();
    while stream.write_all(b"?").and_then(|()| stream.read(&mut [0])).is_ok() {
        assert!(asked.elapsed() < Duration::from_millis(900), "the other end is still there");
        std::thread::sleep(Duration::from_millis(1));
    }
    // What follows the last request is heard out, so that the answer is not lost to a reset.
    let mut stream = connect(bed.address);
    stream.write_all(&[&last[..], &b"?".repeat(40_000)].concat()).unwrap();
    assert_eq!(statuses(&read_all(&mut stream)), [200]);
}
