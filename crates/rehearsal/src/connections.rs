//! Clients that hold as many connections as they may, and more, beside one that asks for a page.
//!
//! Before one's own door that would lock out whoever comes from this machine's address, or from everywhere. Addresses of
//! loopback are as many clients and networks as are wanted.

use crate::house::{FRONT, House, until};
use crate::recorder::{HOLDS, Recorder};
use crate::{evidence, not_proven};
use burgrave_config::{Authority as Place, Host, Limits, Listen, Route, Settings, Site, Upstream};
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Connection, Door, Piece, Reply, Target, Wire, WireLimits};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

const HOST: &str = "rehearsal.test";
/// Connections of a play, by the limits in the order of their size: with requests in work, and without a whole one.
const IN_WORK_MAX: [usize; 3] = [16, 32, 48];
const SLOW_MAX: [usize; 3] = [200, 250, 300];
/// More than there may be.
const MORE: usize = 5;
/// The longest times in the play; longer ones of the machine's are cut to these.
const SLOW_TIME_MAX: Duration = Duration::from_secs(4);
/// Within this a client beside all that is answered. The best of some counts: a machine may have else to do.
const SOON: Duration = Duration::from_secs(1);
const TRIES: usize = 5;
/// Until requests are in work, places have come back, and past the limit what must be cut is.
const SETTLE_TIME: Duration = Duration::from_secs(15);
const TOO_LATE: &str = "the slow ones may have been cut by then";
/// Requests that come in work are held for longer than a play takes.
const HELD_TIME: Duration = Duration::from_mins(2);

/// Whether whoever holds as many connections as it may is in nobody's way.
pub fn connections(settings: &Settings) -> Vec<Evidence> {
    play(&settings.limits, &gateway, SETTLE_TIME)
}

/// What is attacked, until it is dropped.
struct Front {
    target: Target,
    _kept: Box<dyn Any>,
}

type Opening<'a> = &'a dyn Fn(&Limits, SocketAddr) -> Result<Front, String>;

/// How many there may be: of one client, of one network, in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    client: usize,
    network: usize,
    all: usize,
}

impl Counts {
    /// Smaller, and in the same order: what is the same stays the same.
    fn of(limits: &Limits, most: [usize; 3]) -> Self {
        let own =
            [limits.connections_per_client, limits.connections_per_network, limits.connections];
        let mut sizes = own.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        let cut = |value: usize| {
            let rank = sizes.iter().position(|other| *other == value);
            rank.and_then(|rank| most.get(rank)).map_or(value, |most| value.min(*most))
        };
        let [client, network, all] = own.map(cut);
        Self { client, network, all }
    }

    fn limits(self, own: &Limits) -> Limits {
        Limits {
            connections_per_client: self.client,
            connections_per_network: self.network,
            connections: self.all,
            header_time: own.header_time.min(SLOW_TIME_MAX),
            body_time: own.body_time.min(SLOW_TIME_MAX),
            upstream_time: HELD_TIME,
            connect_time: Duration::from_secs(5),
            ..own.clone()
        }
    }

    /// What one client can really have.
    fn one_client(self) -> usize {
        self.client.min(self.one_network())
    }

    fn one_network(self) -> usize {
        self.network.min(self.all)
    }
}

fn play(own: &Limits, open: Opening<'_>, patience: Duration) -> Vec<Evidence> {
    let (work, slow) = (Counts::of(own, IN_WORK_MAX), Counts::of(own, SLOW_MAX));
    let mut all = Vec::new();
    let trials: [(&str, Counts, Trial); 5] = [
        ("one client", work, one_client),
        ("one network", work, one_network),
        ("many networks", work, everybody),
        ("slow headers", slow, slow_headers),
        ("slow bodies", slow, slow_bodies),
    ];
    for (what, counts, trial) in trials {
        let limits = counts.limits(own);
        match Scene::set(&limits, counts, open, patience) {
            Ok(mut scene) => all.extend(trial(&mut scene)),
            Err(why) => all.push(not_proven(&format!("{what}, as it is played"), why)),
        }
    }
    all
}

type Trial = fn(&mut Scene) -> Vec<Evidence>;

/// A client's address: those of one network differ in the last number.
fn client(network: usize, number: usize) -> IpAddr {
    let byte = |value: usize| u8::try_from(value % 250).unwrap_or(0);
    IpAddr::V4(Ipv4Addr::new(127, 10 + byte(network / 250), byte(network), 1 + byte(number)))
}

struct Scene {
    _front: Front,
    counts: Counts,
    limits: Limits,
    door: Door,
    recorder: Recorder,
    wire: Wire,
    patience: Duration,
}

impl Scene {
    /// Where a request is answered while nobody else is there.
    fn set(
        limits: &Limits,
        counts: Counts,
        open: Opening<'_>,
        patience: Duration,
    ) -> Result<Self, String> {
        let recorder = Recorder::start()?;
        let front = open(limits, recorder.address())?;
        let door = front.target.sites.first().and_then(|site| site.door);
        let answer_time = patience + SLOW_TIME_MAX;
        let wire = Wire::new(&front.target, WireLimits { answer_time, ..WireLimits::default() });
        let door = door.ok_or("there is no way in")?;
        let limits = limits.clone();
        let mut scene = Self { _front: front, counts, limits, door, recorder, wire, patience };
        let reply = scene.ask(client(900, 0));
        if matches!(&reply, Reply::Answer(answer) if answer.status == 200) {
            return Ok(scene);
        }
        Err(format!("a request is not answered while nobody else is there: {reply:?}"))
    }

    fn open(&mut self, from: IpAddr, bytes: &str) -> Result<Connection, Reply> {
        let mut connection = self.wire.open_from(from, self.door, HOST)?;
        connection.send(bytes.as_bytes());
        Ok(connection)
    }

    fn ask(&mut self, from: IpAddr) -> Reply {
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        match self.open(from, &request) {
            Ok(mut connection) => connection.answer(),
            Err(reply) => reply,
        }
    }

    fn is_answered(&mut self, from: IpAddr) -> bool {
        matches!(self.ask(from), Reply::Answer(answer) if answer.status == 200)
    }

    /// Connections, each with a request in work. `Err`: not all of them came so far.
    fn in_work(&mut self, clients: &[(IpAddr, usize)]) -> Result<Vec<Connection>, String> {
        self.recorder.take();
        let request = format!("GET {HOLDS} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        let wanted: usize = clients.iter().map(|(_, count)| count).sum();
        let mut held = Vec::new();
        for (from, count) in clients {
            for _ in 0..*count {
                held.push(self.open(*from, &request).map_err(|reply| format!("{reply:?}"))?);
            }
        }
        let recorder = &self.recorder;
        if until(self.patience, || recorder.count() >= wanted) {
            return Ok(held);
        }
        Err(format!("{} of {wanted} requests are in work", self.recorder.count()))
    }

    /// So many of them in work at once that there may be no more, then one more, one beside it, and one afterwards.
    fn full(
        &mut self,
        what: &str,
        clients: &[(IpAddr, usize)],
        more: IpAddr,
        beside: Option<IpAddr>,
    ) -> Vec<Evidence> {
        let count: usize = clients.iter().map(|(_, count)| count).sum();
        let did = format!("{count} connections of {what}, as the control");
        let held = match self.in_work(clients) {
            Ok(held) => held,
            Err(why) => return vec![not_proven(&did, why)],
        };
        let mut all = vec![evidence(did, "all of them are in work", Outcome::Held)];
        let did = format!("one more than {count} of {what}");
        let reply = self.ask(more);
        let (saw, outcome) = match &reply {
            Reply::Closed(how) => (how.clone(), Outcome::Held),
            Reply::Answer(answer) => {
                let is_refused = matches!(answer.status, 429 | 503);
                let outcome = if is_refused { Outcome::Held } else { Outcome::Fell };
                (format!("answered with {}", answer.status), outcome)
            }
            Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
                (format!("{reply:?}"), Outcome::NotProven)
            }
        };
        all.push(evidence(did, saw, outcome));
        if let Some(beside) = beside {
            all.push(
                self.beside(&format!("a client beside {count} connections of {what}"), beside),
            );
        }
        drop(held);
        let did = format!("one of {what}, once they have ended");
        let is_back = until(self.patience, || self.is_answered(more));
        all.push(if is_back {
            evidence(did, "it is answered again", Outcome::Held)
        } else {
            evidence(did, "it is not answered any more", Outcome::Fell)
        });
        all
    }

    /// Somebody innocent.
    fn beside(&mut self, did: &str, from: IpAddr) -> Evidence {
        let mut best: Option<Duration> = None;
        let mut last = String::new();
        for _ in 0..TRIES {
            let begun = Instant::now();
            let reply = self.ask(from);
            let time = begun.elapsed();
            if matches!(&reply, Reply::Answer(answer) if answer.status == 200) {
                best = Some(best.map_or(time, |best| best.min(time)));
            } else {
                last = format!("{reply:?}").chars().take(80).collect();
            }
            if best.is_some_and(|best| best < SOON) {
                break;
            }
        }
        match best {
            Some(time) => {
                let outcome = if time < SOON { Outcome::Held } else { Outcome::Fell };
                evidence(did, format!("answered after {:.3} s", time.as_secs_f64()), outcome)
            }
            None => evidence(did, format!("not answered: {last}"), Outcome::Fell),
        }
    }

    /// More slow connections of one client than there may be: they are in nobody's way, not even in that of who shares
    /// its address, and end in time.
    fn slow(&mut self, what: &str, start: &str, limit: Duration) -> Vec<Evidence> {
        let (count, from) = (self.counts.one_client() + MORE, client(0, 0));
        let did = format!("{count} {what} of one client, to be cut within {limit:?}");
        let begun = Instant::now();
        let mut held = Vec::new();
        for _ in 0..count {
            match self.open(from, start) {
                Ok(connection) => held.push(connection),
                Err(Reply::Closed(_)) => {}
                Err(reply) => return vec![not_proven(&did, format!("{reply:?}"))],
            }
        }
        let mut all = Vec::new();
        if self.counts.one_client() < self.counts.all {
            all.push(self.beside(&format!("a client beside {count} {what}"), client(1, 0)));
        }
        all.push(self.beside(&format!("one who shares its address with {count} {what}"), from));
        if begun.elapsed() >= limit {
            // Whoever was answered may have been alone by then.
            for part in all.iter_mut().filter(|part| part.outcome == Outcome::Held) {
                *part = not_proven(&part.did, TOO_LATE);
            }
        }
        let end = begun.elapsed() + limit + self.patience;
        let open = held.iter_mut().filter_map(|connection| {
            let ends = is_cut(connection, begun + end);
            (!ends).then_some(())
        });
        let open = open.count();
        let time = begun.elapsed().as_secs_f64();
        all.push(if open == 0 {
            evidence(did, format!("all were cut after {time:.1} s"), Outcome::Held)
        } else {
            evidence(did, format!("{open} are still open after {time:.1} s"), Outcome::Fell)
        });
        all
    }
}

/// Whether it ends until then, with an answer that says so or without.
fn is_cut(connection: &mut Connection, end: Instant) -> bool {
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match connection.piece(left) {
            Piece::Ended(_) => return true,
            Piece::Bytes(_) => {}
            Piece::Quiet => return false,
        }
        if left.is_zero() {
            return false;
        }
    }
}

fn one_client(scene: &mut Scene) -> Vec<Evidence> {
    let own = client(0, 0);
    scene.full("one client", &[(own, scene.counts.one_client())], own, Some(client(1, 0)))
}

/// Clients of one network, each with no more than it may have.
fn one_network(scene: &mut Scene) -> Vec<Evidence> {
    let shares = shares(scene.counts.one_network(), scene.counts.client);
    let clients: Vec<_> =
        shares.enumerate().map(|(number, count)| (client(0, number), count)).collect();
    let more = client(0, clients.len() + 1);
    scene.full("one network", &clients, more, Some(client(1, 0)))
}

/// Clients of as many networks as it takes.
fn everybody(scene: &mut Scene) -> Vec<Evidence> {
    let shares = shares(scene.counts.all, scene.counts.one_client());
    let clients: Vec<_> =
        shares.enumerate().map(|(network, count)| (client(network, 0), count)).collect();
    let more = client(clients.len() + 1, 0);
    scene.full("many networks", &clients, more, None)
}

/// A number in parts that are not too large.
fn shares(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let most = most.max(1);
    (0..all.div_ceil(most)).map(move |part| most.min(all - part * most))
}

fn slow_headers(scene: &mut Scene) -> Vec<Evidence> {
    let start = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ");
    scene.slow("headers that stop", &start, scene.limits.header_time)
}

fn slow_bodies(scene: &mut Scene) -> Vec<Evidence> {
    let start = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 100\r\n\r\na=");
    scene.slow("bodies that stop", &start, scene.limits.body_time)
}

/// The gateway itself.
fn gateway(limits: &Limits, upstream: SocketAddr) -> Result<Front, String> {
    let place = Place { host: Host::Address(upstream.ip()), port: upstream.port() };
    let route = Route { limits: limits.clone(), ..Route::new("/", vec![Upstream::Http(place)]) };
    let site = Site { routes: vec![route], limits: limits.clone(), ..Site::new(HOST) };
    let house = House::open(|folder| {
        Ok(Settings {
            listeners: vec![Listen::new(FRONT)],
            limits: limits.clone(),
            sites: vec![site],
            ..Settings::new(folder.join("state"))
        })
    })?;
    Ok(Front { target: house.target.clone(), _kept: Box::new(house) })
}

#[cfg(test)]
mod tests;
