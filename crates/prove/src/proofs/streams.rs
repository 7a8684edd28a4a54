//! Clients that a stream is not for (CWE-287, CWE-306, CWE-319).

use super::fix_sessions;
use super::rehearsed::play;
use crate::Attack;
use crate::evidence::{evidence, not_proven, saw};
use crate::target::{Entry, Layer, Target};
use crate::target_stream::TargetStream;
use crate::wire::greeting::{Greeted, ask_for};
use crate::wire::{Client, Connection, Identity, Offer, Piece, Reply, Wire, now};
use burgrave_model::{Evidence, Outcome, Safeguard};
use std::time::Duration;

/// A name that is nobody's (RFC 2606).
const STRANGER: &str = "stranger.invalid";
/// What a client without TLS would say first. It asks for nothing.
const PLAIN: &[u8] = b"OPTIONS * HTTP/1.0\r\n\r\n";
/// The beginning of a record that never goes on.
const HALF_HELLO: &[u8] = &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
/// Between the end that is waited for and that of the connection itself.
const MARGIN: Duration = Duration::from_secs(1);

pub(super) struct Streams;

impl Attack for Streams {
    fn id(&self) -> &'static str {
        "streams"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::AppServer
    }

    fn title(&self) -> &'static str {
        "nothing reaches the upstream of a stream without its network, name, certificate and Logon"
    }

    fn about(&self) -> &'static str {
        "Comes to each `[[stream]]` with plain bytes where there is TLS (CWE-319), with a name that none of its address \
         has,\nwithout a certificate and with a self-made one where `client_ca` asks for one, in TLS 1.2 and 1.3 \
         (CWE-287), and stops\nwithin a handshake. Where FIX can be spoken without a certificate: with bytes that are \
         none, a heartbeat before the Logon,\nLogons of parties that are not configured (CWE-306), and half a Logon. \
         Held means that nothing came back and that the\nconnection was ended at once, and what stops in \
         `header_time` and five seconds. The controls are a server hello, and that\nhalf a Logon is waited for: a whole \
         one would open a session of yours.\n\nWhat reaches an upstream cannot be seen from outside. So each stream is \
         played as well, with its own settings, by a\ngateway on a loopback address before a stand-in that keeps \
         what it hears; there the right certificate and the right Logon\nget through, and whatever is wrong in one thing \
         must not,\nto the last byte. There a `header_time` of more than two seconds is cut to two.\n\nIf it fell: see that no other program listens at that address, and look at `tls`, \
         `hosts`, `client_ca`, `networks` and\n`[[stream.fix]]` of the stream."
    }

    fn applies(&self, target: &Target) -> bool {
        target.streams.iter().any(TargetStream::is_guarded)
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let rehearsal = target.rehearsals.streams.as_ref();
        let guarded = target.streams.iter().filter(|stream| stream.is_guarded());
        let mut out: Vec<Evidence> =
            guarded.flat_map(|stream| at_stream(wire, stream, rehearsal.is_some())).collect();
        if rehearsal.is_some() {
            out.extend(play(rehearsal, ""));
        }
        out
    }
}

fn at_stream(wire: &mut Wire, stream: &TargetStream, is_played: bool) -> Vec<Evidence> {
    let mut out = Vec::new();
    match stream.entry {
        Entry::Closed => return vec![turned_away(wire, stream)],
        Entry::OpenToUs if !is_played => {
            let why = "this machine is in one of its networks: prove it from another";
            out.push(not_proven(&format!("client of {} from another network", stream.name), why));
        }
        Entry::OpenToUs | Entry::Open => {}
    }
    if stream.door.layer == Layer::Tls {
        let control = greeted(wire, stream);
        let is_there = control.outcome == Outcome::Held;
        out.push(control);
        if is_there {
            out.extend(within_tls(wire, stream));
        }
    }
    if stream.sessions.is_empty() {
        return out;
    }
    if stream.wants_certificate {
        if !is_played {
            let why = "without a client's certificate nobody gets as far as the Logon";
            out.push(not_proven(&format!("Logon to {}", stream.name), why));
        }
    } else {
        out.extend(fix_sessions::attack(wire, stream));
    }
    out
}

/// The control: its own name is answered in TLS.
fn greeted(wire: &mut Wire, stream: &TargetStream) -> Evidence {
    let did = format!("offered {} TLS for `{}`, as the control", stream.name, stream.host);
    match ask_for(wire, stream.door, &stream.host) {
        Greeted::Accepted(what) => evidence(&did, &what, Outcome::Held),
        Greeted::Refused(what) | Greeted::Unclear(what) => not_proven(&did, &what),
    }
}

fn within_tls(wire: &mut Wire, stream: &TargetStream) -> Vec<Evidence> {
    let raw = |wire: &mut Wire, what: &str, bytes: &[u8]| {
        let did = format!("{what} to {}", stream.name);
        Waiting::begin(wire, did, |wire| wire.open_raw(stream.door), bytes)
    };
    let stops = raw(wire, "half a handshake", HALF_HELLO);
    let mut out = vec![match raw(wire, "plain bytes", PLAIN) {
        Ok(plain) => plain.expect_refusal(wire, stream.header_time),
        Err(evidence) => evidence,
    }];
    if !stream.any_name {
        out.push(unknown_name(wire, stream));
    }
    if stream.wants_certificate {
        out.extend(with_certificate(wire, stream, "without a certificate", None));
        let what = "with a self-made certificate";
        match Identity::self_made("burgrave-prove") {
            Ok(own) => out.extend(with_certificate(wire, stream, what, Some(&own))),
            Err(error) => out.push(not_proven(what, &saw(&Reply::Unsent(error)))),
        }
    }
    out.push(match stops {
        Ok(stops) => stops.expect_cut(wire, stream.header_time),
        Err(evidence) => evidence,
    });
    // A server that was brought down refused nobody.
    out.push(greeted(wire, stream));
    out
}

fn unknown_name(wire: &mut Wire, stream: &TargetStream) -> Evidence {
    let did = format!("TLS for `{STRANGER}` at the address of {}", stream.name);
    match ask_for(wire, stream.door, STRANGER) {
        Greeted::Accepted(what) => evidence(&did, &what, Outcome::Fell),
        Greeted::Refused(what) => evidence(&did, &what, Outcome::Held),
        Greeted::Unclear(what) => not_proven(&did, &what),
    }
}

fn with_certificate(
    wire: &mut Wire,
    stream: &TargetStream,
    what: &str,
    identity: Option<&Identity>,
) -> [Evidence; 2] {
    [("TLS 1.2", Offer::Tls12), ("TLS 1.3", Offer::Tls13)].map(|(version, offer)| {
        let did = format!("handshake with {} in {version}, {what}", stream.name);
        let client = Client { offer, identity, ..Client::default() };
        match wire.open_as(stream.door, &stream.host, client) {
            Ok(connection) => taken(wire, &did, connection, offer, stream.header_time),
            Err(Reply::Closed(how)) => evidence(&did, &how, Outcome::Held),
            Err(reply) => not_proven(&did, &saw(&reply)),
        }
    })
}

/// In TLS 1.3 a client is done before the server has looked at its certificate (RFC 8446 §4.4.2).
fn taken(
    wire: &Wire,
    did: &str,
    mut connection: Connection,
    offer: Offer,
    limit: Duration,
) -> Evidence {
    if offer == Offer::Tls12 {
        return evidence(did, "the handshake was completed", Outcome::Fell);
    }
    let end = end_of(&mut connection, at_once(wire, limit));
    match end {
        End::Said(count) => evidence(did, &format!("{count} bytes came back"), Outcome::Fell),
        End::Closed(_) | End::Open if connection.has_tickets() => {
            evidence(did, "the server went on and gave tickets", Outcome::Fell)
        }
        End::Closed(how) => evidence(did, &how, Outcome::Held),
        End::Open => not_proven(did, "neither refused nor taken in time"),
    }
}

/// A stranger to all networks of a stream gets no further than the door, whatever else it brings.
fn turned_away(wire: &mut Wire, stream: &TargetStream) -> Evidence {
    let did = format!("client of {} from a network that is not its own", stream.name);
    if stream.door.layer == Layer::Tls {
        return match ask_for(wire, stream.door, &stream.host) {
            Greeted::Accepted(what) => evidence(&did, &what, Outcome::Fell),
            Greeted::Refused(what) => evidence(&did, &what, Outcome::Held),
            Greeted::Unclear(what) => not_proven(&did, &what),
        };
    }
    match Waiting::begin(wire, did, |wire| wire.open_raw(stream.door), b"") {
        Ok(waiting) => waiting.expect_refusal(wire, stream.header_time),
        Err(evidence) => evidence,
    }
}

/// How a connection ended that is to be ended.
pub(super) enum End {
    /// Without a word but an alert of TLS; how.
    Closed(String),
    /// So many bytes came back.
    Said(usize),
    /// Not within the time.
    Open,
}

/// Waits for the end.
fn end_of(connection: &mut Connection, time: Duration) -> End {
    let end = now() + time;
    connection.end_at(end + MARGIN);
    let mut said = Vec::new();
    loop {
        let left = end.saturating_sub(now());
        match connection.piece(left) {
            Piece::Bytes(bytes) => said.extend_from_slice(&bytes),
            Piece::Ended(how) => return End::Closed(how),
            Piece::Quiet if left.is_zero() => return End::Open,
            Piece::Quiet => {}
        }
        if !matches!(said.as_slice(), [] | [0x15] | [0x15, 3, ..]) {
            return End::Said(said.len());
        }
    }
}

/// Shorter than what a slow client is given: an end before that is no end for being slow.
fn at_once(wire: &Wire, limit: Duration) -> Duration {
    (limit.saturating_mul(3) / 4).min(wire.limits().slow_time_max)
}

/// A connection whose first bytes are sent.
pub(super) struct Waiting {
    did: String,
    connection: Connection,
    begun: Duration,
}

impl Waiting {
    /// Opens it and says this.
    pub(super) fn begin(
        wire: &mut Wire,
        did: String,
        open: impl FnOnce(&mut Wire) -> Result<Connection, Reply>,
        bytes: &[u8],
    ) -> Result<Self, Evidence> {
        match open(wire) {
            Ok(mut connection) => {
                connection.send(bytes);
                Ok(Self { did, connection, begun: now() })
            }
            Err(reply) => Err(not_proven(&did, &saw(&reply))),
        }
    }

    /// Whether it is still open, and nothing was said, after a while.
    pub(super) fn is_waited_for(&mut self, while_: Duration) -> bool {
        matches!(end_of(&mut self.connection, while_), End::Open)
    }

    /// It must be ended before a slow client would be.
    pub(super) fn expect_refusal(mut self, wire: &Wire, limit: Duration) -> Evidence {
        let end = end_of(&mut self.connection, at_once(wire, limit));
        self.judged(end)
    }

    /// It must be ended in this time.
    pub(super) fn expect_cut(mut self, wire: &Wire, limit: Duration) -> Evidence {
        let (longest, grace) = (wire.limits().slow_time_max, wire.limits().grace_time);
        if limit > longest {
            return not_proven(&self.did, "the limit is longer than a proof waits");
        }
        let end = self.begun + limit + grace;
        let end = end_of(&mut self.connection, end.saturating_sub(now()));
        self.judged(end)
    }

    fn judged(self, end: End) -> Evidence {
        let time = now().saturating_sub(self.begun).as_secs_f64();
        match end {
            End::Closed(how) => {
                evidence(&self.did, &format!("{how}, after {time:.1} s"), Outcome::Held)
            }
            End::Said(count) => {
                evidence(&self.did, &format!("{count} bytes came back"), Outcome::Fell)
            }
            End::Open => {
                evidence(&self.did, &format!("still open after {time:.1} s"), Outcome::Fell)
            }
        }
    }
}
