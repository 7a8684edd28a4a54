//! Services that are no HTTP, and connections that begin by naming their client.

use crate::support::tls::{Authorities, client_with, open};
use crate::support::{self, Bed, connect, start_with, status};
use burgrave_config::{
    Announce, Authority, FixSession, Host, Limits, Network, Settings, Stream, StreamTls, Tls,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

/// Says back what it hears, in capitals, and keeps it.
fn echo() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&heard);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let all = Arc::clone(&all);
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut piece) {
                    all.lock().unwrap().extend_from_slice(&piece[..count]);
                    piece.make_ascii_uppercase();
                    if stream.write_all(&piece[..count]).is_err() {
                        break;
                    }
                }
            });
        }
    });
    (address, heard)
}

fn stream(upstream: SocketAddr) -> Stream {
    Stream {
        name: "fix".to_owned(),
        address: "127.0.0.3:0".parse().unwrap(),
        hosts: Vec::new(),
        tls: None,
        client_ca: None,
        networks: Vec::new(),
        upstream: vec![Authority { host: Host::Address(upstream.ip()), port: upstream.port() }],
        announce: None,
        connect_time: support::PATIENCE,
        idle_time: support::PATIENCE,
        fix: Vec::new(),
    }
}

fn bed(change: impl FnOnce(&mut Settings)) -> (Bed, SocketAddr) {
    let bed = start_with(&Limits::default(), change);
    let address = bed.gateway.address_of("127.0.0.3:0".parse().unwrap()).unwrap();
    (bed, address)
}

fn one_way(stream: &mut (impl Read + Write), bytes: &[u8]) -> String {
    drop(stream.write_all(bytes));
    let mut piece = [0; 4096];
    let count = stream.read(&mut piece).unwrap_or(0);
    support::text(&piece[..count])
}

#[test]
fn bytes_pass_both_ways_and_leave_one_record() {
    let (upstream, heard) = echo();
    let (bed, address) = bed(|settings| settings.streams.push(stream(upstream)));
    let mut client = connect(address);
    assert_eq!(one_way(&mut client, b"hello"), "HELLO");
    assert_eq!(one_way(&mut client, b"again"), "AGAIN");
    client.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(*heard.lock().unwrap(), b"helloagain");
    let line = &bed.log(1)[0];
    assert_eq!((&line["site"], &line["decision"]), (&"fix".into(), &"forward".into()));
    assert_eq!((&line["bytes.in"], &line["bytes.out"]), (&10.into(), &10.into()));
    assert_eq!(line["upstream"], format!("tcp://{upstream}"));
}

#[test]
fn upstreams_that_refuse_are_passed_over() {
    let (upstream, _) = echo();
    let (gone, _kept) = support::nobody();
    let (_bed, address) = bed(|settings| {
        let mut own = stream(upstream);
        own.upstream.insert(0, Authority { host: Host::Address(gone.ip()), port: gone.port() });
        settings.streams.push(own);
    });
    for _ in 0..4 {
        assert_eq!(one_way(&mut connect(address), b"x"), "X");
    }
}

#[test]
fn a_stream_is_for_its_networks_only() {
    let (upstream, heard) = echo();
    let (bed, address) = bed(|settings| {
        let mut own = stream(upstream);
        own.networks = vec![Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 }];
        settings.streams.push(own);
    });
    assert_eq!(one_way(&mut connect(address), b"x"), "");
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!(bed.logged("client network not allowed")["decision"], "refuse");
}

#[test]
fn the_client_is_announced_where_asked() {
    for (announce, wanted) in [
        (Announce::Text, &b"PROXY TCP4 127.0.0.1 127.0.0.3 "[..]),
        (Announce::Binary, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"),
    ] {
        let (upstream, heard) = echo();
        let (_bed, address) = bed(|settings| {
            settings.streams.push(Stream { announce: Some(announce), ..stream(upstream) });
        });
        one_way(&mut connect(address), b"x");
        let heard = heard.lock().unwrap();
        assert!(heard.starts_with(wanted), "{:?}", support::text(&heard));
    }
}

#[test]
fn names_choose_the_stream_and_tls_passes_as_it_is() {
    let (plain, _) = echo();
    let (bed, address) = bed(|settings| {
        settings.listeners[0].tls = true;
        settings.sites[0].tls = Some(Tls::SelfSigned);
        let mut ended = stream(plain);
        ended.tls = Some(StreamTls::Ended(Tls::SelfSigned));
        ended.hosts = vec!["ended.test".to_owned()];
        settings.streams.push(ended);
    });
    // The gateway's own web listener stands behind a second stream.
    let (second, through) = self::bed(|settings| {
        let mut own = stream(bed.address);
        (own.tls, own.hosts) = (Some(StreamTls::Passed), vec!["site.test".to_owned()]);
        settings.streams.push(own);
    });
    let config = client_with(&rustls::version::TLS13, &[], None);
    assert_eq!(one_way(&mut open(&config, address, "ended.test"), b"abc"), "ABC");
    assert_eq!(one_way(&mut open(&config, address, "other.test"), b"abc"), "");
    assert_eq!(bed.logged("no stream has this name")["decision"], "refuse");
    let ask = b"GET /1k.txt HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&one_way(&mut open(&config, through, "site.test"), ask)), 200);
    assert_eq!(one_way(&mut connect(through), b"GET / HTTP/1.1\r\n\r\n"), "");
    assert_eq!(second.logged("tls handshake failed")["decision"], "refuse");
}

/// A message of these fields, written with `|`.
fn message(body: &str) -> Vec<u8> {
    let body = body.replace('|', "\u{1}");
    let mut out = format!("8=FIX.4.4\u{1}9={}\u{1}{body}", body.len()).into_bytes();
    let sum = out.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    out.extend(format!("10={sum:03}\u{1}").bytes());
    out
}

#[test]
fn a_fix_session_is_bound_to_its_certificate_before_anything_passes() {
    let (upstream, heard) = echo();
    let ours = Authorities::new("ours");
    let (alice, bob) = (ours.client("alice"), ours.client("bob"));
    let (bed, address) = bed(|settings| {
        let file = settings.state.with_file_name("ca.pem");
        std::fs::write(&file, ours.pem()).unwrap();
        let session = |sender: &str, certificate| FixSession {
            sender: sender.to_owned(),
            target: "BROKER".to_owned(),
            certificate,
            networks: Vec::new(),
        };
        let mut own = stream(upstream);
        own.tls = Some(StreamTls::Ended(Tls::SelfSigned));
        own.client_ca = Some(file);
        own.fix = vec![session("ALICE", Some(alice.fingerprint())), session("ANY", None)];
        settings.streams.push(own);
    });
    let logon = |sender: &str, shown| {
        let config = client_with(&rustls::version::TLS13, &[], shown);
        let mut stream = open(&config, address, "fix.test");
        one_way(&mut stream, &message(&format!("35=A|49={sender}|56=BROKER|98=0|108=30|")))
    };
    for (sender, shown, why) in [
        ("ALICE", Some(bob.shown()), Some("fix session of another certificate")),
        ("EVE", Some(alice.shown()), Some("unknown fix session")),
        ("ALICE", None, Some("tls handshake failed")),
        ("ALICE", Some(alice.shown()), None),
        ("ANY", Some(bob.shown()), None),
    ] {
        let before = heard.lock().unwrap().len();
        let answer = logon(sender, shown);
        if let Some(why) = why {
            assert_eq!(answer, "", "{sender}");
            assert_eq!(bed.logged(why)["decision"], "refuse");
            assert_eq!(heard.lock().unwrap().len(), before, "nothing of it reaches the upstream");
        } else {
            assert!(answer.starts_with("8=FIX.4.4\u{1}9="), "{sender}: {answer}");
        }
    }
    let config = client_with(&rustls::version::TLS13, &[], Some(alice.shown()));
    let odd = one_way(&mut open(&config, address, "fix.test"), b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(odd, "");
    assert_eq!(bed.logged("no fix message")["site"], "fix");
}

#[test]
fn a_load_balancer_in_its_network_names_the_client() {
    let ask = |bed: &Bed, header: &[u8]| {
        let request = b"GET /api/x HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
        support::send(bed.address, &[header, request].concat())
    };
    let balancer = Network { address: "127.0.0.0".parse().unwrap(), prefix: 8 };
    let bed = start_with(&Limits::default(), |settings| {
        settings.listeners[0].proxy_protocol = vec![balancer];
    });
    let text = b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n";
    let binary =
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[192, 0, 2, 9, 192, 0, 2, 8, 0, 9, 0, 80]]
            .concat();
    for (header, client) in
        [(&text[..], "192.0.2.7"), (&binary, "192.0.2.9"), (b"PROXY UNKNOWN\r\n", "127.0.0.1")]
    {
        assert_eq!(status(&ask(&bed, header)), 200);
        assert_eq!(bed.backend.last().header("x-forwarded-for"), [client]);
    }
    assert_eq!(bed.log(3)[0]["client.ip"], "192.0.2.7");
    assert_eq!(ask(&bed, b""), "", "without a header nothing is served");
    assert_eq!(bed.logged("no valid header of the proxy protocol")["decision"], "refuse");
    // From anywhere else the header is no header.
    let other = start_with(&Limits::default(), |settings| {
        let address = "10.0.0.0".parse().unwrap();
        settings.listeners[0].proxy_protocol = vec![Network { address, prefix: 8 }];
    });
    assert_eq!(status(&ask(&other, text)), 400);
    assert_eq!(status(&ask(&other, b"")), 200);
}
