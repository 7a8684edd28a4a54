//! Clients of a stream that are wrong in one thing, before a stand-in that keeps all that it hears.
//!
//! What a stream refuses must not reach its upstream to the last byte, and that is seen by the upstream alone. Whole
//! Logons of one's own sessions, too, can only be said where no session comes of it.

use crate::authority::{Authority, Papers};
use crate::house::{FRONT, House};
use crate::stand_in::StandIn;
use crate::{evidence, not_proven};
use burgrave_config::{
    Authority as Place, FixSession, Host, Limits, Network, Settings, Stream, StreamTls, Tls,
};
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Connection, Piece, Reply, TargetStream, Wire, fix_logon, fix_message};
use burgrave_sys::{Access, replace_own};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Streams that are played.
const STREAMS_MAX: usize = 16;
/// Sessions of a stream that are played.
const SESSIONS_MAX: usize = 8;
/// The longest time for a handshake or a Logon in the play; a longer one of the machine's is cut to this.
const HEADER_TIME_MAX: Duration = Duration::from_secs(2);
/// How long it is waited for an end that comes at once.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Past the limit, for what must be cut.
const GRACE_TIME: Duration = Duration::from_secs(5);
/// Between two looks at what the stand-in heard.
const LOOK_TIME: Duration = Duration::from_millis(100);
/// What passes on its way to the stand-in.
const ON_THE_WAY: Duration = Duration::from_millis(50);
/// What the stand-in keeps.
const HEARD_BYTES_MAX: usize = 1 << 20;
/// What is said through a stream that looks at nothing.
const WORD: &[u8] = b"burgrave rehearses\n";
/// A name that is nobody's (RFC 2606).
const STRANGER: &str = "stranger.invalid";

/// Whether nothing of the wrong clients reaches an upstream, for every stream that refuses anybody.
pub fn streams(settings: &Settings) -> Vec<Evidence> {
    let guarded = settings.streams.iter().filter(|stream| is_guarded(stream));
    let mut all: Vec<Evidence> = Vec::new();
    for (index, stream) in guarded.enumerate() {
        let did = format!("played {}", stream.name);
        if index >= STREAMS_MAX {
            all.push(not_proven(&did, format!("{STREAMS_MAX} streams are played, no more")));
            continue;
        }
        match play(stream, stream, &settings.limits) {
            Ok(mut seen) => all.append(&mut seen),
            Err(why) => all.push(not_proven(&did, why)),
        }
    }
    all
}

fn is_guarded(stream: &Stream) -> bool {
    stream.tls.is_some() || !stream.fix.is_empty() || !stream.networks.is_empty()
}

/// Plays what is claimed before a gateway that serves another stream, which is the same but in tests.
fn play(claimed: &Stream, served: &Stream, limits: &Limits) -> Result<Vec<Evidence>, String> {
    let scene = Scene::set(claimed, served, limits, Networks::Ours)?;
    let mut all = scene.clients_of_ours();
    if has_networks(claimed) {
        let scene = Scene::set(claimed, served, limits, Networks::AsTheyAre)?;
        all.extend(scene.clients_elsewhere());
    }
    Ok(all)
}

fn has_networks(stream: &Stream) -> bool {
    !stream.networks.is_empty() || stream.fix.iter().any(|own| !own.networks.is_empty())
}

/// Whether the networks of a stream are those from which it is played.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Networks {
    Ours,
    AsTheyAre,
}

/// What the stand-in heard since it was asked last.
#[derive(Debug, Default)]
struct Heard {
    connections: usize,
    bytes: Vec<u8>,
}

struct Scene<'a> {
    claimed: &'a Stream,
    house: House,
    right: Papers,
    /// Of the same authority.
    other: Papers,
    /// Of another authority with the same name.
    foreign: Papers,
    heard: Arc<Mutex<Heard>>,
    header_time: Duration,
    _upstream: StandIn,
}

impl<'a> Scene<'a> {
    fn set(
        claimed: &'a Stream,
        served: &Stream,
        limits: &Limits,
        networks: Networks,
    ) -> Result<Self, String> {
        let authority = Authority::new()?;
        let (right, other) = (authority.issue("right.test")?, authority.issue("other.test")?);
        let foreign = Authority::new()?.issue("right.test")?;
        let (upstream, heard) = listener()?;
        let header_time = limits.header_time.min(HEADER_TIME_MAX);
        let limits = Limits { header_time, ..limits.clone() };
        let house = House::open(|folder| {
            let own = staged(served, folder, (&authority, &right), networks)?;
            let upstream =
                Place { host: Host::Address(upstream.address.ip()), port: upstream.address.port() };
            let streams = vec![Stream { upstream: vec![upstream], ..own }];
            Ok(Settings { limits, streams, ..Settings::new(folder.join("state")) })
        })?;
        Ok(Self { claimed, house, right, other, foreign, heard, header_time, _upstream: upstream })
    }

    fn stream(&self) -> Option<&TargetStream> {
        self.house.target.streams.first()
    }

    /// Everything from one of its networks.
    fn clients_of_ours(&self) -> Vec<Evidence> {
        let mut wire = self.house.wire();
        let wire = &mut wire;
        let mut all = vec![self.control(wire)];
        if all.iter().any(|control| control.outcome != Outcome::Held) {
            return all;
        }
        let word = self.first_word();
        if self.claimed.tls.is_some() {
            all.push(self.refused("plain bytes", wire, Way::Plain, &word));
            if !self.claimed.hosts.is_empty() {
                all.push(self.refused("a name that is not its own", wire, Way::Stranger, &word));
            }
        }
        if self.claimed.client_ca.is_some() {
            for (what, way) in [
                ("no certificate", Way::Showing(None)),
                ("a certificate of another authority", Way::Showing(Some(&self.foreign))),
            ] {
                all.push(self.refused(what, wire, way, &word));
            }
        }
        if !self.claimed.fix.is_empty() {
            all.extend(self.sessions(wire));
        }
        // A gateway that was brought down passes nothing on, either.
        all.push(self.control(wire));
        all
    }

    /// The right client, from elsewhere.
    fn clients_elsewhere(&self) -> Vec<Evidence> {
        let mut wire = self.house.wire();
        let us = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let lets_in = |networks: &[Network]| {
            networks.is_empty() || networks.iter().any(|network| network.contains(us))
        };
        let way = Way::Showing(Some(&self.right));
        let mut all = Vec::new();
        if !lets_in(&self.claimed.networks) {
            all.push(self.refused("another network", &mut wire, way, &self.first_word()));
            return all;
        }
        for own in self.claimed.fix.iter().filter(|own| !lets_in(&own.networks)).take(SESSIONS_MAX)
        {
            let what = format!("a Logon of {} from another network", own.sender);
            all.push(self.refused(&what, &mut wire, way, &fix_logon(&own.sender, &own.target)));
        }
        all
    }

    /// What the right client says first.
    fn first_word(&self) -> Vec<u8> {
        let session = self.claimed.fix.first();
        session.map_or_else(|| WORD.to_vec(), |own| fix_logon(&own.sender, &own.target))
    }

    /// The right client gets through.
    fn control(&self, wire: &mut Wire) -> Evidence {
        let did = format!("the right client of {}, as the control", self.claimed.name);
        let word = self.first_word();
        self.forget();
        let mut opened = self.open(wire, Way::Showing(Some(&self.right)));
        if let Ok(connection) = &mut opened {
            connection.send(&word);
            drop(connection.piece(AT_ONCE));
        }
        let heard = self.heard();
        // TLS that is passed on ends at the upstream, which is no server of TLS here.
        let passed =
            self.claimed.tls == Some(StreamTls::Passed) && heard.bytes.starts_with(&[0x16, 3]);
        if passed || heard.bytes.windows(word.len()).any(|part| part == word) {
            return evidence(
                did,
                format!("{} bytes reached the stand-in", heard.bytes.len()),
                Outcome::Held,
            );
        }
        match opened {
            Ok(_) => not_proven(&did, "nothing reached the stand-in"),
            Err(reply) => not_proven(&did, format!("{reply:?}")),
        }
    }

    fn sessions(&self, wire: &mut Wire) -> Vec<Evidence> {
        let mut all = Vec::new();
        if self.claimed.fix.len() > SESSIONS_MAX {
            let did = format!("played all sessions of {}", self.claimed.name);
            all.push(not_proven(&did, format!("{SESSIONS_MAX} sessions are played, no more")));
        }
        for session in self.claimed.fix.iter().take(SESSIONS_MAX) {
            let way = Way::Showing(Some(&self.right));
            for (what, bytes) in wrong_words(session) {
                all.push(self.refused(
                    &format!("{what}, as {}", session.sender),
                    wire,
                    way,
                    &bytes,
                ));
            }
            if session.certificate.is_some() {
                let what = format!("a Logon of {} by another's certificate", session.sender);
                let logon = fix_logon(&session.sender, &session.target);
                all.push(self.refused(&what, wire, Way::Showing(Some(&self.other)), &logon));
            }
        }
        all.push(self.half_a_logon(wire));
        all
    }

    /// It is waited for, but not for ever.
    fn half_a_logon(&self, wire: &mut Wire) -> Evidence {
        let did = format!("half a Logon to {} as it is played", self.claimed.name);
        let word = self.first_word();
        let half = word.get(..word.len() / 2).unwrap_or_default();
        self.forget();
        let begun = Instant::now();
        match self.open(wire, Way::Showing(Some(&self.right))) {
            Ok(mut connection) => {
                connection.send(half);
                let end = self.ended(&mut connection, self.header_time + GRACE_TIME);
                self.judged(&did, end.as_deref(), begun)
            }
            Err(reply) => not_proven(&did, format!("{reply:?}")),
        }
    }

    /// Comes and says something, all of which must be refused at once.
    fn refused(&self, what: &str, wire: &mut Wire, way: Way<'_>, bytes: &[u8]) -> Evidence {
        let did = format!("{what}, to {} as it is played", self.claimed.name);
        self.forget();
        let begun = Instant::now();
        match self.open(wire, way) {
            Ok(mut connection) => {
                connection.send(bytes);
                let end = self.ended(&mut connection, AT_ONCE);
                self.judged(&did, end.as_deref(), begun)
            }
            Err(Reply::Closed(how)) => self.judged(&did, Some(&how), begun),
            Err(reply) => not_proven(&did, format!("{reply:?}")),
        }
    }

    /// By what the stand-in heard, then by whether the client was let go.
    fn judged(&self, did: &str, end: Option<&str>, begun: Instant) -> Evidence {
        std::thread::sleep(ON_THE_WAY);
        let time = begun.elapsed().as_secs_f64();
        let heard = self.heard();
        match end {
            _ if heard.connections > 0 => {
                let saw = format!("{} bytes reached the stand-in", heard.bytes.len());
                evidence(did, saw, Outcome::Fell)
            }
            Some(how) => {
                evidence(did, format!("{how}, after {time:.1} s; nothing passed"), Outcome::Held)
            }
            None => evidence(did, format!("still open after {time:.1} s"), Outcome::Fell),
        }
    }

    /// How a connection was ended; `None` once something was heard, or when the time is over.
    fn ended(&self, connection: &mut Connection, time: Duration) -> Option<String> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match connection.piece(left.min(LOOK_TIME)) {
                Piece::Ended(how) => return Some(how),
                // An alert, or what the stand-in says back.
                Piece::Bytes(_) | Piece::Quiet => {}
            }
            if left.is_zero() || self.heard().connections > 0 {
                return None;
            }
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        *self.heard() = Heard::default();
    }

    fn open(&self, wire: &mut Wire, way: Way<'_>) -> Result<Connection, Reply> {
        let Some(stream) = self.stream() else {
            return Err(Reply::Closed("there is no stream".to_owned()));
        };
        match way {
            Way::Plain => wire.open_raw(stream.door),
            Way::Stranger => wire.open_showing(stream.door, STRANGER, Some(&self.right.identity())),
            Way::Showing(papers) => {
                let identity = papers.map(Papers::identity);
                wire.open_showing(stream.door, &stream.host, identity.as_ref())
            }
        }
    }
}

/// How a client comes.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Without TLS.
    Plain,
    /// As the right client, but for the name.
    Stranger,
    /// With TLS, where there is, and this certificate.
    Showing(Option<&'a Papers>),
}

/// What must not begin a session, each wrong in one thing.
fn wrong_words(own: &FixSession) -> [(&'static str, Vec<u8>); 7] {
    let (sender, target) = (own.sender.as_str(), own.target.as_str());
    let parties = format!("34=1|49={sender}|52=20260101-00:00:00.000|56={target}|");
    let logon = fix_logon(sender, target);
    let mut garbled = logon.clone();
    if let Some(byte) = garbled.iter_mut().rev().nth(1) {
        *byte = if *byte == b'0' { b'1' } else { b'0' };
    }
    let order = fix_message(&format!("35=D|{parties}11=1|55=X|54=1|38=1|40=1|"));
    [
        ("bytes that are no FIX", WORD.to_vec()),
        ("an order before the Logon", order.clone()),
        ("a Logon with an order behind it", [logon, order].concat()),
        ("a Logon with a wrong check sum", garbled),
        (
            "a Logon with its client twice",
            fix_message(&format!("35=A|{parties}49=OTHER|98=0|108=30|")),
        ),
        ("a Logon of an unknown client", fix_logon("BURGRAVE-PROVE", target)),
        ("a Logon to an unknown party", fix_logon(sender, "BURGRAVE-PROVE")),
    ]
}

/// The stream as it is played: its own upstream, authority and certificates, and none of the machine's files.
fn staged(
    own: &Stream,
    folder: &Path,
    (authority, right): (&Authority, &Papers),
    networks: Networks,
) -> Result<Stream, String> {
    let mut own = Stream { address: FRONT, ..own.clone() };
    if let Some(StreamTls::Ended(tls)) = &mut own.tls {
        *tls = Tls::SelfSigned;
    }
    if own.client_ca.is_some() {
        let file = folder.join("ca.pem");
        replace_own(&file, authority.pem().as_bytes(), Access::All)
            .map_err(|error| error.to_string())?;
        own.client_ca = Some(file);
    }
    for session in &mut own.fix {
        session.certificate = session.certificate.as_ref().map(|_| right.fingerprint());
    }
    if networks == Networks::Ours {
        let fix = own.fix.iter_mut().map(|session| &mut session.networks);
        for networks in fix.chain([&mut own.networks]).filter(|networks| !networks.is_empty()) {
            *networks = vec![Network { address: Ipv4Addr::LOCALHOST.into(), prefix: 32 }];
        }
    }
    Ok(own)
}

/// Somebody who keeps what it hears, and says it back.
fn listener() -> Result<(StandIn, Arc<Mutex<Heard>>), String> {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let kept = Arc::clone(&heard);
    let upstream = StandIn::start(move |mut client| {
        kept.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = client.read(&mut piece) {
            let bytes = piece.get(..count).unwrap_or_default();
            let mut heard = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.bytes.len() < HEARD_BYTES_MAX {
                heard.bytes.extend_from_slice(bytes);
            }
            drop(heard);
            if client.write_all(bytes).is_err() {
                return;
            }
        }
    })?;
    Ok((upstream, heard))
}

#[cfg(test)]
mod tests;
