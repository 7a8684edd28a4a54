//! The gateway holds; doors that count nothing, or in one number alone, do not.

use super::*;
use crate::application::head;
use crate::stand_in::StandIn;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// For those who never do what is waited for.
const IMPATIENT: Duration = Duration::from_secs(3);

/// Small enough that a test does not take long.
fn limits() -> Limits {
    Limits {
        connections_per_client: 4,
        connections_per_network: 6,
        connections: 9,
        header_time: Duration::from_secs(3),
        body_time: Duration::from_secs(3),
        ..Limits::default()
    }
}

#[test]
fn the_gateway_keeps_everybody_within_limits() {
    let all = play(&limits(), &gateway, SETTLE_TIME);
    assert!(all.iter().all(|part| part.outcome == Outcome::Held), "{all:#?}");
    let dids: Vec<&str> = all.iter().map(|part| part.did.as_str()).collect();
    assert_eq!(
        dids,
        [
            "4 connections of one client, as the control",
            "one more than 4 of one client",
            "a client beside 4 connections of one client",
            "one of one client, once they have ended",
            "6 connections of one network, as the control",
            "one more than 6 of one network",
            "a client beside 6 connections of one network",
            "one of one network, once they have ended",
            "9 connections of many networks, as the control",
            "one more than 9 of many networks",
            "one of many networks, once they have ended",
            "a client beside 9 headers that stop",
            "one who shares its address with 9 headers that stop",
            "9 headers that stop of one client, to be cut within 3s",
            "a client beside 9 bodies that stop",
            "one who shares its address with 9 bodies that stop",
            "9 bodies that stop of one client, to be cut within 3s",
        ]
    );
}

#[test]
fn the_defaults_hold_as_they_are_cut() {
    let counts = Counts::of(&Limits::default(), SLOW_MAX);
    assert_eq!(counts, Counts { client: 200, network: 250, all: 300 });
    let all = connections(&Settings::new("/nowhere".into()));
    // A busy machine may take its time for hundreds of connections.
    let held = |part: &Evidence| part.outcome == Outcome::Held || part.saw == TOO_LATE;
    assert!(all.iter().all(held), "{all:#?}");
    assert_eq!(all.len(), 17);
}

#[test]
fn one_who_may_take_everything_falls() {
    // Nobody beside one client is served, and so the configuration says.
    let limits = Limits { connections_per_client: 9, connections_per_network: 9, ..limits() };
    let all = play(&limits, &gateway, SETTLE_TIME);
    let fell: Vec<_> = all.iter().filter(|part| part.outcome == Outcome::Fell).collect();
    let dids: Vec<&str> = fell.iter().map(|part| part.did.as_str()).collect();
    assert_eq!(
        dids,
        [
            "a client beside 9 connections of one client",
            "a client beside 9 connections of one network",
            "one who shares its address with 14 headers that stop",
            "one who shares its address with 14 bodies that stop",
        ],
        "{all:#?}"
    );
}

/// What a door counts.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Nothing,
    /// All of them together.
    All,
    /// As many, but of each that has gone one stays.
    ForEver,
}

/// A door as it is quickly written. It waits for as long as anybody likes.
fn naive(counted: Counted) -> impl Fn(&Limits, SocketAddr) -> Result<Front, String> {
    move |_, upstream| {
        let open = Arc::new(AtomicUsize::new(0));
        let own = StandIn::start(move |mut client| {
            let count = open.fetch_add(1, Ordering::SeqCst);
            let is_let_in = counted == Counted::Nothing || count < 4;
            let answer = is_let_in.then(|| ask(&mut client, upstream)).flatten();
            // Before the client hears of it: whoever has its answer has no place any more.
            if counted != Counted::ForEver || count == 0 {
                open.fetch_sub(1, Ordering::SeqCst);
            }
            if let Some(answer) = answer {
                drop(client.write_all(&answer));
            }
        })?;
        let settings = Settings {
            listeners: vec![Listen::new(own.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        Ok(Front { target: Target::from_settings(&settings), _kept: Box::new(own) })
    }
}

/// Passes a request on. `None`: there was none, or whoever sent it has gone.
fn ask(client: &mut TcpStream, upstream: SocketAddr) -> Option<Vec<u8>> {
    let head = head(client)?;
    let mut backend = TcpStream::connect(upstream).ok()?;
    backend.write_all(head.as_bytes()).ok()?;
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    backend.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let mut piece = [0; 1024];
    loop {
        match backend.read(&mut piece) {
            Ok(count @ 1..) => return Some(piece[..count].to_vec()),
            Ok(0) => return None,
            Err(_) => {}
        }
        if matches!(client.read(&mut piece), Ok(0)) {
            return None;
        }
    }
}

fn of<'a>(all: &'a [Evidence], did: &str) -> &'a Evidence {
    all.iter().find(|part| part.did.starts_with(did)).unwrap_or_else(|| panic!("{did}: {all:#?}"))
}

#[test]
fn a_door_that_counts_nothing_falls() {
    let all = play(&limits(), &naive(Counted::Nothing), IMPATIENT);
    for did in ["one more than 4", "one more than 6", "one more than 9", "9 headers", "9 bodies"] {
        assert_eq!(of(&all, did).outcome, Outcome::Fell, "{all:#?}");
    }
    assert_eq!(all.iter().filter(|part| part.outcome == Outcome::Fell).count(), 5, "{all:#?}");
}

#[test]
fn a_door_that_counts_all_in_one_falls_for_whoever_is_beside() {
    let all = play(&limits(), &naive(Counted::All), IMPATIENT);
    assert_eq!(of(&all, "one more than 4 of one client").outcome, Outcome::Held);
    for did in [
        "a client beside 4 connections of one client",
        "a client beside 9 headers",
        "one who shares its address with 9 headers",
    ] {
        assert_eq!(of(&all, did).outcome, Outcome::Fell, "{did}: {all:#?}");
    }
    // It has not so many places as are to be filled.
    assert_eq!(of(&all, "6 connections of one network").outcome, Outcome::NotProven);
}

#[test]
fn a_door_that_gives_no_place_back_falls() {
    let all = play(&limits(), &naive(Counted::ForEver), IMPATIENT);
    let back = of(&all, "one of one client, once they have ended");
    assert_eq!(back.outcome, Outcome::Fell, "{all:#?}");
}

#[test]
fn nothing_is_proven_where_nobody_answers() {
    let gone = |_: &Limits, _: SocketAddr| -> Result<Front, String> {
        let own = StandIn::start(drop)?;
        let settings = Settings {
            listeners: vec![Listen::new(own.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        Ok(Front { target: Target::from_settings(&settings), _kept: Box::new(()) })
    };
    let all = play(&limits(), &gone, IMPATIENT);
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|part| part.outcome == Outcome::NotProven), "{all:#?}");
}

#[test]
fn counts_keep_their_order() {
    let cut = |client, network, all| {
        let limits = Limits {
            connections_per_client: client,
            connections_per_network: network,
            connections: all,
            ..Limits::default()
        };
        let Counts { client, network, all } = Counts::of(&limits, IN_WORK_MAX);
        [client, network, all]
    };
    assert_eq!(cut(200, 2_000, 10_000), [16, 32, 48]);
    assert_eq!(cut(1, 20, 21), [1, 20, 21]);
    assert_eq!(cut(500, 500, 500), [16; 3]);
    assert_eq!(cut(1_000, 2_000, 100), [32, 48, 16]);
    assert_eq!(cut(20, 1_000_000, 1_000_000), [16, 32, 32]);
    assert_eq!(shares(9, 4).collect::<Vec<_>>(), [4, 4, 1]);
    assert_eq!(shares(3, 0).collect::<Vec<_>>(), [1; 3]);
    let all: std::collections::BTreeSet<_> = (0..1_000).map(|network| client(network, 0)).collect();
    assert_eq!(all.len(), 1_000);
}
