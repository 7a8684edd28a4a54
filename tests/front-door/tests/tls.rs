//! TLS and HTTP/2: what is offered, which certificate, which host.

use crate::support::h2::{h2, http2, request};
use crate::support::tls::{Secure, client, client_of, open};
use crate::support::{Bed, any_port, connect, header, send, site, start_with, status, text};
use burgrave_config::{Limits, Listen, Settings, Tls};
use burgrave_gateway::{Gateway, GatewayError};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use rustls::HandshakeKind;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

fn secured(settings: &mut Settings) {
    settings.listeners[0].tls = true;
    settings.sites[0].tls = Some(Tls::SelfSigned);
    let mut other = site("other.test", None, Vec::new(), &settings.limits);
    other.tls = Some(Tls::SelfSigned);
    settings.sites.push(other);
}

fn bed() -> Bed {
    start_with(&Limits::default(), secured)
}

fn ask(stream: &mut Secure, host: &str) -> std::io::Result<String> {
    let request = format!("GET /1k.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut out = Vec::new();
    stream.read_to_end(&mut out)?;
    Ok(text(&out))
}

#[test]
fn both_versions_work_and_are_recorded() {
    let bed = bed();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = client(version, &[b"http/1.1"]);
        let answer = ask(&mut open(&config, bed.address, "site.test"), "site.test").unwrap();
        assert_eq!(status(&answer), 200);
        assert_eq!(header(&answer, "strict-transport-security"), Some("max-age=31536000"));
    }
    let lines = bed.log(2);
    assert_eq!(
        (&lines[0]["tls.version"], &lines[1]["tls.version"]),
        (&"TLSv1.2".into(), &"TLSv1.3".into())
    );
}

#[test]
fn sessions_are_resumed() {
    let bed = bed();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = client(version, &[]);
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                let mut stream = open(&config, bed.address, "site.test");
                ask(&mut stream, "site.test").unwrap();
                stream.conn.handshake_kind().unwrap()
            })
            .collect();
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed], "{version:?}");
    }
}

#[test]
fn the_suite_is_of_our_order_and_one_that_the_client_has() {
    use rustls::CipherSuite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};
    use rustls::crypto::aws_lc_rs::cipher_suite as suite;
    let bed = bed();
    let (long, short) = (suite::TLS13_AES_256_GCM_SHA384, suite::TLS13_AES_128_GCM_SHA256);
    let chacha = suite::TLS13_CHACHA20_POLY1305_SHA256;
    for (offered, wanted) in [
        (&[long, chacha, short][..], TLS13_AES_128_GCM_SHA256),
        (&[chacha, long], TLS13_AES_256_GCM_SHA384),
        (&[chacha], rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ] {
        let mut stream = open(&client_of(offered), bed.address, "site.test");
        assert_eq!(status(&ask(&mut stream, "site.test").unwrap()), 200);
        let chosen = stream.conn.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(chosen, wanted, "{offered:?}");
    }
}

#[test]
fn the_certificate_and_the_host_belong_together() {
    let bed = bed();
    let config = client(&rustls::version::TLS13, &[]);
    for (sni, host, wanted) in [
        ("site.test", "site.test", 200),
        ("SITE.test", "Site.Test:443", 200),
        ("site.test", "other.test", 421),
        ("other.test", "site.test", 421),
        ("site.test", "unknown.test", 421),
        ("127.0.0.1", "site.test", 200),
    ] {
        let answer = ask(&mut open(&config, bed.address, sni), host).unwrap();
        assert_eq!(status(&answer), wanted, "{sni} {host}");
    }
    assert!(ask(&mut open(&config, bed.address, "unknown.test"), "site.test").is_err());
}

#[test]
fn a_wildcard_stands_for_one_label() {
    let bed = start_with(&Limits::default(), |settings| {
        settings.listeners = vec![Listen::secure(any_port())];
        let own = &mut settings.sites[0];
        own.tls = Some(Tls::SelfSigned);
        let mut below = own.clone();
        below.hosts = vec!["*.site.test".to_owned()];
        below.name = "*.site.test".to_owned();
        below.routes.clear();
        below.files = None;
        settings.sites.push(below);
    });
    let config = client(&rustls::version::TLS13, &[]);
    for (sni, host, wanted) in [
        ("site.test", "site.test", 200),
        ("a.site.test", "a.site.test", 404),
        ("A.site.test", "b.Site.test", 404),
        ("a.site.test", "site.test", 421),
        ("site.test", "a.site.test", 421),
        ("a.site.test", "a.b.site.test", 421),
    ] {
        let answer = ask(&mut open(&config, bed.address, sni), host).unwrap();
        assert_eq!(status(&answer), wanted, "{sni} {host}");
    }
    assert!(ask(&mut open(&config, bed.address, "a.b.site.test"), "a.b.site.test").is_err());
    let home = bed.settings.state.join("tls");
    assert!(home.join("any%.site.test.crt").exists());
}

/// A hello with these versions and suites, as an old client would send it.
fn hello(version: [u8; 2], suites: &[[u8; 2]]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len() * 2).unwrap().to_be_bytes());
    body.extend(suites.concat());
    body.extend([1, 0]);
    let extensions: &[u8] = &[
        0, 10, 0, 6, 0, 4, 0, 23, 0, 29, // groups
        0, 11, 0, 2, 1, 0, // point formats
        0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, // signatures
        0, 23, 0, 0, // extended master secret
    ];
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1, 0];
    message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
    record.extend(message);
    record
}

#[test]
fn old_versions_and_weak_suites_are_refused() {
    let bed = bed();
    let strong = [0xc0, 0x2b];
    let first = |bytes: &[u8]| {
        let mut stream = connect(bed.address);
        stream.write_all(bytes).unwrap();
        let mut kind = [0];
        // Closed without a word is a refusal too.
        stream.read(&mut kind).map_or(0, |count| if count == 0 { 0 } else { kind[0] })
    };
    assert_eq!(first(&hello([3, 3], &[strong])), 22, "the control is answered");
    for (name, version, suites) in [
        ("TLS 1.0", [3, 1], vec![strong]),
        ("TLS 1.1", [3, 2], vec![strong]),
        ("CBC", [3, 3], vec![[0xc0, 0x13], [0xc0, 0x09], [0xc0, 0x23]]),
        ("RSA key exchange", [3, 3], vec![[0, 0x9c], [0, 0x2f]]),
        ("RC4 and 3DES", [3, 3], vec![[0, 5], [0, 10]]),
        ("none", [3, 3], vec![[0, 0]]),
    ] {
        assert_ne!(first(&hello(version, &suites)), 22, "{name}");
    }
    assert_ne!(first(&[22, 3, 1, 255, 255, 1, 0, 0, 0]), 22, "a record that is too large");
}

#[test]
fn a_request_that_cannot_be_read_is_refused_over_tls_with_all_it_should_say() {
    let bed = bed();
    let mut stream =
        open(&client(&rustls::version::TLS13, &[b"http/1.1"]), bed.address, "site.test");
    stream.write_all(b"TRACE / HTTP/1.1\r\nHost: site.test\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let answer = text(&answer);
    assert_eq!(status(&answer), 405, "{answer}");
    for name in ["strict-transport-security", "date", "allow", "x-content-type-options"] {
        assert!(header(&answer, name).is_some(), "{name}: {answer}");
    }
}

#[test]
fn plain_http_on_a_tls_port_is_closed_without_a_name() {
    let bed = bed();
    let answer = send(bed.address, b"GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert!(!answer.contains("HTTP") && !answer.to_lowercase().contains("burgrave"), "{answer}");
}

#[test]
fn own_certificates_are_kept_and_their_keys_are_tight() {
    let bed = bed();
    let home = bed.directory.path().join("state/tls");
    let key = home.join("site.test.key");
    let mode = std::fs::metadata(&key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let before = std::fs::read(home.join("site.test.crt")).unwrap();
    let mut settings = bed.settings.clone();
    settings.listeners[0].address = any_port();
    let second = Gateway::start(settings, None, 1).unwrap();
    assert_eq!(std::fs::read(home.join("site.test.crt")).unwrap(), before);
    second.shutdown(std::time::Duration::ZERO);
}

#[test]
fn certificates_that_cannot_be_used_are_errors() {
    let bed = bed();
    let home = bed.directory.path().join("state/tls");
    let given = |certificate: &str, key: &str| {
        let mut settings = bed.settings.clone();
        settings.sites[0].tls =
            Some(Tls::Files { certificate: home.join(certificate), key: home.join(key) });
        Gateway::start(settings, None, 1).unwrap_err()
    };
    std::fs::write(home.join("empty.pem"), "").unwrap();
    let missing = given("none.crt", "site.test.key");
    assert!(matches!(missing, GatewayError::CertificateFile { .. }), "{missing}");
    assert!(missing.to_string().contains("none.crt"));
    for (certificate, key) in [
        ("other.test.crt", "site.test.key"),
        ("empty.pem", "site.test.key"),
        ("site.test.crt", "empty.pem"),
    ] {
        let error = given(certificate, key);
        assert!(matches!(error, GatewayError::Certificate { .. }), "{error}");
    }
}

#[test]
fn plain_requests_are_sent_to_https_on_the_same_host() {
    let bed = start_with(&Limits::default(), |settings| {
        secured(settings);
        settings.listeners[0].address = "127.0.0.1:0".parse().unwrap();
        let plain = Listen::new("127.0.0.2:0".parse().unwrap());
        settings.listeners.push(plain);
    });
    let address = bed.gateway.address_of("127.0.0.2:0".parse().unwrap()).unwrap();
    for (request, wanted, location) in [
        ("GET /a?b=c HTTP/1.1\r\nHost: Site.test:80", 301, Some("https://site.test/a?b=c")),
        (
            "POST /a HTTP/1.1\r\nContent-Length: 0\r\nHost: site.test",
            308,
            Some("https://site.test/a"),
        ),
        (
            "GET //evil.test/.. HTTP/1.1\r\nHost: site.test",
            301,
            Some("https://site.test//evil.test/.."),
        ),
        ("GET http://site.test HTTP/1.1\r\nHost: evil.test", 301, Some("https://site.test/")),
        ("GET / HTTP/1.1\r\nHost: evil.test", 421, None),
        ("GET / HTTP/1.1\r\nHost: site.test\r\nX : y", 400, None),
    ] {
        let answer = send(address, format!("{request}\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!((status(&answer), header(&answer, "location")), (wanted, location), "{request}");
        assert_eq!(header(&answer, "strict-transport-security"), None);
    }
    assert_eq!(bed.log(6)[0]["decision"], "redirect");
}

#[test]
fn a_hundred_http2_requests_at_once_are_answered() {
    let bed = bed();
    http2(async || {
        let sender = h2::<Empty<Bytes>>(bed.address).await;
        let mut tasks = Vec::new();
        for number in 0..100 {
            let path = if number % 2 == 0 { "1k.txt" } else { "api/x" };
            let mut sender = sender.clone();
            tasks.push(tokio::spawn(async move {
                let uri = format!("https://site.test/{path}");
                let response =
                    sender.send_request(request("GET", &uri, &[], Empty::new())).await.unwrap();
                let status = response.status();
                (status.as_u16(), response.into_body().collect().await.unwrap().to_bytes().len())
            }));
        }
        for task in tasks {
            let (status, size) = task.await.unwrap();
            assert_eq!(status, 200);
            assert!(size > 100);
        }
    });
    let lines = bed.log(100);
    assert_eq!(lines.len(), 100);
    assert!(lines.iter().all(|line| line["http.version"] == "HTTP/2.0"));
    let seen = bed.backend.last();
    assert!(seen.head.starts_with("GET /api/x HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("host"), ["site.test"]);
    assert_eq!(seen.header("x-forwarded-proto"), ["https"]);
}

#[test]
fn http2_requests_follow_the_same_rules() {
    let bed = bed();
    http2(async || {
        let mut sender = h2::<Full<Bytes>>(bed.address).await;
        for (method, uri, headers, body, wanted) in [
            ("GET", "https://site.test/1k.txt", &[][..], "", 200),
            ("GET", "https://unknown.test/1k.txt", &[], "", 421),
            ("GET", "https://other.test/1k.txt", &[], "", 421),
            ("GET", "https://site.test/1k.txt", &[("host", "evil.test")], "", 400),
            ("TRACE", "https://site.test/1k.txt", &[], "", 405),
            ("GET", "https://site.test/.git/config", &[], "", 404),
            (
                "GET",
                "https://site.test/api/x",
                &[("x-forwarded-for", "6.6.6.6"), ("cookie", "a=b"), ("cookie", "c=d")],
                "",
                200,
            ),
            ("POST", "https://site.test/api/x", &[], "hello", 200),
        ] {
            let body = Full::from(body.to_owned());
            let response = sender.send_request(request(method, uri, headers, body)).await.unwrap();
            assert_eq!(response.status().as_u16(), wanted, "{method} {uri} {headers:?}");
            assert_eq!(response.headers()["strict-transport-security"], "max-age=31536000");
        }
    });
    let seen = bed.backend.seen();
    assert_eq!(seen[0].header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen[0].header("cookie"), ["a=b; c=d"]);
    assert_eq!(seen[1].body, b"hello");
}
