//! The part of the proof of HTTP/3 that breaks its rules.

use crate::evidence::{evidence, not_proven, saw};
use crate::target::{Door, TargetSite};
use crate::wire::http3::{CONTROL, DATA, HEADERS, SETTINGS, control, frame, integer, request};
use crate::wire::quic::Quic;
use crate::wire::{Reply, Wire};
use burgrave_model::{Evidence, Outcome};
use quinn_proto::Dir;
use std::time::Duration;

/// Errors of RFC 9114 §8.1.
const GENERAL_PROTOCOL_ERROR: u64 = 0x101;
const STREAM_CREATION_ERROR: u64 = 0x103;
const CLOSED_CRITICAL_STREAM: u64 = 0x104;
const FRAME_UNEXPECTED: u64 = 0x105;
const SETTINGS_ERROR: u64 = 0x109;
const MISSING_SETTINGS: u64 = 0x10a;
/// A frame that a server has no use for before its settings.
const GOAWAY: u64 = 7;
/// The type of a stream that only servers open (RFC 9114 §6.2.2).
const PUSH: u8 = 1;
/// A frame of HTTP/2 that HTTP/3 has not (RFC 9114 §7.2.8).
const PING_OF_HTTP2: u64 = 6;
/// A setting of HTTP/2 that HTTP/3 has not (RFC 9114 §7.2.4.1).
const ENABLE_PUSH: u64 = 2;
/// How long an answer to the request behind it is waited for to be the last one.
const END_TIME: Duration = Duration::from_secs(3);

/// Something that no client of HTTP/3 says.
struct Hostile {
    what: &'static str,
    /// Streams of one direction, each with whether it ends.
    streams: Vec<(Vec<u8>, bool)>,
    /// What stands before the header of the request that follows.
    before: Vec<u8>,
    /// What the connection must end with.
    code: u64,
}

fn all() -> Vec<Hostile> {
    let on_control = |what, more: Vec<u8>, code| Hostile {
        what,
        streams: vec![([control(), more].concat(), false)],
        before: Vec::new(),
        code,
    };
    let streams = |what, streams, code| Hostile { what, streams, before: Vec::new(), code };
    let on_request = |what, before| Hostile {
        what,
        streams: vec![(control(), false)],
        before,
        code: FRAME_UNEXPECTED,
    };
    let first = |bytes: Vec<u8>| vec![([vec![CONTROL], bytes].concat(), false)];
    let setting = [integer(ENABLE_PUSH), integer(1)].concat();
    vec![
        on_control("a second SETTINGS", frame(SETTINGS, &[]), FRAME_UNEXPECTED),
        on_control("content on the control stream", frame(DATA, b"x"), FRAME_UNEXPECTED),
        on_control("a header on the control stream", frame(HEADERS, &[0, 0]), FRAME_UNEXPECTED),
        on_control(
            "a frame of HTTP/2 on the control stream",
            frame(PING_OF_HTTP2, &[0; 8]),
            FRAME_UNEXPECTED,
        ),
        streams("a control stream without SETTINGS", first(frame(GOAWAY, &[0])), MISSING_SETTINGS),
        streams("a setting of HTTP/2", first(frame(SETTINGS, &setting)), SETTINGS_ERROR),
        streams(
            "a second control stream",
            vec![(control(), false), (control(), false)],
            STREAM_CREATION_ERROR,
        ),
        streams(
            "a push from a client",
            vec![(control(), false), (vec![PUSH, 0], false)],
            STREAM_CREATION_ERROR,
        ),
        streams("a control stream that ends", vec![(control(), true)], CLOSED_CRITICAL_STREAM),
        on_request("content before the header", frame(DATA, b"x")),
        on_request("a frame of HTTP/2 before the header", frame(PING_OF_HTTP2, &[0; 8])),
        on_request("SETTINGS before the header", frame(SETTINGS, &[])),
    ]
}

/// Each on a connection of its own, with a request that asks for nothing special behind it.
pub(super) fn at_site(wire: &mut Wire, site: &TargetSite, door: Door, path: &str) -> Vec<Evidence> {
    let one = |hostile: &Hostile| {
        let did = format!("{}, to {} over HTTP/3", hostile.what, site.host);
        match wire.open_http3(door.address, &site.host) {
            Ok(mut connection) => {
                let request = request("GET", &site.host, path);
                let within = END_TIME.min(wire.limits().answer_time);
                let (saw, outcome) = judged(&mut connection, hostile, &request, within);
                evidence(&did, &saw, outcome)
            }
            Err(reply) => not_proven(&did, &saw(&reply)),
        }
    };
    all().iter().map(one).collect()
}

fn judged(
    connection: &mut Quic,
    hostile: &Hostile,
    request: &[u8],
    within: Duration,
) -> (String, Outcome) {
    for (bytes, ends) in &hostile.streams {
        connection.say(Dir::Uni, bytes, *ends);
    }
    let request = [&hostile.before, request].concat();
    let reply = match connection.say(Dir::Bi, &request, true) {
        Some(stream) => connection.answer(stream),
        None => connection.why(),
    };
    let is_answered = matches!(reply, Reply::Answer(_));
    if is_answered && !hostile.before.is_empty() {
        return (saw(&reply), Outcome::Fell);
    }
    // What stands on another stream may be looked at after the request.
    connection.ends_within(within);
    let Some(code) = connection.ended_with() else {
        return match reply {
            Reply::Answer(_) => (format!("{}; the connection went on", saw(&reply)), Outcome::Fell),
            Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
                (saw(&reply), Outcome::NotProven)
            }
        };
    };
    if [hostile.code, GENERAL_PROTOCOL_ERROR].contains(&code) {
        return (format!("connection ended with 0x{code:03x}"), Outcome::Held);
    }
    let wanted = hostile.code;
    (
        format!("connection ended with 0x{code:03x} in the place of 0x{wanted:03x}"),
        Outcome::NotProven,
    )
}
