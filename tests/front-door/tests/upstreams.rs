//! Upstreams of other kinds than plain HTTP/1.1: HTTP/2 with trailers, and TLS.

use crate::support::grpc::{Grpc, message};
use crate::support::h2::{h2, http2, request};
use crate::support::{self, Bed, route, start_with, status};
use burgrave_config::{Authority, Host, Limits, Tls, Upstream};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use http_body_util::Full;
use http_body_util::channel::Channel;
use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn authority(address: SocketAddr) -> Authority {
    Authority { host: Host::Address(address.ip()), port: address.port() }
}

fn bed(upstream: Upstream) -> Bed {
    start_with(&Limits::default(), |settings| {
        settings.listeners[0].tls = true;
        let site = &mut settings.sites[0];
        site.tls = Some(Tls::SelfSigned);
        site.routes.push(route("/test.", upstream, &site.limits));
    })
}

const CALL: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

/// Status, body and trailers of a call with one message.
async fn call(address: SocketAddr, method: &str, said: Bytes) -> (u16, Bytes, HeaderMap) {
    let mut sender = h2::<Full<Bytes>>(address).await;
    let uri = format!("https://site.test/test.Echo/{method}");
    let response = sender.send_request(request("POST", &uri, CALL, Full::new(said))).await.unwrap();
    let status = response.status().as_u16();
    let collected = response.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (status, collected.to_bytes(), trailers)
}

#[test]
fn grpc_calls_pass_with_their_trailers() {
    let grpc = Grpc::start();
    let bed = bed(Upstream::H2c(authority(grpc.address)));
    http2(async || {
        let (status, body, trailers) = call(bed.address, "Once", message("order")).await;
        assert_eq!((status, body), (200, message("order")));
        assert_eq!(trailers["grpc-status"], "0");
        assert_eq!(trailers["grpc-message"], "fine");
        for name in ["content-length", "set-cookie", "server"] {
            assert!(!trailers.contains_key(name), "{name} has no place in a trailer");
        }
        let (status, body, trailers) = call(bed.address, "Fails", message("order")).await;
        assert_eq!((status, body.len()), (200, 0));
        assert_eq!(trailers["grpc-status"], "13");
    });
    let seen = grpc.seen();
    assert_eq!(seen[0].uri, "http://site.test/test.Echo/Once");
    assert_eq!(seen[0].headers["te"], "trailers");
    assert_eq!(seen[0].headers["x-forwarded-for"], "127.0.0.1");
    assert!(!seen[0].headers.contains_key("host"));
    let line = &bed.log(2)[0];
    assert_eq!((&line["route"], &line["http.status"]), (&"/test.".into(), &200.into()));
    assert!(line["upstream"].as_str().unwrap().starts_with("h2c://"));
}

#[test]
fn both_sides_of_a_grpc_call_speak_in_turn() {
    let grpc = Grpc::start();
    let bed = bed(Upstream::H2c(authority(grpc.address)));
    http2(async || {
        let mut sender = h2::<Channel<Bytes, Infallible>>(bed.address).await;
        let (mut out, body) = Channel::new(4);
        let uri = "https://site.test/test.Echo/Both";
        let response = sender.send_request(request("POST", uri, CALL, body)).await.unwrap();
        let mut incoming = response.into_body();
        let mut next = async || {
            let frame = tokio::time::timeout(support::PATIENCE, incoming.frame()).await;
            frame.expect("in time").unwrap().unwrap()
        };
        assert_eq!(next().await.into_data().unwrap(), message("hello"), "before the client's");
        for text in ["one", "two"] {
            out.send_data(message(text)).await.unwrap();
            assert_eq!(next().await.into_data().unwrap(), message(text));
        }
        drop(out);
        assert_eq!(next().await.into_trailers().unwrap()["grpc-status"], "0");
    });
}

#[test]
fn a_stream_that_dies_does_not_look_complete() {
    let grpc = Grpc::start();
    let bed = bed(Upstream::H2c(authority(grpc.address)));
    http2(async || {
        let mut sender = h2::<Full<Bytes>>(bed.address).await;
        let uri = "https://site.test/test.Echo/Dies";
        let body = Full::new(message("x"));
        let response = sender.send_request(request("POST", uri, CALL, body)).await.unwrap();
        assert!(response.into_body().collect().await.is_err());
    });
    assert_eq!(bed.logged("upstream ended before its answer")["decision"], "forward");
}

/// A server of HTTP/2 that answers whatever comes with three bytes, whose last frame has these flags, and a reset of this
/// code.
fn resetting(flags: u8, code: u32) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        // The preface, settings, and the request with its message.
        while !seen.windows(4).any(|part| part == b"ping") {
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "the gateway left");
            seen.extend_from_slice(&piece[..count]);
        }
        let head = [&[0, 0, 1, 1, 4, 0, 0, 0, 1][..], &[0x88]].concat();
        let data = [&[0, 0, 3, 0, flags, 0, 0, 0, 1][..], b"abc"].concat();
        let reset = [&[0, 0, 4, 3, 0, 0, 0, 0, 1][..], &code.to_be_bytes()].concat();
        stream.write_all(&[head, data, reset].concat()).unwrap();
        while matches!(stream.read(&mut piece), Ok(1..)) {}
    });
    address
}

#[test]
fn an_answer_that_is_reset_is_not_whole_whatever_the_reason() {
    for code in [0, 2, 8] {
        let bed = bed(Upstream::H2c(authority(resetting(0, code))));
        http2(async || {
            let mut sender = h2::<Full<Bytes>>(bed.address).await;
            let body = Full::new(Bytes::from_static(b"ping"));
            let request = request("POST", "https://site.test/test.Echo/Cut", CALL, body);
            // The reset may be here before the answer is passed on.
            let whole = match sender.send_request(request).await {
                Ok(response) => response.into_body().collect().await.is_ok(),
                Err(_reset) => false,
            };
            assert!(!whole, "code {code}");
        });
        assert_eq!(bed.log(1)[0]["decision"], "forward");
    }
}

#[test]
fn an_answer_that_ended_is_whole_though_the_rest_of_the_request_is_not_wanted() {
    const END_STREAM: u8 = 1;
    let bed = bed(Upstream::H2c(authority(resetting(END_STREAM, 0))));
    http2(async || {
        let mut sender = h2::<Channel<Bytes, Infallible>>(bed.address).await;
        let (mut out, body) = Channel::new(4);
        let request = request("POST", "https://site.test/test.Echo/Early", CALL, body);
        let response = sender.send_request(request);
        out.send_data(Bytes::from_static(b"ping")).await.unwrap();
        // More would come, but is not asked for.
        let response = response.await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "abc");
        drop(out);
    });
}

/// Reads frames of HTTP/2 up to the first of this kind; its content. The preface is passed over.
fn next_frame(stream: &mut std::net::TcpStream, kind: u8, preface: bool) -> Vec<u8> {
    if preface {
        stream.read_exact(&mut [0; 24]).unwrap();
    }
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut content = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut content).unwrap();
        if head[3] == kind {
            return content;
        }
    }
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS_FRAME: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// The whole answer: status 204 on the first stream.
const NO_CONTENT: [u8; 10] = [0, 0, 1, 1, 5, 0, 0, 0, 1, 0x89];

#[test]
fn a_call_that_its_client_gives_up_is_cancelled() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bed = bed(Upstream::H2c(authority(listener.local_addr().unwrap())));
    let (tell, told) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
        stream.write_all(&SETTINGS_FRAME).unwrap();
        let mut codes = Vec::new();
        for preface in [true, false] {
            next_frame(&mut stream, HEADERS, preface);
            tell.send(()).unwrap();
            codes.push(next_frame(&mut stream, RST_STREAM, false));
        }
        codes
    });
    http2(async || {
        // One connection, so that one event loop has them both, and one connection to the server.
        let mut sender = h2::<Channel<Bytes, Infallible>>(bed.address).await;
        // In the middle of its messages, and when all of them are said.
        for ended in [false, true] {
            let (mut out, body) = Channel::new(4);
            let request = request("POST", "https://site.test/test.Echo/Long", CALL, body);
            let call = tokio::spawn(sender.send_request(request));
            out.send_data(message("first")).await.unwrap();
            let kept = (!ended).then_some(out);
            let begun = Instant::now();
            while told.try_recv().is_err() {
                assert!(begun.elapsed() < support::PATIENCE);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            call.abort();
            drop(call.await);
            drop(kept);
        }
    });
    // RFC 9113 §7.
    assert_eq!(server.join().unwrap(), [[0, 0, 0, 8], [0, 0, 0, 8]]);
}

#[test]
fn what_an_upstream_has_not_begun_is_asked_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bed = bed(Upstream::H2c(authority(listener.local_addr().unwrap())));
    let server = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        first.set_read_timeout(Some(support::PATIENCE)).unwrap();
        first.write_all(&SETTINGS_FRAME).unwrap();
        next_frame(&mut first, HEADERS, true);
        first.write_all(&NO_CONTENT).unwrap();
        next_frame(&mut first, HEADERS, false);
        // REFUSED_STREAM on the second.
        first.write_all(&[0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 7]).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        second.set_read_timeout(Some(support::PATIENCE)).unwrap();
        second.write_all(&SETTINGS_FRAME).unwrap();
        next_frame(&mut second, HEADERS, true);
        second.write_all(&NO_CONTENT).unwrap();
        while matches!(second.read(&mut [0; 64]), Ok(1..)) {}
    });
    http2(async || {
        let mut sender = h2::<Full<Bytes>>(bed.address).await;
        for _ in 0..2 {
            // Not one that may be made twice; but it was not made once.
            let request = request("POST", "https://site.test/test.Echo/None", &[], Full::default());
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 204);
        }
    });
    drop(bed);
    server.join().unwrap();
}

#[test]
fn a_dead_h2c_upstream_is_a_502() {
    let (gone, _kept) = support::nobody();
    let bed = bed(Upstream::H2c(authority(gone)));
    http2(async || {
        let (status, _, _) = call(bed.address, "Once", message("x")).await;
        assert_eq!(status, 502);
    });
}

#[test]
fn https_upstreams_are_verified() {
    // The upstream is another gateway, whose certificate it signed itself.
    let back = start_with(&Limits::default(), |settings| {
        settings.listeners[0].tls = true;
        settings.sites[0].tls = Some(Tls::SelfSigned);
        settings.sites[0].hosts.push("localhost".to_owned());
    });
    let own = back.settings.state.join("tls/site.test.crt");
    let port = back.address.port();
    let upstream = Upstream::Https(Authority { host: Host::Name("localhost".to_owned()), port });
    let ask = |ca, upstream: &Upstream| {
        let front = start_with(&Limits::default(), |settings| {
            let route = &mut settings.sites[0].routes[0];
            (route.upstream, route.upstream_ca) = (vec![upstream.clone()], ca);
        });
        let answer = front.send(b"GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(status(&answer), 421, "the front has no such host");
        let answer = front.ask("GET /api/x HTTP/1.1");
        (status(&answer), front.log(2)[1]["reason"].clone())
    };
    let (code, reason) = ask(Some(own.clone()), &upstream);
    assert_eq!((code, reason.as_str()), (200, None));
    assert_eq!(back.log(1)[0]["tls.version"], "TLSv1.3");
    // The name in the certificate is checked, and so is who signed it.
    let other = Upstream::Https(authority(back.address));
    for (ca, upstream) in [(Some(own), &other), (None, &upstream)] {
        let (code, reason) = ask(ca, upstream);
        assert_eq!(code, 502);
        assert_eq!(reason, "upstream's certificate could not be verified");
    }
}
