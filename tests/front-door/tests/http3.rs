//! HTTP/3: what goes through, what is refused, and floods.

use crate::support::h2::{http2, request};
use crate::support::h3::kind::{CANCEL_PUSH, DATA, HEADERS, MEANINGLESS, PUSH_PROMISE, SETTINGS};
use crate::support::h3::{
    Answer, ask, block, connect, endpoint, frame, integer, open, quic, try_ask,
};
use crate::support::tls::Authorities;
use crate::support::{self, Bed, any_port, start_with};
use burgrave_config::{Limits, Listen, Tls};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Most time that a client may be waited for in a test.
const SOON: Duration = support::PATIENCE;

fn bed() -> Bed {
    bed_with(&Limits::default())
}

fn bed_with(limits: &Limits) -> Bed {
    start_with(limits, |settings| {
        settings.listeners = vec![Listen::secure(any_port())];
        settings.sites[0].tls = Some(Tls::SelfSigned);
    })
}

fn get(path: &str) -> http::Request<()> {
    request("GET", &format!("https://site.test{path}"), &[], ())
}

#[test]
fn files_and_applications_are_served() {
    let bed = bed();
    http2(async || {
        let mut sender = open(bed.address).await;
        let front = ask(&mut sender, get("/"), &[]).await;
        assert_eq!((front.status, front.body.as_slice()), (200, &b"<p>front</p>\n"[..]));
        for name in ["date", "content-length", "strict-transport-security"] {
            assert!(front.fields.contains_key(name), "{name} in {front:?}");
        }
        assert!(!front.fields.contains_key("connection"), "{front:?}");
        let large = ask(&mut sender, get("/1k.txt"), &[]).await;
        assert_eq!(large.body.len(), 1024);
        let head = request("HEAD", "https://site.test/1k.txt", &[], ());
        let head = ask(&mut sender, head, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.fields["content-length"], "1024");
        let missing = ask(&mut sender, get("/none"), &[]).await;
        assert_eq!(missing.status, 404);
        let post = |fields: &[(&str, &str)]| request("POST", "https://site.test/api/p", fields, ());
        for (fields, pieces, wanted) in [
            (&[("content-length", "6")][..], &[&b"abc"[..], b"def"][..], "abcdef"),
            (&[], &[b"abc", b"def"], "abcdef"),
            (&[], &[], ""),
            (&[("content-length", "0")], &[], ""),
        ] {
            let answer = ask(&mut sender, post(fields), pieces).await;
            assert_eq!(answer.status, 200, "{fields:?}");
            let seen = bed.backend.last();
            assert_eq!(support::text(&seen.body), wanted, "{fields:?}");
            assert!(seen.header("host").contains(&"site.test".to_owned()));
        }
        let get = ask(&mut sender, get("/api/g"), &[]).await;
        assert_eq!(get.status, 200);
        assert!(bed.backend.last().header("transfer-encoding").is_empty(), "a body was made up");
    });
    let lines = bed.log(9);
    for line in lines {
        assert_eq!(
            (&line["http.version"], &line["tls.version"]),
            (&"HTTP/3.0".into(), &"TLSv1.3".into())
        );
    }
}

#[test]
fn the_other_protocols_say_where_it_is() {
    let asked = |bed: &Bed| {
        let config = support::tls::client(&rustls::version::TLS13, &[b"http/1.1"]);
        let mut stream = support::tls::open(&config, bed.address, "site.test");
        let request = b"GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
        std::io::Write::write_all(&mut stream, request).unwrap();
        let mut answer = Vec::new();
        drop(std::io::Read::read_to_end(&mut stream, &mut answer));
        support::text(&answer)
    };
    // The port that is configured, which is 0 here.
    let with = asked(&bed());
    assert_eq!(support::header(&with, "alt-svc"), Some("h3=\":0\"; ma=86400"), "{with}");
    let without = start_with(&Limits::default(), |settings| {
        settings.listeners = vec![Listen { http3: false, ..Listen::secure(any_port()) }];
        settings.sites[0].tls = Some(Tls::SelfSigned);
    });
    let plain = asked(&without);
    assert_eq!(support::header(&plain, "alt-svc"), None, "{plain}");
    http2(async || {
        let answered = timeout(Duration::from_millis(500), connect(without.address, "site.test"));
        assert!(!matches!(answered.await, Ok(Ok(_))), "HTTP/3 is off");
    });
}

/// Says this on a stream of its own; what the server answers: the first status, or why nothing came.
async fn say(bed: &Bed, raw: &[u8], finish: bool) -> String {
    let connection = quic(bed.address, "site.test").await;
    let mut control = connection.open_uni().await.unwrap();
    control.write_all(&[&[0][..], &frame(SETTINGS, &[])].concat()).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    drop(send.write_all(raw).await);
    if finish {
        drop(send.finish());
    }
    let read = timeout(SOON, receive.read_to_end(1 << 20)).await;
    match read {
        Err(_) => "silence".to_owned(),
        Ok(Ok(answer)) if answer.is_empty() => {
            // A connection that ends does so right after its streams.
            let ends = timeout(support::SOON, connection.closed()).await;
            if ends.is_ok() { "closed" } else { "nothing" }.to_owned()
        }
        Ok(Ok(answer)) => status(&answer),
        Ok(Err(_)) => match connection.close_reason() {
            // What the stream says may come before what the connection does.
            None if !finish && timeout(SOON, connection.closed()).await.is_ok() => {
                "closed".to_owned()
            }
            None => "reset".to_owned(),
            Some(_) => "closed".to_owned(),
        },
    }
}

/// "answered", or the status that says what is wrong with the request.
fn status(answer: &[u8]) -> String {
    match support::h3::status(answer).as_str() {
        code @ ("400" | "405" | "408" | "413" | "421" | "431") => code.to_owned(),
        "" => panic!("an answer without a status: {answer:02x?}"),
        _ => "answered".to_owned(),
    }
}

const GOOD: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "site.test"), (":path", "/api/f")];

fn with(extra: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, &block(&[&GOOD[..], extra].concat()))
}

fn without(name: &str) -> Vec<u8> {
    let rest: Vec<_> = GOOD.into_iter().filter(|(own, _)| *own != name).collect();
    frame(HEADERS, &block(&rest))
}

fn changed(name: &'static str, value: &'static str) -> Vec<u8> {
    let all = GOOD.map(|(own, old)| if own == name { (own, value) } else { (own, old) });
    frame(HEADERS, &block(&all))
}

#[test]
fn malformed_requests_reach_no_application() {
    let bed = bed();
    http2(async || {
        assert_eq!(say(&bed, &with(&[]), true).await, "answered", "the control");
        let seen = bed.backend.seen().len();
        let large = "x".repeat(70_000);
        for (name, raw) in [
            ("no method", without(":method")),
            ("no path", without(":path")),
            ("no authority", without(":authority")),
            ("no scheme", without(":scheme")),
            ("empty path", changed(":path", "")),
            ("a path that is none", changed(":path", "x")),
            ("white space in the path", changed(":path", "/a b")),
            ("a fragment in the path", changed(":path", "/api/f#x")),
            ("another scheme", changed(":scheme", "ftp")),
            ("two hosts", with(&[("host", "site.test"), ("host", "site.test")])),
            ("trailers with a path", {
                let post = [&[(":method", "POST")], &GOOD[1..]].concat();
                let trailers = frame(HEADERS, &block(&[(":path", "/evil")]));
                [frame(HEADERS, &block(&post)), frame(DATA, b"a"), trailers].concat()
            }),
            ("a forbidden method", changed(":method", "TRACE")),
            ("connect", changed(":method", "CONNECT")),
            ("a method with a line break", changed(":method", "GET\r\nX: y")),
            ("another host", changed(":authority", "other.test")),
            ("user information", changed(":authority", "a@site.test")),
            ("host unlike authority", with(&[("host", "other.test")])),
            ("upper case", with(&[("X-Upper", "1")])),
            ("a line break in a value", with(&[("x-a", "b\r\nc: d")])),
            ("a zero in a value", with(&[("x-a", "b\0c")])),
            ("white space at the end", with(&[("x-a", "b ")])),
            ("white space in a name", with(&[("x a", "b")])),
            ("a colon in a name", with(&[("x:a", "b")])),
            ("connection", with(&[("connection", "close")])),
            ("keep-alive", with(&[("keep-alive", "1")])),
            ("proxy-connection", with(&[("proxy-connection", "x")])),
            ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
            ("upgrade", with(&[("upgrade", "websocket")])),
            ("te", with(&[("te", "gzip")])),
            ("two lengths", with(&[("content-length", "1"), ("content-length", "2")])),
            ("a length that is none", with(&[("content-length", "+1")])),
            ("pseudo-field twice", with(&[(":path", "/b")])),
            ("pseudo-field after others", {
                let late = [&GOOD[..3], &[("accept", "*/*"), GOOD[3]]].concat();
                frame(HEADERS, &block(&late))
            }),
            ("unknown pseudo-field", with(&[(":x", "y")])),
            ("answer's pseudo-field", with(&[(":status", "200")])),
            ("large", with(&[("x-large", &large)])),
            ("content first", [frame(DATA, b"a"), with(&[])].concat()),
            ("settings on a request", [frame(SETTINGS, &[]), with(&[])].concat()),
            ("promise", [frame(PUSH_PROMISE, &[0, 0]), with(&[])].concat()),
            ("cancelled promise", [frame(CANCEL_PUSH, &[0]), with(&[])].concat()),
            ("a frame of HTTP/2", [frame(6, &[0; 8]), with(&[])].concat()),
            ("compression that is not there", frame(HEADERS, &[0x05, 0x00, 0x80])),
            ("half a header", with(&[])[..30].to_vec()),
        ] {
            let said = say(&bed, &raw, true).await;
            assert!(said != "answered" && said != "silence", "{name}: {said}");
        }
        assert_eq!(bed.backend.seen().len(), seen, "{:?}", bed.backend.last());
        let mut sender = open(bed.address).await;
        assert_eq!(ask(&mut sender, get("/"), &[]).await.status, 200);
    });
}

#[test]
fn a_body_is_as_long_as_it_says() {
    let bed = bed();
    http2(async || {
        let post = |length: &str, pieces: &[&[u8]]| {
            let all =
                GOOD.map(|(own, old)| if own == ":method" { (own, "POST") } else { (own, old) });
            let head = block(&[&all[..], &[("content-length", length)]].concat());
            let pieces = pieces.iter().flat_map(|piece| frame(DATA, piece));
            frame(HEADERS, &head).into_iter().chain(pieces).collect::<Vec<u8>>()
        };
        assert_eq!(say(&bed, &post("3", &[b"abc"]), true).await, "answered", "the control");
        for (name, raw) in [
            ("shorter", post("4", &[b"abc"])),
            ("longer", post("2", &[b"abc"])),
            ("longer in another frame", post("3", &[b"abc", b"d"])),
            ("more than nothing", post("0", &[b"a"])),
        ] {
            let said = say(&bed, &raw, true).await;
            assert!(said != "answered" && said != "silence", "{name}: {said}");
        }
        // The application records what it got whole.
        assert_eq!(bed.backend.seen().len(), 1, "{:?}", bed.backend.seen());
        // Trailers end here.
        let trailers = frame(HEADERS, &block(&[("x-forwarded-for", "192.0.2.1")]));
        let raw = [post("3", &[b"abc"]), trailers].concat();
        assert_eq!(say(&bed, &raw, true).await, "answered");
        assert!(!bed.backend.last().header("x-forwarded-for").contains(&"192.0.2.1".to_owned()));
    });
}

#[test]
fn frames_without_end_end_the_connection() {
    let bed = bed();
    http2(async || {
        let endless = |kind| [integer(kind), integer(1 << 60)].concat();
        for (name, raw) in [
            ("a header without end", endless(HEADERS)),
            ("a frame of no meaning without end", [endless(MEANINGLESS), vec![0; 9000]].concat()),
            ("frames of no meaning", frame(MEANINGLESS, b"x").repeat(100)),
            ("empty content", [with(&[]), frame(DATA, &[]).repeat(100)].concat()),
        ] {
            let said = say(&bed, &raw, false).await;
            assert_eq!(said, "closed", "{name}");
        }
        let connection = quic(bed.address, "site.test").await;
        let mut control = connection.open_uni().await.unwrap();
        let flood = frame(MEANINGLESS, b"x").repeat(12_000);
        drop(control.write_all(&[&[0][..], &frame(SETTINGS, &[]), &flood].concat()).await);
        assert!(timeout(SOON, connection.closed()).await.is_ok(), "a flood on the control stream");
        let mut sender = open(bed.address).await;
        assert_eq!(ask(&mut sender, get("/"), &[]).await.status, 200);
    });
    assert_eq!(bed.logged("more than http/3 allows")["decision"], "refuse");
}

#[test]
fn critical_streams_stay_open_and_are_unique() {
    let bed = bed();
    http2(async || {
        let settings = [&[0][..], &frame(SETTINGS, &[])].concat();
        for (name, streams, finish, wanted) in [
            ("the control stream ends", vec![settings.clone()], true, 0x104),
            ("two control streams", vec![settings.clone(), settings.clone()], false, 0x103),
            ("no settings first", vec![[&[0][..], &frame(7, &[0])].concat()], false, 0x10a),
            ("settings twice", vec![[&settings[..], &frame(SETTINGS, &[])].concat()], false, 0x105),
            (
                "settings of HTTP/2",
                vec![[&[0][..], &frame(SETTINGS, &[2, 1])].concat()],
                false,
                0x109,
            ),
            ("a push from a client", vec![settings.clone(), vec![1, 0]], false, 0x103),
            (
                "content on the control stream",
                vec![[&settings[..], &frame(DATA, b"x")].concat()],
                false,
                0x105,
            ),
        ] {
            let connection = quic(bed.address, "site.test").await;
            let mut open = Vec::new();
            for raw in streams {
                let mut stream = connection.open_uni().await.unwrap();
                drop(stream.write_all(&raw).await);
                if finish {
                    drop(stream.finish());
                }
                open.push(stream);
            }
            let closed = timeout(SOON, connection.closed()).await;
            // The code is that of RFC 9114, 8.1.
            let Ok(quinn::ConnectionError::ApplicationClosed(end)) = &closed else {
                panic!("{name}: {closed:?}")
            };
            assert_eq!(end.error_code.into_inner(), wanted, "{name}: {closed:?}");
        }
    });
}

#[test]
fn resets_and_silence_cost_a_good_client_nothing() {
    let limits = Limits { header_time: Duration::from_secs(2), ..Limits::default() };
    let bed = bed_with(&limits);
    http2(async || {
        // Reset as soon as it is sent.
        let rapid = quic(bed.address, "site.test").await;
        let mut control = rapid.open_uni().await.unwrap();
        control.write_all(&[&[0][..], &frame(SETTINGS, &[])].concat()).await.unwrap();
        for _ in 0..2_000 {
            let Ok(Ok((mut send, receive))) = timeout(SOON, rapid.open_bi()).await else { break };
            drop(send.write_all(&with(&[])).await);
            drop(send.reset(0x10c_u32.into()));
            drop(receive);
        }
        let mut quiet = Vec::new();
        for _ in 0..100 {
            let connection = quic(bed.address, "site.test").await;
            let (mut send, receive) = connection.open_bi().await.unwrap();
            drop(send.write_all(&with(&[])[..20]).await);
            quiet.push((connection, send, receive));
        }
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let begin = Instant::now();
            let mut sender = open(bed.address).await;
            assert_eq!(ask(&mut sender, get("/"), &[]).await.status, 200);
            best = best.min(begin.elapsed());
        }
        assert!(best < Duration::from_secs(1), "{best:?}");
        let (_, _, receive) = &mut quiet[0];
        let cut = timeout(SOON, receive.read_to_end(1000)).await;
        assert!(
            matches!(cut, Ok(Err(_))) || matches!(cut, Ok(Ok(ref said)) if said.is_empty()),
            "{cut:?}"
        );
    });
    bed.logged("header too slow");
}

#[test]
fn a_site_with_client_certificates_is_not_served() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.listeners = vec![Listen::secure(any_port())];
        settings.sites[0].tls = Some(Tls::SelfSigned);
        let path = settings.state.with_file_name("ca.pem");
        std::fs::write(&path, Authorities::new("staff").pem()).unwrap();
        settings.sites[0].client_ca = Some(path);
    });
    http2(async || {
        let mut sender = open(bed.address).await;
        assert_eq!(ask(&mut sender, get("/"), &[]).await.status, 421);
    });
}

#[test]
fn an_end_lets_requests_finish() {
    let Bed { gateway, address, directory, .. } = bed();
    std::fs::write(directory.path().join("www/big"), vec![b'x'; 4 << 20]).unwrap();
    http2(async || {
        let mut sender = open(address).await;
        assert_eq!(ask(&mut sender, get("/"), &[]).await.status, 200);
        let mut stream = sender.send_request(get("/big")).await.unwrap();
        stream.finish().await.unwrap();
        assert_eq!(stream.recv_response().await.unwrap().status(), 200);
        let ended = tokio::task::spawn_blocking(move || gateway.shutdown(SOON));
        let mut length = 0;
        while let Some(piece) = stream.recv_data().await.unwrap() {
            length += bytes::Buf::remaining(&piece);
        }
        assert_eq!(length, 4 << 20);
        timeout(SOON, ended).await.unwrap().unwrap();
        let late: Result<Answer, _> = try_ask(&mut sender, get("/"), &[]).await;
        assert!(late.is_err(), "{late:?}");
    });
}

/// What a server says to handshakes that get its requests for a proof of their address, and nothing else.
#[derive(Default)]
struct Said {
    /// The names of connections that were asked for the proof, and those that were answered.
    asked: HashSet<Vec<u8>>,
    answered: HashSet<Vec<u8>>,
}

/// Passes datagrams on until `is_over` says so.
async fn relay(
    inner: &UdpSocket,
    outer: &UdpSocket,
    said: &mut Said,
    is_over: impl Fn(&Said) -> bool,
) {
    let (mut to_server, mut to_client) = ([0; 2048], [0; 2048]);
    let mut client = None;
    while !is_over(said) {
        tokio::select! {
            read = inner.recv_from(&mut to_server) => {
                let (count, from) = read.unwrap();
                client = Some(from);
                drop(outer.send(&to_server[..count]).await);
            }
            read = outer.recv(&mut to_client) => {
                let datagram = &to_client[..read.unwrap()];
                // Form, version, and whose it is (RFC 9000 §17.2); short ones are not of a handshake.
                if datagram[0] & 0x80 == 0 {
                    continue;
                }
                let name = datagram[6..6 + usize::from(datagram[5])].to_vec();
                if datagram[0] & 0xf0 == 0xf0 {
                    said.asked.insert(name);
                    drop(inner.send_to(datagram, client.unwrap()).await);
                } else {
                    said.answered.insert(name);
                }
            }
        }
    }
}

#[test]
fn handshakes_that_are_not_finished_are_bounded() {
    const CLIENTS: usize = 600;
    let bed = bed_with(&Limits { header_time: Duration::from_mins(2), ..Limits::default() });
    http2(async || {
        let inner = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let outer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        outer.connect(bed.address).await.unwrap();
        let endpoint = endpoint();
        let address = inner.local_addr().unwrap();
        let (mut all, mut said) = (Vec::new(), Said::default());
        while all.len() < CLIENTS {
            // Few enough at once that no socket's buffer runs over.
            all.extend((0..40).map(|_| endpoint.connect(address, "site.test").unwrap()));
            let answered = all.len().min(512);
            let asked = answered.saturating_sub(32);
            let is_over =
                |said: &Said| said.asked.len() >= asked && said.answered.len() >= answered;
            let in_time = timeout(SOON, relay(&inner, &outer, &mut said, is_over)).await;
            let so_far = (said.asked.len(), said.answered.len());
            assert!(in_time.is_ok(), "{so_far:?} for {:?}", (asked, answered));
        }
        // Whoever is left asks again and again, and is not heard.
        let never = relay(&inner, &outer, &mut said, |_| false);
        timeout(Duration::from_secs(2), never).await.unwrap_err();
        assert_eq!(said.answered.len(), 512);
        assert!(said.asked.len() < CLIENTS - 32, "{}", said.asked.len());
        drop(all);
    });
}
