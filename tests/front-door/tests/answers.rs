//! Answers of upstreams, byte by byte: what is one answer reaches its client as that, and nothing else does.

use crate::support::{
    self, Bed, connect, header, http_upstream, read_all, start_with, status, statuses,
};
use burgrave_config::Limits;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An upstream that answers as the test wrote.
struct Scripted {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// `answer` gets the request's header and the connection, and says whether that is read again.
fn scripted(answer: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (connections, heads) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::default()));
    let (count, seen, answer) = (Arc::clone(&connections), Arc::clone(&heads), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            thread::spawn(move || converse(stream, &seen, &*answer));
        }
    });
    Scripted { address, connections, heads }
}

fn converse(
    mut stream: TcpStream,
    seen: &Mutex<Vec<String>>,
    answer: &dyn Fn(&str, &mut TcpStream) -> bool,
) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(1, stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        seen.lock().unwrap().push(head.clone());
        if !answer(&head, &mut stream) {
            return;
        }
    }
}

fn before(upstream: &Scripted) -> Bed {
    let limits = Limits { upstream_time: Duration::from_secs(5), ..Limits::default() };
    let address = upstream.address;
    start_with(&limits, |settings| {
        settings.sites[0].routes[0].upstream = vec![http_upstream(address)];
    })
}

/// Without the lines of chunks' sizes, and their ends.
fn unchunked(answers: &str) -> String {
    let size = |line: &&str| line.len() == 1 && line.chars().all(|digit| digit.is_ascii_hexdigit());
    let mut out = String::new();
    let mut lines = answers.split("\r\n");
    while let Some(line) = lines.next() {
        if size(&line) {
            out.push_str(lines.next().unwrap_or_default());
        } else {
            out.push_str(line);
        }
    }
    out
}

const SMALL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers in all the ways in which one can end, and whether their connection goes on.
const ENDINGS: [(&str, bool); 6] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", true),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
        true,
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        false,
    ),
    ("HTTP/1.1 200 OK\r\n\r\nhello world", false),
    ("HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\nhello world", false),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        true,
    ),
];

#[test]
fn every_way_to_end_an_answer_arrives_whole_in_any_pieces() {
    let upstream = scripted(|head, stream| {
        // `/api/ANSWER/PIECE`
        let mut words = head.split(['/', ' ']).filter_map(|word| word.parse::<usize>().ok());
        let (answer, keeps) = ENDINGS[words.next().unwrap()];
        for part in answer.as_bytes().chunks(words.next().unwrap()) {
            stream.write_all(part).unwrap();
            thread::yield_now();
        }
        keeps
    });
    let bed = before(&upstream);
    for (number, (answer, keeps)) in ENDINGS.iter().enumerate() {
        for piece in [1, 7, 4096] {
            // On one connection, as each event loop has connections of its own.
            let request = format!("GET /api/{number}/{piece} HTTP/1.1\r\nHost: site.test\r\n\r\n");
            let begun = upstream.connections.load(Ordering::SeqCst);
            let last = request.replace("Host", "Connection: close\r\nHost");
            let got = bed.send([request.repeat(3), last].concat().as_bytes());
            assert_eq!(statuses(&got), [200; 4], "{answer:?} by {piece}: {got}");
            assert_eq!(unchunked(&got).matches("hello world").count(), 4, "{got}");
            assert!(!got.contains("X-T") && !got.contains("103"), "{got}");
            let more = upstream.connections.load(Ordering::SeqCst) - begun;
            // One may have been kept from before.
            assert!(if *keeps { more <= 1 } else { more >= 3 }, "{answer:?} by {piece}: {more}");
        }
    }
}

const POISON: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON";

#[test]
fn what_comes_unasked_reaches_nobody() {
    let (said, heard) = std::sync::mpsc::channel();
    let upstream = scripted(move |head, stream| {
        if head.starts_with("GET /api/joined ") {
            return stream.write_all(&[SMALL, POISON].concat()).is_ok();
        }
        stream.write_all(SMALL).unwrap();
        if head.starts_with("GET /api/later ") {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(POISON).unwrap();
            said.send(()).unwrap();
        }
        true
    });
    let bed = before(&upstream);
    let mut stream = connect(bed.address);
    let mut ask = |path: &str| {
        write!(stream, "GET /api/{path} HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
        let (mut got, mut byte) = (Vec::new(), [0]);
        while !got.ends_with(b"\r\n\r\nok") {
            assert_eq!(stream.read(&mut byte).unwrap(), 1);
            got.push(byte[0]);
        }
        assert!(!support::text(&got).contains("POISON"));
    };
    for _ in 0..5 {
        ask("joined");
        ask("next");
        ask("later");
        heard.recv().unwrap();
        // Whatever asks here lets the gateway hear of all that has come before.
        assert_eq!(status(&bed.ask("GET /no-such-file HTTP/1.1")), 404);
        thread::sleep(Duration::from_millis(50));
        ask("next");
    }
}

#[test]
fn an_answer_before_the_end_of_a_body_is_the_answer() {
    let upstream = scripted(|_, stream| {
        stream
            .write_all(
                b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig",
            )
            .unwrap();
        // Without reading it: the other side is told of a reset, perhaps while it still sends.
        thread::sleep(Duration::from_millis(50));
        false
    });
    let bed = before(&upstream);
    for _ in 0..5 {
        let mut stream = connect(bed.address);
        let size = 4 * 1024 * 1024;
        let head =
            format!("POST /api/up HTTP/1.1\r\nHost: site.test\r\nContent-Length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut sender = stream.try_clone().unwrap();
        // Whoever is answered early need not be heard to the end.
        let sending = thread::spawn(move || drop(sender.write_all(&vec![b'u'; size])));
        let mut got = vec![0; 12];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(support::text(&got), "HTTP/1.1 413");
        drop(stream);
        sending.join().unwrap();
    }
}

#[test]
fn bodies_arrive_as_they_were_framed() {
    let upstream = scripted(|head, stream| {
        let mut got = Vec::new();
        let end: &[u8] =
            if head.contains("transfer-encoding") { b"\r\n0\r\n\r\n" } else { b"done!" };
        let mut byte = [0];
        while !got.ends_with(end) {
            if stream.read(&mut byte).unwrap() == 0 {
                return false;
            }
            got.push(byte[0]);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", got.len());
        stream.write_all(&[head.as_bytes(), &got].concat()).unwrap();
        true
    });
    let bed = before(&upstream);
    let head = "POST /api/up HTTP/1.1\r\nHost: site.test\r\n";
    let small = format!("{head}Content-Length: 10\r\n\r\nare wdone!");
    let long = format!("{}done!", "x".repeat(300_000));
    let large = format!("{head}Content-Length: {}\r\n\r\n{long}", long.len());
    let chunked = "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunked}");
    let got = bed.send([small, large, chunked].concat().as_bytes());
    assert_eq!(statuses(&got), [200; 3]);
    assert!(got.contains("\r\n\r\nare wdone!HTTP/1.1") && got.contains(&long));
    let content = got.rsplit("\r\n\r\n").take(3).collect::<Vec<_>>();
    assert!(!got.contains("a=b") && !got.contains("X-T"), "extensions and trailers end here");
    let content = format!("{}{}", content[1], content[0]).replace(['\r', '\n'], "");
    assert!(content == "5abcde0" || content == "3abc2de0", "{content}");
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_head_of_unknown_length_says_none() {
    let upstream = scripted(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        true
    });
    let bed = before(&upstream);
    let two = "HEAD /api/x HTTP/1.1\r\nHost: site.test\r\n\r\n".repeat(2);
    let got = bed.send(two.as_bytes());
    assert_eq!(statuses(&got), [200, 200], "{got}");
    assert_eq!(header(&got, "content-length"), None, "{got}");
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn content_behind_an_answer_that_has_none_is_nobodys() {
    for (method, status_line) in
        [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 No Content")]
    {
        for pause in [0, 1, 20] {
            let (said, heard) = std::sync::mpsc::channel();
            let upstream = scripted(move |head, stream| {
                if !head.contains("/api/first") {
                    let good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";
                    return stream.write_all(good.as_bytes()).is_ok();
                }
                let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
                let first =
                    format!("HTTP/1.1 {status_line}\r\nContent-Length: {}\r\n\r\n", evil.len());
                stream.write_all(first.as_bytes()).unwrap();
                thread::sleep(Duration::from_millis(pause));
                let goes_on = stream.write_all(evil.as_bytes()).is_ok();
                said.send(()).unwrap();
                goes_on
            });
            let bed = before(&upstream);
            let mut client = connect(bed.address);
            write!(client, "{method} /api/first HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
            let mut first = vec![0; 4096];
            let count = client.read(&mut first).unwrap();
            assert!(!support::text(&first[..count]).contains("evil"));
            // Content that is not here yet nobody can know of.
            heard.recv().unwrap();
            client
                .write_all(
                    b"GET /api/second HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n",
                )
                .unwrap();
            let second = read_all(&mut client);
            assert_eq!(
                (status(&second), support::body(&second)),
                (200, "good"),
                "{status_line} {pause} ms: {second}"
            );
        }
    }
}

#[test]
fn no_client_is_sent_to_the_upstream_itself() {
    let own = Arc::new(Mutex::new(String::new()));
    let place = Arc::clone(&own);
    let upstream = scripted(move |head, stream| {
        let place = place.lock().unwrap();
        let to = if head.contains("/api/own ") { place.as_str() } else { "https://other.test" };
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {to}/login?a=b\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).is_ok()
    });
    *own.lock().unwrap() = format!("http://{}", upstream.address);
    let bed = before(&upstream);
    for (path, wanted) in [("own", "/login?a=b"), ("other", "https://other.test/login?a=b")] {
        let answer = bed.ask(&format!("GET /api/{path} HTTP/1.1"));
        assert_eq!((status(&answer), header(&answer, "location")), (302, Some(wanted)));
    }
}

#[test]
fn a_refusal_of_head_has_no_content() {
    let bed = support::start();
    for (method, empty) in [("HEAD", true), ("GET", false)] {
        let request = format!("{method} / HTTP/1.1\r\nHost: site.test\r\nno colon\r\n\r\n");
        let answer = bed.send(request.as_bytes());
        assert_eq!((status(&answer), support::body(&answer).is_empty()), (400, empty), "{answer}");
        assert!(header(&answer, "content-length").is_some_and(|length| length != "0"));
    }
}

#[test]
fn a_kept_connection_that_ends_is_replaced_for_what_may_be_repeated_only() {
    // Every connection answers once, and ends when it is asked again.
    let upstream = scripted(|head, stream| {
        if head.contains("/again ") {
            return false;
        }
        stream.write_all(SMALL).is_ok()
    });
    let bed = before(&upstream);
    let first = "GET /api/x HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let post = "POST /api/again HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi";
    let count = |what: &str| {
        let heads = upstream.heads.lock().unwrap();
        heads.iter().filter(|head| head.starts_with(what)).count()
    };
    let got = bed.send([first, post].concat().as_bytes());
    assert_eq!(statuses(&got), [200, 502], "{got}");
    assert_eq!(count("POST /api/again"), 1, "it may have been done");
    let got = bed.send([first, &first.replace("/x", "/again")].concat().as_bytes());
    assert_eq!(statuses(&got), [200, 502], "{got}");
    let asked = count("GET /api/again");
    assert!(asked >= 2, "{asked}");
}

#[test]
fn an_answer_of_two_lengths_is_none() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
    ] {
        let upstream = scripted(move |_, stream| stream.write_all(answer.as_bytes()).is_ok());
        let bed = before(&upstream);
        let mut stream = connect(bed.address);
        stream
            .write_all(b"GET /api/x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n")
            .unwrap();
        assert_eq!(status(&read_all(&mut stream)), 502, "{answer:?}");
    }
}

#[test]
fn fields_reach_the_upstream_as_they_were_spelled_and_in_their_order() {
    let upstream = scripted(|_, stream| stream.write_all(SMALL).is_ok());
    let bed = before(&upstream);
    let fields = "X-Second: 2\r\nACCEPT: a/b\r\nx-First: 1\r\nX-Second: 3\r\n";
    let request =
        format!("GET /api/x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n{fields}\r\n");
    assert_eq!(status(&bed.send(request.as_bytes())), 200);
    let head = upstream.heads.lock().unwrap().pop().unwrap();
    assert!(head.contains(fields), "{head}");
}
