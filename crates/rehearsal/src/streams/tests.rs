//! Each safeguard of a stream, and the stream without it.

use super::*;

fn network(address: [u8; 4]) -> Network {
    Network { address: address.into(), prefix: 8 }
}

fn session(sender: &str) -> FixSession {
    FixSession {
        sender: sender.to_owned(),
        target: "BROKER".to_owned(),
        certificate: Some(format!("sha256:{}", "0".repeat(64))),
        networks: Vec::new(),
    }
}

/// With all that a stream can have.
fn strict() -> Stream {
    Stream {
        name: "fix".to_owned(),
        address: "192.0.2.1:9878".parse().unwrap(),
        hosts: vec!["fix.test".to_owned()],
        tls: Some(StreamTls::Ended(Tls::Files { certificate: "/no".into(), key: "/no".into() })),
        client_ca: Some("/nowhere/ca.pem".into()),
        networks: Vec::new(),
        upstream: vec![Place { host: Host::Name("upstream.invalid".to_owned()), port: 1 }],
        announce: None,
        connect_time: Duration::from_secs(2),
        idle_time: Duration::from_secs(30),
        fix: vec![session("CLIENT1")],
    }
}

fn limits() -> Limits {
    Limits { header_time: Duration::from_secs(1), ..Limits::default() }
}

/// What is claimed, served with a hole: this evidence falls, and the controls do not.
#[track_caller]
fn check(claimed: &Stream, hole: impl Fn(&mut Stream), falls: &[&str]) {
    let mut served = claimed.clone();
    hole(&mut served);
    let all = play(claimed, &served, &limits()).unwrap();
    for part in &all {
        let is_named = falls.iter().any(|word| part.did.contains(word));
        let wanted = if is_named { Outcome::Fell } else { Outcome::Held };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
    for word in falls {
        assert!(all.iter().any(|part| part.did.contains(word)), "{word}: {all:#?}");
    }
}

#[test]
fn a_strict_stream_lets_nothing_of_the_wrong_ones_pass() {
    let claimed = strict();
    check(&claimed, |_| {}, &[]);
    let all = play(&claimed, &claimed, &limits()).unwrap();
    assert_eq!(all.iter().filter(|part| part.did.contains("as the control")).count(), 2);
    assert!(all.len() >= 14, "{all:#?}");
}

#[test]
fn what_a_stream_forgets_is_seen_by_the_upstream() {
    let any = |own: &mut Stream| own.hosts.clear();
    check(&strict(), any, &["a name that is not its own"]);
    let unbound = |own: &mut Stream| own.fix[0].certificate = None;
    check(&strict(), unbound, &["by another's certificate"]);
    let anybody = |own: &mut Stream| {
        own.client_ca = None;
        own.fix[0].certificate = None;
    };
    check(&strict(), anybody, &["no certificate", "another authority", "by another's certificate"]);
    let unread = |own: &mut Stream| own.fix.clear();
    let words = ["Logon", "no FIX, as"];
    check(&strict(), unread, &words);
}

#[test]
fn plain_bytes_are_found_where_tls_is_left_out() {
    let claimed = Stream { client_ca: None, fix: Vec::new(), hosts: Vec::new(), ..strict() };
    check(&claimed, |_| {}, &[]);
    check(&claimed, |own| own.tls = None, &["plain bytes"]);
}

#[test]
fn networks_are_played_as_they_are() {
    let claimed = Stream { networks: vec![network([192, 0, 2, 0])], ..strict() };
    check(&claimed, |_| {}, &[]);
    check(&claimed, |own| own.networks.clear(), &["another network"]);
    let mut claimed = strict();
    claimed.fix[0].networks = vec![network([192, 0, 2, 0])];
    check(&claimed, |_| {}, &[]);
    check(&claimed, |own| own.fix[0].networks.clear(), &["from another network"]);
}

#[test]
fn tls_that_is_passed_on_reaches_the_upstream_by_its_name_alone() {
    let claimed =
        Stream { tls: Some(StreamTls::Passed), client_ca: None, fix: Vec::new(), ..strict() };
    check(&claimed, |_| {}, &[]);
    check(&claimed, |own| own.hosts.clear(), &["a name that is not its own"]);
}

#[test]
fn without_its_control_nothing_is_proven() {
    let other = |own: &mut Stream| own.fix = vec![session("OTHER")];
    let mut served = strict();
    other(&mut served);
    let all = play(&strict(), &served, &limits()).unwrap();
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0].outcome, Outcome::NotProven);
}

#[test]
fn only_what_refuses_anybody_is_played_and_not_without_end() {
    let mut settings = Settings { limits: limits(), ..Settings::new("/nowhere".into()) };
    assert!(streams(&settings).is_empty());
    let open = Stream { tls: None, client_ca: None, fix: Vec::new(), ..strict() };
    settings.streams = vec![Stream { hosts: Vec::new(), ..open }];
    assert!(streams(&settings).is_empty(), "bytes that are passed on as they are");
    let quick = Stream { client_ca: None, fix: Vec::new(), ..strict() };
    settings.streams = vec![quick; STREAMS_MAX + 1];
    let all = streams(&settings);
    let last = all.last().unwrap();
    assert!(last.outcome == Outcome::NotProven && last.saw.contains("no more"), "{last:?}");
    assert!(all.iter().rev().skip(1).all(|part| part.outcome == Outcome::Held), "{all:#?}");
}
