//! What is attacked follows from the configuration alone, and nothing else is ever contacted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

mod support;

use burgrave_config::parse;
use burgrave_prove::{
    Door, Entry, Inspected, Layer, Reply, Serves, Target, Wire, WireError, WireLimits, prove_within,
};
use std::net::{SocketAddr, TcpListener};
use support::{short_patience, target};

fn from(text: &str) -> Target {
    Target::from_settings(&parse(text).unwrap())
}

fn door(address: &str, layer: Layer) -> Door {
    Door { address: address.parse().unwrap(), layer }
}

const SHOP: &str = r#"
[[listen]]
address = "0.0.0.0:8443"
tls = true
[[listen]]
address = "[::]:8080"

[rules]
include = ["/etc/burgrave/rules/*.conf"]

[limits]
header_time = "7s"

[[site]]
hosts = ["shop.test", "www.shop.test"]
tls = "self-signed"
files = { root = "/srv/www" }
[[site.route]]
path = "/api/"
upstream = ["http://127.0.0.1:3000"]
limits = { body_bytes = "1KiB" }
[[site.route]]
path = "/raw/"
upstream = ["http://127.0.0.1:3000"]
mode = "detect"

[[site]]
hosts = ["*"]
mode = "off"
[[site.route]]
path = "/"
upstream = ["http://127.0.0.1:3000"]
"#;

#[test]
fn a_site_with_tls_is_reached_by_both_listeners() {
    let target = from(SHOP);
    let shop = &target.sites[0];
    assert_eq!((shop.name.as_str(), shop.host.as_str()), ("shop.test", "shop.test"));
    assert_eq!(shop.door, Some(door("127.0.0.1:8443", Layer::Tls)));
    assert_eq!(shop.plain, Some(door("[::1]:8080", Layer::Plain)));
    assert!(shop.tls && !shop.any_host);
    assert_eq!(shop.limits.header_time.as_secs(), 7);
    let places: Vec<_> = shop
        .places
        .iter()
        .map(|place| (place.path.as_str(), place.serves, place.inspected, place.limits.body_bytes))
        .collect();
    assert!(places.contains(&("/api/", Serves::Upstream, Inspected::Blocks, 1024)), "{places:?}");
    let detects = ("/raw/", Serves::Upstream, Inspected::DoesNotBlock, 10 * 1024 * 1024);
    assert!(places.contains(&detects), "{places:?}");
    let files = ("/", Serves::Files, Inspected::Blocks, 10 * 1024 * 1024);
    assert_eq!(places.last(), Some(&files));
}

#[test]
fn a_site_for_any_host_is_asked_as_localhost() {
    let target = from(SHOP);
    let any = &target.sites[1];
    assert_eq!((any.host.as_str(), any.any_host, any.tls), ("localhost", true, false));
    assert_eq!((any.door, any.plain), (Some(door("[::1]:8080", Layer::Plain)), None));
    assert_eq!(any.places.len(), 1);
    assert_eq!(any.places[0].inspected, Inspected::DoesNotBlock);
    assert!(target.takes_any_host());
}

#[test]
fn a_listener_is_reached_at_its_own_address() {
    let text = r#"
        [[listen]]
        address = "192.0.2.7:80"
        [[site]]
        hosts = ["a.test"]
        files = { root = "/srv/www" }
    "#;
    let target = from(text);
    let addresses: Vec<SocketAddr> = target.addresses().collect();
    assert_eq!(addresses, ["192.0.2.7:80".parse().unwrap()]);
    assert_eq!(target.sites[0].places[0].inspected, Inspected::DoesNotBlock, "no rules");
}

#[test]
fn streams_and_certificates_are_where_they_are_configured() {
    let target = from(&format!(
        "{SHOP}{}",
        r#"
[[stream]]
name = "fix"
address = "0.0.0.0:9878"
hosts = ["fix.test"]
tls = { certificate = "/etc/fix.pem", key = "/etc/fix.key" }
client_ca = "/etc/clients.pem"
networks = ["127.0.0.0/8"]
upstream = ["tcp://10.0.0.5:9878"]
[[stream.fix]]
sender = "CLIENT1"
target = "BROKER"
[[stream]]
name = "rest"
address = "0.0.0.0:9878"
tls = "passthrough"
networks = ["192.0.2.0/24"]
upstream = ["tcp://10.0.0.6:9878"]
[[stream]]
name = "echo"
address = "192.0.2.7:7"
upstream = ["tcp://10.0.0.7:7"]
"#
    ));
    let [fix, rest, echo] = &target.streams[..] else { panic!("three") };
    assert_eq!((fix.host.as_str(), fix.entry), ("fix.test", Entry::OpenToUs));
    assert_eq!(fix.door, door("127.0.0.1:9878", Layer::Tls));
    assert!(fix.any_name && fix.wants_certificate, "the other stream takes every name");
    assert_eq!(fix.sessions, [("CLIENT1".to_owned(), "BROKER".to_owned())]);
    assert_eq!(fix.header_time.as_secs(), 7);
    assert_eq!((rest.host.as_str(), rest.entry), ("localhost", Entry::Closed));
    assert_eq!([fix.is_guarded(), rest.is_guarded(), echo.is_guarded()], [true, true, false]);
    assert_eq!(echo.door, door("192.0.2.7:7", Layer::Plain));
    // TLS that is passed on shows somebody else's certificate.
    let shown: Vec<_> = target
        .certificates
        .iter()
        .map(|own| (own.name.as_str(), own.door.address.port(), own.hosts.len(), own.any_name))
        .collect();
    assert_eq!(shown, [("shop.test", 8443, 2, false), ("fix", 9878, 1, true)]);
    assert_eq!(target.certificates[1].keys, [std::path::Path::new("/etc/fix.key")]);
    let own = target.certificates[0].keys[0].display().to_string();
    assert_eq!(own, "/var/lib/burgrave/tls/shop.test.key");
    let addresses: Vec<String> = target.addresses().map(|own| own.to_string()).collect();
    assert!(addresses.iter().all(|own| !own.starts_with("10.")), "{addresses:?}");
}

#[test]
fn no_other_address_is_contacted() {
    let own = support::start(support::Kind::Sound, Layer::Plain);
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let target = target(own, Layer::Plain);
    let mut wire = Wire::new(&target, WireLimits::default());
    let address = stranger.local_addr().unwrap();
    let foreign = Door { address, layer: Layer::Plain };
    let reply = wire.exchange(foreign, "shop.test", b"GET / HTTP/1.1\r\n\r\n");
    let Reply::Unsent(WireError::Foreign(named)) = reply else { panic!("{reply:?}") };
    assert_eq!(named, address);
    assert!(wire.open(foreign, "shop.test").is_err());
    let from = "127.0.0.9".parse().unwrap();
    let reply = wire.open_from(from, foreign, "shop.test").unwrap_err();
    assert!(matches!(reply, Reply::Unsent(WireError::Foreign(_))), "{reply:?}");
    let by_quic = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    by_quic.set_nonblocking(true).unwrap();
    let reply = wire.get_by_http3(by_quic.local_addr().unwrap(), "shop.test", "/", &[]);
    assert!(matches!(reply, Reply::Unsent(WireError::Foreign(_))), "{reply:?}");
    assert!(by_quic.recv(&mut [0; 8]).is_err(), "a datagram was sent");
    assert!(stranger.accept().is_err(), "somebody connected");
    let ours = Door { address: own, layer: Layer::Plain };
    let reply = wire.exchange(ours, "shop.test", b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    assert!(matches!(reply, Reply::Answer(answer) if answer.status == 200));
    let mut connection = wire.open_from(from, ours, "shop.test").unwrap();
    connection.send(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n");
    assert!(matches!(connection.answer(), Reply::Answer(answer) if answer.status == 200));
}

#[test]
fn evidence_keeps_nothing_of_what_was_served() {
    let target = target(support::start(support::Kind::Naive, Layer::Plain), Layer::Plain);
    for proof in prove_within(&target, &[burgrave_model::Safeguard::Cleanup], short_patience()) {
        for part in proof.evidence {
            assert!(!part.saw.contains("`ok`") && part.saw.contains("2 bytes"), "{}", part.saw);
            assert!(part.did.chars().count() <= 200 && part.saw.chars().count() <= 200);
        }
    }
}
