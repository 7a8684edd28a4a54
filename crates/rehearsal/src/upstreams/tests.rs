//! The gateway holds; a proxy that is too simple, and one that is too eager, do not.

use super::Spoken::{FastCgi as Script, H2c, Http, Https};
use super::*;
use crate::stand_in::StandIn;
use burgrave_config::{Sharing, Tls};
use burgrave_model::Outcome;
use burgrave_prove::{Door, Layer};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TLS: &str = "an https upstream";

fn play(spoken: &[Spoken]) -> Play {
    let health = Health {
        path: "/up".to_owned(),
        every: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        fall: 2,
        rise: 2,
    };
    Play {
        name: "site.test/api/".to_owned(),
        spoken: spoken.to_vec(),
        balance: Balance { health: Some(health), ..Balance::default() },
        limits: Limits {
            connect_time: Duration::from_secs(1),
            upstream_time: Duration::from_millis(500),
            ..Limits::default()
        },
        has_own_authority: true,
    }
}

/// Those whose evidence begins with one of these words fall, and all others hold.
#[track_caller]
fn check(play: &Play, open: Opening<'_>, count: usize, falls: &[&str]) {
    let all = trials::all(play, open);
    assert_eq!(all.len(), count, "{all:#?}");
    for part in &all {
        let is_named = falls.iter().any(|word| part.did.starts_with(word));
        let wanted = if is_named { Outcome::Fell } else { Outcome::Held };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
}

#[test]
fn the_gateway_keeps_what_happens_to_one_from_all_others() {
    check(&play(&[Http, Http]), &gateway, 5, &[]);
    let mut least = play(&[Http; 3]);
    (least.balance.sharing, least.balance.sticky) = (Sharing::LeastRequests, Some("lb".to_owned()));
    check(&least, &gateway, 5, &[]);
}

#[test]
fn the_gateway_asks_nobody_whose_certificate_is_wrong() {
    check(&play(&[Https, Http]), &gateway, 8, &[]);
    let by_system = Play { has_own_authority: false, ..play(&[Https]) };
    let all = trials::all(&by_system, &gateway);
    let last = all.last().unwrap();
    // Where the system has no authorities nothing can be said.
    assert!(last.did.contains("does not know") && last.outcome != Outcome::Fell, "{last:?}");
}

#[test]
fn one_alone_is_played_for_what_holds_for_one() {
    check(&play(&[Http]), &gateway, 2, &[]);
}

/// A proxy as it is quickly written. An eager one asks everybody until somebody answers.
fn naive(is_eager: bool) -> impl Fn(&Play, &[Upstream], Option<&str>) -> Result<Front, String> {
    move |_, upstream, _| {
        let doors: Vec<Door> = upstream.iter().map(door).collect();
        let turn = AtomicUsize::new(0);
        let proxy = StandIn::start(move |mut client| {
            let Some(request) = whole(&mut client) else { return };
            let first = turn.fetch_add(1, Ordering::SeqCst);
            let order = (0..doors.len() * 3).map(|step| doors[(first + step) % doors.len()]);
            for door in order.take(if is_eager { usize::MAX } else { 1 }) {
                if let Some(status) = asked(door, &request) {
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                    return drop(client.write_all(head.as_bytes()));
                }
            }
            drop(client.write_all(b"HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n"));
        })?;
        Ok(Front { target: one(proxy.address, false), _kept: Box::new(proxy) })
    }
}

fn door(upstream: &Upstream) -> Door {
    let (Upstream::Https(place) | Upstream::Http(place)) = upstream else { panic!("{upstream:?}") };
    let is_secured = matches!(upstream, Upstream::Https(_));
    let layer = if is_secured { Layer::Tls } else { Layer::Plain };
    let Host::Address(ip) = place.host else { panic!("an address") };
    Door { address: SocketAddr::new(ip, place.port), layer }
}

fn one(address: SocketAddr, is_secured: bool) -> Target {
    let site = Site { tls: is_secured.then_some(Tls::SelfSigned), ..Site::new(HOST) };
    let listen = Listen { tls: is_secured, ..Listen::new(address) };
    Target::from_settings(&Settings {
        listeners: vec![listen],
        sites: vec![site],
        ..Settings::new("/nowhere".into())
    })
}

fn whole(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"\r\n\r\nok") {
        match client.read(&mut piece) {
            Ok(count @ 1..) => request.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
    Some(request)
}

/// By a client that takes any certificate and waits for long.
fn asked(door: Door, request: &[u8]) -> Option<u16> {
    let target = one(door.address, door.layer == Layer::Tls);
    let reply = Wire::new(&target, WireLimits::default()).exchange(door, HOST, request);
    if let Reply::Answer(answer) = reply { Some(answer.status) } else { None }
}

#[test]
fn a_proxy_that_is_too_simple_falls() {
    let falls = ["one upstream", TLS];
    check(&play(&[Https, Http]), &naive(false), 8, &falls);
}

#[test]
fn a_proxy_that_is_too_eager_makes_orders_twice() {
    let falls = ["POSTs", "one upstream ends", "one upstream hangs", "one upstream says"];
    check(&play(&[Http, Http]), &naive(true), 5, &falls);
}

#[test]
fn nothing_is_proven_where_nobody_answers() {
    let nobody = |_: &Play, _: &[Upstream], _: Option<&str>| -> Result<Front, String> {
        let gone = StandIn::start(drop)?;
        Ok(Front { target: one(gone.address, false), _kept: Box::new(()) })
    };
    let all = trials::all(&play(&[Https, Http]), &nobody);
    assert_eq!(all.len(), 8);
    assert!(all.iter().all(|part| part.outcome == Outcome::NotProven), "{all:#?}");
    let refused = |_: &Play, _: &[Upstream], _: Option<&str>| Err("no port".to_owned());
    let all = trials::all(&play(&[Https]), &refused);
    assert!(all.iter().all(|part| part.saw == "no port"), "{all:#?}");
}

#[test]
fn routes_with_the_same_settings_are_played_once_and_in_short() {
    let place = |port| Place { host: Host::Name("app.invalid".to_owned()), port };
    let both = |port| vec![Upstream::Http(place(port)), Upstream::Https(place(port))];
    let mut route = Route::new("/api/", both(1));
    route.balance.health = Some(Health {
        path: "/up".into(),
        every: Duration::from_secs(5),
        timeout: Duration::from_secs(2),
        fall: 3,
        rise: 2,
    });
    let one = Play::of("a".to_owned(), &route);
    assert_eq!(one.spoken, [Https, Http]);
    assert_eq!(one.limits.upstream_time, ANSWER_TIME_MAX, "a minute in the configuration");
    let health = one.balance.health.as_ref().unwrap();
    assert_eq!((health.every, health.timeout, health.fall), (EVERY_MAX, CONNECT_TIME_MAX, 3));
    route.upstream = both(2);
    assert!(one.is_like(&Play::of("b".to_owned(), &route)));
    route.upstream.push(Upstream::Unix("/run/app".into()));
    assert!(!one.is_like(&Play::of("c".to_owned(), &route)));
    // Health is asked by HTTP/1.1; of others it is said that it is not.
    route.upstream = vec![Upstream::H2c(place(3))];
    route.limits.upstream_time = Duration::from_millis(100);
    let mut settings = Settings::new("/nowhere".into());
    let routes = vec![route.clone(), route];
    settings.sites = vec![Site { routes, ..Site::new("a.test") }];
    let all = upstreams(&settings);
    assert!(all[0].outcome == Outcome::NotProven && all[0].did.contains("`health`"), "{all:?}");
    assert_eq!(all.iter().filter(|part| part.did.contains("hangs")).count(), 1, "{all:#?}");
}

#[test]
fn the_gateway_does_the_same_for_other_protocols() {
    let mut shared = play(&[H2c, H2c]);
    shared.balance.health = None;
    check(&shared, &gateway, 4, &[]);
    let mut scripts = play(&[Script, Script]);
    scripts.balance.health = None;
    check(&scripts, &gateway, 4, &[]);
}

#[test]
fn applications_do_as_they_are_told() {
    let own = Arc::new(Application::start(&Speech::Http, Some("/up")).unwrap());
    let say = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        asked(Door { address: own.address(), layer: Layer::Plain }, request.as_bytes())
    };
    assert_eq!((say("/a"), say("/up")), (Some(200), Some(200)));
    own.be(Mood::Sick);
    assert_eq!((say("/a"), say("/up")), (Some(200), Some(503)));
    own.be(Mood::Ends);
    assert_eq!(say("/a"), None);
    assert_eq!((own.count(), own.checks()), (3, 2));
}
