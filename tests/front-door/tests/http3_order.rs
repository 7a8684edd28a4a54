//! HTTP/3 to the letter: what follows what on a stream, and with which code an error ends (RFC 9114 §4.1, §6.2, §7 and
//! §8.1, RFC 9204 §4).

use crate::support::h2::{http2, request};
use crate::support::h3::kind::{
    CANCEL_PUSH, DATA, GOAWAY, HEADERS, MAX_PUSH_ID, MEANINGLESS, PUSH_PROMISE, SETTINGS,
};
use crate::support::h3::{ask, block, frame, integer, open, quic};
use crate::support::{self, Bed, any_port, start_with};
use burgrave_config::{Limits, Listen, Tls};
use quinn::{Connection, ConnectionError, ReadToEndError};
use std::time::Duration;
use tokio::time::timeout;

/// Codes of RFC 9114 §8.1 and RFC 9204 §6.
const STREAM_CREATION_ERROR: u64 = 0x103;
const CLOSED_CRITICAL_STREAM: u64 = 0x104;
const FRAME_UNEXPECTED: u64 = 0x105;
const FRAME_ERROR: u64 = 0x106;
const ID_ERROR: u64 = 0x108;
const SETTINGS_ERROR: u64 = 0x109;
const MISSING_SETTINGS: u64 = 0x10a;
const REQUEST_INCOMPLETE: u64 = 0x10d;
const MESSAGE_ERROR: u64 = 0x10e;
const QPACK_DECOMPRESSION_FAILED: u64 = 0x200;
const QPACK_ENCODER_STREAM_ERROR: u64 = 0x201;
const QPACK_DECODER_STREAM_ERROR: u64 = 0x202;

/// How the other side took what was said.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Status(String),
    Reset(u64),
    Closed(u64),
    /// Nothing but a clean end.
    Nothing,
    /// Neither an answer nor an end.
    Silence,
}

/// Cases that went another way, all of them at once.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, got: &T, wanted: &T) {
        if got != wanted {
            self.0.push(format!("{name}: {got:?}, not {wanted:?}"));
        }
    }

    fn none(&self) {
        assert!(self.0.is_empty(), "{:#?}", self.0);
    }
}

fn bed() -> Bed {
    start_with(&Limits::default(), |settings| {
        settings.listeners = vec![Listen::secure(any_port())];
        settings.sites[0].tls = Some(Tls::SelfSigned);
    })
}

fn closed(error: &ConnectionError) -> End {
    let ConnectionError::ApplicationClosed(end) = error else { panic!("{error:?}") };
    End::Closed(end.error_code.into_inner())
}

fn settings() -> Vec<u8> {
    [integer(0), frame(SETTINGS, &[])].concat()
}

/// Says `raw` on a request's stream, and ends it. Where the connection `ends`, its stream may do so before.
async fn said(bed: &Bed, raw: &[u8], ends: bool) -> End {
    let connection = quic(bed.address, "site.test").await;
    let mut control = connection.open_uni().await.unwrap();
    control.write_all(&settings()).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    drop(send.write_all(raw).await);
    drop(send.finish());
    match timeout(support::PATIENCE, receive.read_to_end(1 << 20)).await {
        Err(_) => End::Silence,
        Ok(Ok(answer)) if answer.is_empty() => {
            // A connection that ends does so right after its streams.
            match timeout(support::SOON, connection.closed()).await {
                Ok(error) => closed(&error),
                Err(_) => End::Nothing,
            }
        }
        Ok(Ok(answer)) => End::Status(support::h3::status(&answer)),
        Ok(Err(_)) if ends => match timeout(support::PATIENCE, connection.closed()).await {
            Ok(error) => closed(&error),
            Err(_) => End::Silence,
        },
        Ok(Err(ReadToEndError::Read(quinn::ReadError::Reset(code)))) => {
            End::Reset(code.into_inner())
        }
        Ok(Err(_)) => closed(&connection.close_reason().unwrap()),
    }
}

fn header(method: &str, extra: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        (":method", method),
        (":scheme", "https"),
        (":authority", "site.test"),
        (":path", "/api/order"),
    ];
    frame(HEADERS, &block(&[&own[..], extra].concat()))
}

fn post(frames: &[Vec<u8>]) -> Vec<u8> {
    [header("POST", &[]), frames.concat()].concat()
}

/// A frame that says it has more than follows.
fn cut(kind: u64, content: &[u8]) -> Vec<u8> {
    [integer(kind), integer(u64::try_from(content.len()).unwrap() + 7), content.to_vec()].concat()
}

#[test]
fn a_message_has_one_order() {
    let bed = bed();
    let trailers = frame(HEADERS, &block(&[("x-checksum", "1")]));
    let page = End::Status("200".to_owned());
    let mut wrong = Wrong::default();
    http2(async || {
        for (name, raw, wanted) in [
            ("trailers", vec![frame(DATA, b"abc"), trailers.clone()], "abc"),
            ("empty content first", vec![frame(DATA, b""), frame(DATA, b"abc")], "abc"),
            (
                "empty content between",
                vec![frame(DATA, b"abc"), frame(DATA, b""), frame(DATA, b""), frame(DATA, b"def")],
                "abcdef",
            ),
            (
                "empty content at the end",
                vec![frame(DATA, b"abc"), frame(DATA, b""), trailers.clone()],
                "abc",
            ),
            (
                "frames of no meaning anywhere",
                vec![
                    frame(MEANINGLESS, b"x"),
                    frame(DATA, b"abc"),
                    frame(MEANINGLESS, b""),
                    trailers.clone(),
                    frame(MEANINGLESS, b"x"),
                ],
                "abc",
            ),
        ] {
            wrong.compare(name, &said(&bed, &post(&raw), false).await, &page);
            wrong.compare(name, &support::text(&bed.backend.last().body), &wanted.to_owned());
        }
    });
    wrong.none();
}

#[test]
fn no_application_gets_a_message_out_of_order() {
    let bed = bed();
    let trailers = frame(HEADERS, &block(&[("x-checksum", "1")]));
    let mut wrong = Wrong::default();
    http2(async || {
        for (name, frames, wanted) in [
            ("content after trailers", vec![trailers.clone(), frame(DATA, b"d")], FRAME_UNEXPECTED),
            ("trailers twice", vec![trailers.clone(), trailers.clone()], FRAME_UNEXPECTED),
            ("nothing after trailers", vec![trailers.clone(), frame(DATA, b"")], FRAME_UNEXPECTED),
            ("settings", vec![frame(SETTINGS, &[])], FRAME_UNEXPECTED),
            ("a goodbye", vec![frame(GOAWAY, &[0])], FRAME_UNEXPECTED),
            ("a promise", vec![frame(PUSH_PROMISE, &[0, 0, 0])], FRAME_UNEXPECTED),
            ("a frame of HTTP/2", vec![frame(2, &[0; 5])], FRAME_UNEXPECTED),
            ("content cut", vec![cut(DATA, b"de")], FRAME_ERROR),
            ("content not begun", vec![cut(DATA, b"")], FRAME_ERROR),
            ("trailers cut", vec![cut(HEADERS, &[0, 0])], FRAME_ERROR),
            ("a frame's type alone", vec![vec![0]], FRAME_ERROR),
            ("half an integer", vec![vec![0xc0, 0]], FRAME_ERROR),
            (
                "trailers that cannot be read",
                vec![frame(HEADERS, &[0, 0, 0x80])],
                QPACK_DECOMPRESSION_FAILED,
            ),
        ] {
            let raw = post(&[vec![frame(DATA, b"abc")], frames].concat());
            wrong.compare(name, &said(&bed, &raw, true).await, &End::Closed(wanted));
        }
        for (name, fields) in [
            ("a pseudo-field", &[(":path", "/")][..]),
            ("upper case", &[("X-Upper", "1")]),
            ("a line break", &[("x-a", "b\r\nc: d")]),
            ("a field of a connection", &[("connection", "close")]),
        ] {
            let raw = post(&[frame(DATA, b"abc"), frame(HEADERS, &block(fields))]);
            wrong.compare(name, &said(&bed, &raw, false).await, &End::Reset(MESSAGE_ERROR));
        }
        wrong.none();
        assert_eq!(bed.backend.seen().len(), 0, "{:?}", bed.backend.seen());
        let mut sender = open(bed.address).await;
        let good = request("GET", "https://site.test/", &[], ());
        assert_eq!(ask(&mut sender, good, &[]).await.status, 200);
    });
}

#[test]
fn malformed_requests_end_with_their_code() {
    let bed = bed();
    let mut wrong = Wrong::default();
    http2(async || {
        let changed = |fields: &[(&str, &str)]| frame(HEADERS, &block(fields));
        for (name, raw, wanted) in [
            ("a header cut", cut(HEADERS, &[0, 0]), End::Closed(FRAME_ERROR)),
            ("nothing", vec![], End::Reset(REQUEST_INCOMPLETE)),
            ("content first", frame(DATA, b"x"), End::Closed(FRAME_UNEXPECTED)),
            (
                "a header that cannot be read",
                frame(HEADERS, &[0, 0, 0x80]),
                End::Closed(QPACK_DECOMPRESSION_FAILED),
            ),
            (
                "a table that is not there",
                frame(HEADERS, &[5, 0, 0x80]),
                End::Closed(QPACK_DECOMPRESSION_FAILED),
            ),
            ("a path twice", header("GET", &[(":path", "/")]), End::Reset(MESSAGE_ERROR)),
            ("upper case", header("GET", &[("X-Upper", "1")]), End::Reset(MESSAGE_ERROR)),
            (
                "a field of a connection",
                header("GET", &[("te", "gzip")]),
                End::Status("400".to_owned()),
            ),
            ("a line break", header("GET", &[("x-a", "b\r\nc: d")]), End::Reset(MESSAGE_ERROR)),
            (
                "no path",
                changed(&[(":method", "GET"), (":scheme", "https"), (":authority", "site.test")]),
                End::Reset(MESSAGE_ERROR),
            ),
            (
                "shorter than it says",
                [header("POST", &[("content-length", "4")]), frame(DATA, b"abc")].concat(),
                End::Reset(MESSAGE_ERROR),
            ),
            (
                "longer than it says",
                [header("POST", &[("content-length", "2")]), frame(DATA, b"abc")].concat(),
                End::Reset(MESSAGE_ERROR),
            ),
        ] {
            let ends = matches!(wanted, End::Closed(_));
            wrong.compare(name, &said(&bed, &raw, ends).await, &wanted);
        }
        wrong.none();
        assert_eq!(bed.backend.seen().len(), 0, "{:?}", bed.backend.last());
    });
}

#[test]
fn an_expectation_is_met_or_refused() {
    let bed = bed();
    http2(async || {
        let other = [header("POST", &[("expect", "200-fine")]), frame(DATA, b"abc")].concat();
        assert_eq!(said(&bed, &other, false).await, End::Status("417".to_owned()));
        let connection = quic(bed.address, "site.test").await;
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&header("POST", &[("expect", "100-continue")])).await.unwrap();
        // Nothing of the body is sent before it is asked for.
        let mut interim = Vec::new();
        while support::h3::status(&interim) != "100" {
            let mut piece = [0; 64];
            let read = timeout(support::SOON, receive.read(&mut piece)).await;
            let count = read.unwrap().unwrap().unwrap();
            interim.extend_from_slice(&piece[..count]);
        }
        send.write_all(&frame(DATA, b"abc")).await.unwrap();
        send.finish().unwrap();
        let answer = receive.read_to_end(1 << 20).await.unwrap();
        assert_eq!(support::h3::status(&answer), "200");
        assert_eq!(support::text(&bed.backend.last().body), "abc");
    });
}

/// Opens streams of one direction with these bytes and ends the last where `finish` says so; then asks for a page, where the
/// connection `lives`, or waits for its end.
async fn streams(bed: &Bed, all: &[Vec<u8>], finish: bool, lives: bool) -> End {
    let connection = quic(bed.address, "site.test").await;
    let mut open = Vec::new();
    for (index, raw) in all.iter().enumerate() {
        let mut stream = connection.open_uni().await.unwrap();
        drop(stream.write_all(raw).await);
        if finish && index + 1 == all.len() {
            drop(stream.finish());
        }
        open.push(stream);
    }
    if lives {
        // What was said before has come before.
        tokio::time::sleep(Duration::from_millis(50)).await;
        return page(&connection).await;
    }
    match timeout(support::SOON, connection.closed()).await {
        Ok(error) => closed(&error),
        Err(_) => End::Silence,
    }
}

async fn page(connection: &Connection) -> End {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&header("GET", &[])).await.unwrap();
    send.finish().unwrap();
    match timeout(support::PATIENCE, receive.read_to_end(1 << 20)).await {
        Ok(Ok(answer)) => End::Status(support::h3::status(&answer)),
        _ => closed(&connection.close_reason().unwrap()),
    }
}

/// Streams of one direction, whether the last ends, and the code with which the connection does, if so.
type Case = (&'static str, Vec<Vec<u8>>, bool, Option<u64>);

fn follow(cases: Vec<Case>) {
    let (bed, mut wrong) = (bed(), Wrong::default());
    http2(async || {
        for (name, said, finish, code) in cases {
            let wanted = code.map_or_else(|| End::Status("200".to_owned()), End::Closed);
            let got = streams(&bed, &said, finish, code.is_none()).await;
            wrong.compare(name, &got, &wanted);
        }
    });
    wrong.none();
}

#[test]
fn a_control_stream_says_what_a_client_may() {
    // What follows the settings.
    let after = |name, frames: &[Vec<u8>], code| {
        (name, vec![[settings(), frames.concat()].concat()], false, code)
    };
    let pushes = |most| frame(MAX_PUSH_ID, &[most]);
    let first = |name, kind, content: &[u8], code| {
        (name, vec![[integer(0), frame(kind, content)].concat()], false, Some(code))
    };
    follow(vec![
        after("nothing", &[], None),
        after("pushes allowed", &[pushes(5), pushes(6)], None),
        after("fewer pushes", &[pushes(5), pushes(4)], Some(ID_ERROR)),
        after("two numbers", &[frame(MAX_PUSH_ID, &[5, 5])], Some(FRAME_ERROR)),
        after("no number", &[frame(MAX_PUSH_ID, &[])], Some(FRAME_ERROR)),
        after("a push that nobody promised", &[frame(CANCEL_PUSH, &[0])], Some(ID_ERROR)),
        after("a header", &[header("GET", &[])], Some(FRAME_UNEXPECTED)),
        after("content", &[frame(DATA, &[])], Some(FRAME_UNEXPECTED)),
        after("a promise", &[frame(PUSH_PROMISE, &[0, 0, 0])], Some(FRAME_UNEXPECTED)),
        after("a frame of HTTP/2", &[frame(6, &[0; 8])], Some(FRAME_UNEXPECTED)),
        after("goodbyes that rise", &[frame(GOAWAY, &[0]), frame(GOAWAY, &[4])], Some(ID_ERROR)),
        after("settings twice", &[frame(SETTINGS, &[])], Some(FRAME_UNEXPECTED)),
        first("a setting twice", SETTINGS, &[6, 1, 6, 1], SETTINGS_ERROR),
        first("a setting of HTTP/2", SETTINGS, &[3, 1], SETTINGS_ERROR),
        first("half a setting", SETTINGS, &[6], FRAME_ERROR),
        first("no settings", MAX_PUSH_ID, &[1], MISSING_SETTINGS),
        ("two of them", vec![settings(), settings()], false, Some(STREAM_CREATION_ERROR)),
        ("its end", vec![settings()], true, Some(CLOSED_CRITICAL_STREAM)),
    ]);
}

#[test]
fn other_streams_of_one_direction_keep_their_rules() {
    let others = |name, raw: &[&[u8]], finish, code| {
        let all = std::iter::once(settings()).chain(raw.iter().map(|raw| raw.to_vec()));
        (name, all.collect(), finish, code)
    };
    let says = |name, raw: &[&[u8]], code| others(name, raw, false, code);
    let ends = |name, raw: &[&[u8]], code| others(name, raw, true, code);
    let (encoder, decoder) = (Some(QPACK_ENCODER_STREAM_ERROR), Some(QPACK_DECODER_STREAM_ERROR));
    let endless = [&[3, 0x7f][..], &[0xff; 11]].concat();
    follow(vec![
        says("a push", &[&[1, 0]], Some(STREAM_CREATION_ERROR)),
        says("of no meaning", &[&[0x21, 1, 2, 3]], None),
        ends("of no meaning, ended", &[&[0x21]], None),
        ends("without a type", &[&[]], None),
        ends("half a type", &[&[0x40]], None),
        says("compression", &[&[2], &[3]], None),
        says("a table of nothing", &[&[2, 0x20], &[3, 0x40, 0x44]], None),
        says("long integers", &[&[0x40, 2, 0x20], &[0xc0, 0, 0, 0, 0, 0, 0, 3, 0x7f, 5]], None),
        says("two encoders", &[&[2], &[2]], Some(STREAM_CREATION_ERROR)),
        says("two decoders", &[&[3], &[3]], Some(STREAM_CREATION_ERROR)),
        ends("an encoder's end", &[&[2]], Some(CLOSED_CRITICAL_STREAM)),
        ends("a decoder's end", &[&[3, 0x44]], Some(CLOSED_CRITICAL_STREAM)),
        says("a table", &[&[2, 0x21]], encoder),
        says("an entry", &[&[2, 0xc1, 1, b'x']], encoder),
        says("a copy", &[&[2, 0x00]], encoder),
        says("a receipt", &[&[3, 0x84]], decoder),
        says("a count", &[&[3, 0x01]], decoder),
        says("a count of nothing", &[&[3, 0x00]], decoder),
        says("an integer without end", &[&endless], decoder),
    ]);
}
