//! Upstreams: headers both ways, streaming, faults, `WebSocket`.

use crate::support::{
    self, SOON, body, connect, header, http_upstream, read_all, start, start_with, status,
    statuses, text,
};
use burgrave_config::{Limits, RateBy, RequestRate, Upstream};
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn short() -> Limits {
    Limits {
        upstream_time: Duration::from_secs(2),
        connect_time: Duration::from_secs(2),
        ..Limits::default()
    }
}

#[test]
fn forwarded_headers_are_ours_alone() {
    let bed = start();
    let answer = bed.ask(
        "GET /api/x HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 7.7.7.7\r\n\
         Forwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
         X-Forwarded-Port: 1\r\nX-Real-IP: 6.6.6.6\r\nX-Original-URL: /admin\r\n\
         X-Rewrite-URL: /admin\r\nX_Forwarded_For: 6.6.6.6\r\nProxy: http://evil\r\n\
         X-Request-Id: forged\r\nKeep-Alive: timeout=9\r\nTE: trailers\r\nTrailer: X\r\n\
         Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\n\
         True-Client-IP: 6.6.6.6\r\nCF-Connecting-IP: 6.6.6.6\r\nX-Client-IP: 6.6.6.6\r\n\
         X-Original-Host: evil\r\nRemote-User: admin\r\nSSL-Client-Verify: SUCCESS\r\n\
         HTTP2-Settings: x\r\nClient-Cert: :eA==:\r\nX-HTTP-Method-Override: PUT\r\n\
         X.Forwarded.For: 6.6.6.6\r\nX-Middleware-Subrequest: middleware\r\nX-Kept: yes\r\nCookie: a=b\r\nUser-Agent: test",
    );
    assert_eq!(status(&answer), 200);
    let seen = bed.backend.last();
    for (name, wanted) in [
        ("x-forwarded-for", &["127.0.0.1"][..]),
        ("x-real-ip", &["127.0.0.1"]),
        ("x-forwarded-proto", &["http"]),
        ("x-forwarded-host", &["site.test"]),
        ("host", &["site.test"]),
        ("x-kept", &["yes"]),
        ("cookie", &["a=b"]),
        ("user-agent", &["test"]),
        ("forwarded", &[]),
        ("x-forwarded-port", &[]),
        ("x-original-url", &[]),
        ("x-rewrite-url", &[]),
        ("true-client-ip", &[]),
        ("cf-connecting-ip", &[]),
        ("x-client-ip", &[]),
        ("x-original-host", &[]),
        ("remote-user", &[]),
        ("ssl-client-verify", &[]),
        ("x_forwarded_for", &[]),
        ("http2-settings", &[]),
        ("client-cert", &[]),
        ("x-http-method-override", &[]),
        ("x.forwarded.for", &[]),
        ("x-middleware-subrequest", &[]),
        ("content-length", &[]),
        ("proxy", &[]),
        ("keep-alive", &[]),
        ("te", &[]),
        ("trailer", &[]),
        ("proxy-connection", &[]),
        ("proxy-authorization", &[]),
        ("upgrade", &[]),
        ("connection", &[]),
    ] {
        assert_eq!(seen.header(name), wanted, "{name}");
    }
    let id = &bed.log(1)[0]["request.id"];
    assert_eq!(seen.header("x-request-id"), [id.as_str().unwrap()]);
    assert_eq!(id.as_str().unwrap().len(), 32);
}

#[test]
fn connection_options_strip_only_the_clients_own() {
    let bed = start();
    let answer = bed.send(
        b"POST /api/x HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\nX-Mine: 1\r\n\
          Connection: close, X-Forwarded-For, Content-Length, Host, X-Mine\r\n\r\nok",
    );
    assert_eq!(status(&answer), 200);
    let seen = bed.backend.last();
    assert_eq!(seen.header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.header("content-length"), ["2"]);
    assert_eq!(seen.header("host"), ["site.test"]);
    assert!(seen.header("x-mine").is_empty());
    assert_eq!(seen.body, b"ok");
}

#[test]
fn answers_do_not_say_what_runs_behind() {
    let bed = start();
    let answer = bed.ask("GET /api/revealing HTTP/1.1");
    assert_eq!(body(&answer), "ok");
    for name in [
        "server",
        "x-powered-by",
        "via",
        "x-aspnet-version",
        "x-runtime",
        "x-generator",
        "keep-alive",
        "x-named",
    ] {
        assert_eq!(header(&answer, name), None, "{name}");
    }
    assert_eq!(header(&answer, "x-kept"), Some("1"));
    assert_eq!(header(&answer, "x-frame-options"), Some("SAMEORIGIN"));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
}

#[test]
fn upstream_faults_are_gateway_errors() {
    let bed = start_with(&short(), |_| {});
    for (path, wanted, reason) in [
        ("diehead", 502, "upstream ended before its answer"),
        ("garbage", 502, "upstream answered no valid http"),
        ("hugehdr", 502, "upstream answered no valid http"),
        ("1xx", 502, "upstream answered no valid http"),
        ("hang", 504, "upstream took too long"),
        ("switch", 502, "upstream answered no valid http"),
    ] {
        let count = bed.log(0).len();
        let answer = bed.ask(&format!("GET /api/{path} HTTP/1.1"));
        assert_eq!(status(&answer), wanted, "{path}: {answer}");
        assert!(!answer.contains("127.0.0.1") && !answer.contains("SSH"), "{answer}");
        let line = bed.log(count + 1).pop().unwrap();
        assert_eq!(line["reason"], reason, "{path}");
        assert_eq!(line["decision"], "forward", "{path}");
        assert_eq!(line["upstream"], format!("http://{}", bed.backend.address));
    }
}

#[test]
fn an_upstream_that_refuses_is_a_502_and_the_next_is_taken() {
    let (closed, _kept) = support::nobody();
    let bed = start_with(&short(), |settings| {
        let routes = &mut settings.sites[0].routes;
        let mut down = routes[0].clone();
        down.path = "/down/".to_owned();
        down.upstream = vec![http_upstream(closed)];
        routes[0].upstream.insert(0, http_upstream(closed));
        routes.push(down);
    });
    assert_eq!(status(&bed.ask("GET /down/ HTTP/1.1")), 502);
    for _ in 0..6 {
        assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200);
    }
    assert_eq!(bed.logged("upstream refused the connection")["http.status"], 502);
}

#[test]
fn an_answer_that_dies_does_not_look_complete() {
    let bed = start();
    let answer = bed.ask("GET /api/diebody HTTP/1.1");
    assert!(body(&answer).len() < 100, "{answer}");
    let answer = bed.send(b"GET /api/diechunk HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert!(!answer.contains("\r\n0\r\n"), "{answer}");
    assert_eq!(bed.log(2)[1]["reason"], "upstream ended before its answer");
    // One of HTTP/1.0 knows the end by the connection's alone, which is no orderly one then.
    let mut stream = connect(bed.address);
    stream.write_all(b"GET /api/diechunk HTTP/1.0\r\nHost: site.test\r\n\r\n").unwrap();
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn what_an_application_may_read_otherwise_is_refused() {
    let bed = start();
    for field in ["Content-Type: text/plain", "Authorization: Basic eDp5"] {
        let name = field.split(':').next().unwrap().to_uppercase();
        let head = format!("POST /api/x HTTP/1.1\r\n{field}\r\nContent-Length: 0");
        assert_eq!(status(&bed.ask(&head)), 200, "{field}");
        assert_eq!(status(&bed.ask(&format!("{head}\r\n{name}: b"))), 400, "{field} twice");
    }
    assert_eq!(bed.backend.seen().len(), 2);
    assert_eq!(bed.logged("several fields where there is one")["decision"], "refuse");
}

#[test]
fn a_post_without_content_says_so() {
    let bed = start();
    for method in ["POST", "PUT", "PATCH"] {
        for more in ["", "\r\nContent-Length: 0"] {
            assert_eq!(status(&bed.ask(&format!("{method} /api/x HTTP/1.1{more}"))), 200);
            assert_eq!(bed.backend.last().header("content-length"), ["0"], "{method}{more}");
        }
    }
    assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200);
    assert!(bed.backend.last().header("content-length").is_empty());
}

#[test]
fn a_kept_connection_that_died_is_replaced() {
    let bed = start();
    for number in 0..12 {
        let path = if number % 3 == 2 { "once" } else { "x" };
        assert_eq!(status(&bed.ask(&format!("GET /api/{path} HTTP/1.1"))), 200, "{number}");
    }
}

#[test]
fn answers_stream_as_they_come() {
    let bed = start();
    let mut stream = connect(bed.address);
    stream.write_all(b"GET /api/stream HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    let (mut answer, mut piece) = (String::new(), [0; 4096]);
    while !answer.contains("tick") {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{answer}");
        answer += &text(&piece[..count]);
    }
    bed.backend.go_on();
    // Nothing more is to be answered, so that the end of this is the end.
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    answer += &text(&rest);
    assert_eq!(answer.matches("tick").count(), 4);
    assert!(answer.ends_with("0\r\n\r\n") && !answer.contains("X-Trailer"), "{answer}");
}

#[test]
fn uploads_stream_and_arrive_whole() {
    let bed = start();
    let mut stream = connect(bed.address);
    let size = 8 * 1024 * 1024;
    let head = format!(
        "POST /api/up HTTP/1.1\r\nHost: site.test\r\nContent-Length: {size}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b'u'; size]).unwrap();
    assert_eq!(status(&read_all(&mut stream)), 200);
    assert_eq!(bed.backend.last().body.len(), size);
    assert_eq!(bed.log(1)[0]["bytes.in"], size);
}

#[test]
fn bodies_over_their_limit_are_refused_before_and_while_they_come() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let head = "POST /api/up HTTP/1.1\r\nHost: site.test\r\n";
    let announced = bed.send(format!("{head}Content-Length: 1001\r\n\r\n").as_bytes());
    assert_eq!(status(&announced), 413);
    assert!(bed.backend.seen().is_empty());
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500)).repeat(3);
    let chunked = bed.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}").as_bytes());
    assert_eq!(status(&chunked), 413, "{chunked}");
    assert!(bed.backend.seen().is_empty());
    let fits = format!("{head}Content-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    assert_eq!(status(&bed.send(fits.as_bytes())), 200);
}

#[test]
fn a_client_that_leaves_ends_the_upstream_request() {
    let bed = start();
    let mut stream = connect(bed.address);
    stream.write_all(b"GET /api/hang HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    let wait = |wanted: usize| {
        let open = || bed.backend.open.load(Ordering::SeqCst);
        support::until("upstream connections", || open() == wanted);
    };
    wait(1);
    drop(stream);
    wait(0);
    let line = &bed.log(1)[0];
    assert_eq!(line["http.status"], 499);
    assert_eq!(line["reason"], "client left");
}

#[test]
fn a_half_closed_client_still_gets_its_answer() {
    let bed = start();
    let mut stream = connect(bed.address);
    stream.write_all(b"GET /api/slow HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(body(&read_all(&mut stream)), "slow");
}

#[test]
fn unix_sockets_are_upstreams_too() {
    use std::os::unix::net::UnixListener;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut piece = [0; 4096];
        let _count = stream.read(&mut piece).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix").unwrap();
    });
    let bed = start_with(&Limits::default(), |settings| {
        settings.sites[0].routes[0].upstream = vec![Upstream::Unix(path.clone())];
    });
    assert_eq!(body(&bed.ask("GET /api/x HTTP/1.1")), "unix");
}

#[test]
fn a_client_has_so_many_requests() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.sites[0].routes[0].limit =
            Some(RequestRate { per_second: 0.01, burst: 3, by: RateBy::Client });
    });
    let answers: Vec<_> = (0..4).map(|_| bed.ask("GET /api/x HTTP/1.1")).collect();
    assert_eq!(
        answers.iter().map(|answer| status(answer)).collect::<Vec<_>>(),
        [200, 200, 200, 429]
    );
    let wait: u64 = header(&answers[3], "retry-after").unwrap().parse().unwrap();
    assert!((50..=100).contains(&wait), "{wait}");
    assert_eq!(status(&bed.ask("GET /1k.txt HTTP/1.1")), 200);
    assert_eq!(bed.logged("too many requests")["decision"], "limit");
}

const HANDSHAKE: &str = "GET /api/ws HTTP/1.1\r\nHost: site.test\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn websockets_are_tunnelled() {
    let bed = start();
    let mut stream = connect(bed.address);
    stream.write_all(HANDSHAKE.as_bytes()).unwrap();
    stream.write_all(b"early").unwrap();
    let mut got = String::new();
    let mut piece = [0; 1024];
    let until =
        |stream: &mut std::net::TcpStream, got: &mut String, piece: &mut [u8], mark: &str| {
            while !got.contains(mark) {
                let count = stream.read(piece).unwrap();
                assert!(count > 0, "{got}");
                *got += &text(&piece[..count]);
            }
        };
    until(&mut stream, &mut got, &mut piece, "hello");
    until(&mut stream, &mut got, &mut piece, "early");
    assert_eq!(status(&got), 101);
    assert_eq!(header(&got, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(header(&got, "server"), None);
    stream.write_all(b"\x81\x02hi").unwrap();
    until(&mut stream, &mut got, &mut piece, "hi");
    assert_eq!(bed.backend.last().header("upgrade"), ["websocket"]);
    assert_eq!(bed.log(1)[0]["http.status"], 101);
}

#[test]
fn broken_handshakes_get_no_tunnel() {
    let bed = start();
    for (from, to) in [
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"),
        ("Sec-WebSocket-Version: 13\r\n", ""),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8"),
        (
            "Sec-WebSocket-Key: ",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key: ",
        ),
        ("keep-alive, Upgrade", "keep-alive"),
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let answer = bed.send(HANDSHAKE.replacen(from, to, 1).as_bytes());
        assert_eq!(status(&answer), 400, "{from}: {answer}");
    }
    assert!(bed.backend.seen().is_empty());
    // Options of the connection take nothing out of a handshake.
    let named = "Upgrade, Sec-WebSocket-Key, Sec-WebSocket-Version";
    let mut stream = connect(bed.address);
    stream.write_all(HANDSHAKE.replacen("keep-alive, Upgrade", named, 1).as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 101");
    assert_eq!(bed.backend.last().header("sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
    assert_eq!(bed.backend.last().header("sec-websocket-version"), ["13"]);
    let other = bed.send(HANDSHAKE.replacen("/api/ws", "/api/switch", 1).as_bytes());
    assert_eq!(status(&other), 502, "a switch to something else: {other}");
}

#[test]
fn climbing_and_hidden_paths_reach_no_upstream() {
    let bed = start();
    for path in [
        "/api/../admin",
        "/api/%2e%2e/admin",
        "/api/.git/config",
        "/api/.env",
        "/api/..;/admin",
        "/api/%2e%2e%3bx=y/admin",
        "/api/%25252e%25252e/admin",
        "/api/%c0%ae%c0%ae/admin",
        "/api/..%20/admin",
        "/api/%252egit/config",
    ] {
        assert_eq!(status(&bed.ask(&format!("GET {path} HTTP/1.1"))), 404, "{path}");
    }
    assert!(bed.backend.seen().is_empty());
    assert_eq!(status(&bed.ask("GET /api/site.zip HTTP/1.1")), 200);
}

#[test]
fn heads_have_no_body_and_keep_the_connection() {
    let bed = start();
    let two = "HEAD /api/x HTTP/1.1\r\nHost: site.test\r\n\r\n".repeat(2);
    let answers = bed.send(two.as_bytes());
    assert_eq!(statuses(&answers), [200, 200], "{answers}");
}

#[test]
fn a_silent_tunnel_is_closed() {
    let limits = Limits { idle_time: Duration::from_millis(500), ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    let mut stream = connect(bed.address);
    let start = Instant::now();
    stream.write_all(HANDSHAKE.as_bytes()).unwrap();
    let mut all = Vec::new();
    drop(stream.read_to_end(&mut all));
    let time = start.elapsed();
    assert!(text(&all).starts_with("HTTP/1.1 101"), "{}", text(&all));
    assert!(time >= Duration::from_millis(500) && time < SOON * 2, "{time:?}");
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let limits = Limits { body_time: Duration::from_millis(200), ..Limits::default() };
    let bed = start_with(&limits, |_| {});
    #[expect(clippy::disallowed_methods, reason = "the test makes its web root")]
    std::fs::write(bed.root().join("large.bin"), vec![b'x'; 64 << 20]).unwrap();
    let mut stream = connect(bed.address);
    stream.write_all(b"GET /large.bin HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    let line = bed.logged("client left");
    assert_eq!(line["http.status"], 200, "{line}");
    assert!(line["bytes.out"].as_u64().unwrap() < 64 << 20, "{line}");
    assert!(line["duration.us"].as_u64().unwrap() < 20_000_000, "{line}");
}

#[test]
fn hanging_upstreams_do_not_hurt_others() {
    let bed = start_with(&Limits { connections_per_client: 500, ..Limits::default() }, |_| {});
    let held: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = connect(bed.address);
            stream.write_all(b"GET /api/hang HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
            stream
        })
        .collect();
    support::within_a_second(|| assert_eq!(status(&bed.ask("GET /api/x HTTP/1.1")), 200));
    drop(held);
}

#[test]
fn a_route_has_limits_of_its_own() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.sites[0].routes[0].limits.body_bytes = 10;
    });
    let post = |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 11\r\n\r\n");
        status(&bed.send(format!("{head}hello world").as_bytes()))
    };
    assert_eq!(post("/api/x"), 413);
    assert_eq!(post("/x"), 405, "the site's limit is the default");
}

#[test]
fn hot_connections_are_reused() {
    let bed = start();
    let one = "GET /api/x HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let answers = bed.send(one.repeat(30).as_bytes());
    assert_eq!(statuses(&answers), [200; 30]);
    assert_eq!(bed.backend.open.load(Ordering::SeqCst), 1);
}

#[test]
fn bytes_that_a_uri_may_not_hold_are_encoded_on_the_way() {
    let bed = start();
    let answer = bed.send(
        b"GET /api/<x>?q=\"a\"&r=\xc3\xa9&s=<script> HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(status(&answer), 200, "{answer}");
    let target = bed.backend.last().head.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(target, "/api/%3cx%3e?q=%22a%22&r=%c3%a9&s=%3cscript%3e");
    assert_eq!(bed.log(1)[0]["http.target"], "/api/<x>?q=\"a\"&r=\u{e9}&s=<script>");
}
