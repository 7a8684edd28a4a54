//! The gateway holds; proxies that believe what they are told do not.

use super::*;
use crate::stand_in::StandIn;
use burgrave_sys::{Access, replace_own};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

fn by_gateway(settings: &Settings) -> Vec<Evidence> {
    request_ids(settings)
}

fn settings() -> Settings {
    Settings::new("/nowhere".into())
}

#[test]
fn the_gateway_names_each_request_itself() {
    let all = by_gateway(&settings());
    assert_eq!(all.len(), 19, "{all:#?}");
    assert!(all.iter().all(|part| part.outcome == Outcome::Held), "{all:#?}");
    let of = |did: &str| all.iter().find(|part| part.did == did).unwrap().saw.clone();
    assert!(of("a stranger's id").contains("on both sides"));
    assert!(of("an id with a carriage return").contains("nothing passed"));
    assert!(of("a page of the gateway's own, with a stranger's id").contains("as both others do"));
}

#[test]
fn a_header_that_is_logged_on_purpose_is_no_id() {
    let mut settings = settings();
    settings.log.headers = vec![FIELD.to_owned(), "user-agent".to_owned()];
    settings.limits.header_bytes = 8 << 10;
    let all = by_gateway(&settings);
    assert!(all.iter().all(|part| part.outcome == Outcome::Held), "{all:#?}");
    let long = all.iter().find(|part| part.did == "an id of 10,000 bytes").unwrap();
    assert!(long.saw.starts_with("431"), "{long:?}");
}

/// What a proxy believes.
#[derive(Clone, Copy, PartialEq)]
enum Belief {
    /// Passes on what a client says, and logs it.
    All,
    /// Names requests itself, but writes what a client said beside it.
    LogsIt,
    /// Names requests itself, all of them the same.
    OneForAll,
    /// Writes no log.
    NoLog,
}

/// A proxy as it is quickly written.
fn naive(belief: Belief) -> impl Fn(SocketAddr) -> Result<Front, String> {
    move |upstream| {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("access.log");
        replace_own(&log, b"", Access::All).unwrap();
        let (file, state) = (log.clone(), Mutex::new((0_u32, String::new())));
        let proxy = StandIn::start(move |mut client| {
            let Some(head) = crate::application::head(&mut client) else { return };
            let mut state = state.lock().unwrap();
            state.0 += u32::from(belief != Belief::OneForAll);
            let (line, rest) = head.split_once("\r\n").unwrap();
            let own = format!("{:032x}", state.0);
            let said = fields(rest).last().unwrap_or(&own).to_owned();
            let id = if belief == Belief::All { said.clone() } else { own };
            if belief != Belief::NoLog {
                let seen = if belief == Belief::LogsIt { said } else { String::new() };
                state.1.push_str(&format!("{{\"request.id\":\"{id}\",\"seen\":\"{seen}\"}}\n"));
                replace_own(&file, state.1.as_bytes(), Access::All).unwrap();
            }
            let kept: String = rest
                .split("\r\n")
                .filter(|line| belief == Belief::All && !line.is_empty())
                .map(|line| format!("{line}\r\n"))
                .collect();
            let named = if fields(&kept).next().is_some() {
                String::new()
            } else {
                format!("X-Request-Id: {id}\r\n")
            };
            let asked = format!("{line}\r\nHost: {HOST}\r\nConnection: close\r\n{named}{kept}\r\n");
            let mut answer = Vec::new();
            if let Ok(mut backend) = TcpStream::connect(upstream) {
                let bytes: Vec<u8> = asked.chars().map(|own| u8::try_from(own).unwrap()).collect();
                drop(backend.write_all(&bytes));
                drop(backend.shutdown(std::net::Shutdown::Write));
                drop(backend.read_to_end(&mut answer));
            }
            if answer.is_empty() {
                let page = format!("Request {id}");
                answer = format!("HTTP/1.1 502 X\r\nContent-Length: {}\r\n\r\n{page}", page.len())
                    .into_bytes();
            }
            drop(client.write_all(&answer));
        })?;
        let settings = Settings {
            listeners: vec![Listen::new(proxy.address)],
            sites: vec![Site::new(HOST)],
            ..Settings::new("/nowhere".into())
        };
        let target = Target::from_settings(&settings);
        Ok(Front { target, log, _kept: Box::new((proxy, folder)) })
    }
}

fn fallen(belief: Belief) -> Vec<String> {
    let all = play(&naive(belief));
    let fell = all.into_iter().filter(|part| part.outcome == Outcome::Fell);
    fell.map(|part| part.did).collect()
}

#[test]
fn a_proxy_that_believes_a_client_falls() {
    let all = play(&naive(Belief::All));
    // Two controls before, and one behind.
    assert_eq!(all.len(), 15, "{all:#?}");
    for (index, part) in all.iter().enumerate() {
        let wanted = if [0, 1, 14].contains(&index) { Outcome::Held } else { Outcome::Fell };
        assert_eq!(part.outcome, wanted, "{part:?}");
    }
    let earlier = all.iter().find(|part| part.did.contains("earlier")).unwrap();
    assert!(earlier.saw.contains("same id"), "{earlier:?}");
}

#[test]
fn a_log_that_keeps_what_was_said_falls_alone() {
    let fell = fallen(Belief::LogsIt);
    assert!(fell.contains(&"a stranger's id".to_owned()), "{fell:?}");
    assert!(!fell.iter().any(|did| did.contains("control") || did.contains("earlier")), "{fell:?}");
}

#[test]
fn without_ids_or_a_log_nothing_is_proven() {
    for all in [
        play(&naive(Belief::OneForAll)),
        play(&|_| Err("no port".to_owned())),
        play(&|upstream| {
            let front = naive(Belief::All)(upstream)?;
            let gone = StandIn::start(drop)?;
            let site = Settings {
                listeners: vec![Listen::new(gone.address)],
                sites: vec![Site::new(HOST)],
                ..Settings::new("/nowhere".into())
            };
            Ok(Front { target: Target::from_settings(&site), ..front })
        }),
    ] {
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0].outcome, Outcome::NotProven, "{all:#?}");
    }
}
