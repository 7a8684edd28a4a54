//! The part of the proof that takes its time. All slow connections of a batch run side by side, so
//! that the whole takes as long as the longest limit.

use crate::evidence::{evidence, not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Target, TargetSite};
use crate::trial::Trial;
use crate::wire::{Connection, Piece, Reply, Wire, now};
use burgrave_model::{Evidence, Outcome};
use std::collections::BTreeSet;
use std::time::Duration;

/// Between two bytes of what drips.
const DRIP_TIME: Duration = Duration::from_millis(400);
/// The most slow connections side by side.
const BATCH: usize = 24;
/// What the bodies that never end announce.
const ANNOUNCED_BYTES: usize = 100_000;

/// One slow connection to be made.
struct Job {
    did: String,
    door: Door,
    host: String,
    start: Vec<u8>,
    /// A byte to repeat; `None`: nothing more comes.
    drip: Option<u8>,
    limit: Duration,
}

pub(super) fn run(target: &Target, wire: &mut Wire) -> Vec<Evidence> {
    let (mut jobs, mut trials) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for site in &target.sites {
        // A site without a door is told of by the other part of the proof.
        let Some(door) = site.door else { continue };
        let path = site.main_place().map_or("/", |place| place.path.as_str());
        let control = Request::new("GET", path, &site.host).bytes();
        match Trial::begin(wire, door, site, control) {
            Ok(trial) => {
                // The header's limit is the listener's: one site of each is enough.
                let fresh = seen.insert(door.address);
                jobs.extend(self::jobs(site, door, path).into_iter().skip(usize::from(!fresh)));
                trials.push(trial);
            }
            Err(evidence) => out.push(evidence),
        }
    }
    for batch in jobs.chunks(batch(target)) {
        out.extend(side_by_side(wire, batch));
    }
    // A server that was brought down cut nobody off.
    let dead = trials.iter().filter(|trial| !trial.alive(wire));
    out.extend(dead.map(|trial| {
        let did = format!("harmless request to {} after the slow ones", trial.host);
        not_proven(&did, "it is not answered any more")
    }));
    out
}

/// How many slow connections one client may hold: past the limit they would be cut for that.
fn batch(target: &Target) -> usize {
    let limits = target.sites.iter().map(|site| site.limits.connections_per_client / 2);
    limits.min().unwrap_or(BATCH).clamp(1, BATCH)
}

fn jobs(site: &TargetSite, door: Door, path: &str) -> Vec<Job> {
    let limits = site.main_place().map_or(&site.limits, |place| &place.limits);
    let host = site.host.clone();
    let header = [&Request::new("GET", path, &host).head_lines(), &b"X-Slow: "[..]].concat();
    let post = Request::new("POST", path, &host)
        .field("Content-Type: application/x-www-form-urlencoded")
        .field(&format!("Content-Length: {ANNOUNCED_BYTES}"));
    let body = [&post.head_lines(), &b"\r\na="[..]].concat();
    let job = |what: &str, start: &[u8], drip, limit| Job {
        did: format!("{what} to {host}, to be cut within {limit:?}"),
        door,
        host: host.clone(),
        start: start.to_vec(),
        drip,
        limit,
    };
    vec![
        job("a header that drips", &header, Some(b'a'), site.limits.header_time),
        job("a body that drips", &body, Some(b'a'), limits.body_time),
        job("a body that stops", &body, None, limits.body_time),
    ]
}

fn side_by_side(wire: &mut Wire, jobs: &[Job]) -> Vec<Evidence> {
    let (grace, longest) = (wire.limits().grace_time, wire.limits().slow_time_max);
    let opened: Vec<_> = jobs
        .iter()
        .map(|job| {
            if job.limit > longest {
                return Err(not_proven(&job.did, "the limit is longer than a proof waits"));
            }
            let opened = wire.open(job.door, &job.host);
            opened.map_err(|reply| not_proven(&job.did, &saw(&reply)))
        })
        .collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = jobs
            .iter()
            .zip(opened)
            .map(|(job, connection)| {
                scope.spawn(move || match connection {
                    Ok(connection) => patience(job, connection, grace),
                    Err(evidence) => evidence,
                })
            })
            .collect();
        running
            .into_iter()
            .zip(jobs)
            .map(|(thread, job)| {
                thread.join().unwrap_or_else(|_| not_proven(&job.did, "the attacker broke"))
            })
            .collect()
    })
}

/// Drips until the other side ends it or the time is over. An answer alone is no end: what counts is
/// that the connection is given back.
fn patience(job: &Job, mut connection: Connection, grace: Duration) -> Evidence {
    let begin = now();
    let end = begin + job.limit + grace;
    // Past the end by a drip, so that the end is seen as time and not as the connection's.
    connection.end_at(end + DRIP_TIME.saturating_mul(4));
    connection.send(&job.start);
    let mut said = Vec::new();
    loop {
        let left = end.saturating_sub(now());
        if left.is_zero() {
            let saw =
                format!("still open after {:.1} s", now().saturating_sub(begin).as_secs_f64());
            return evidence(&job.did, &saw, Outcome::Fell);
        }
        match connection.piece(left.min(DRIP_TIME)) {
            Piece::Bytes(bytes) => said.extend_from_slice(&bytes),
            Piece::Ended(_) => {
                let after = now().saturating_sub(begin).as_secs_f64();
                let saw = format!("closed after {after:.1} s; {}", last_word(&mut said));
                return evidence(&job.did, &saw, Outcome::Held);
            }
            // What the other side does not take shows in the next read.
            Piece::Quiet => {
                if let Some(byte) = job.drip {
                    connection.send(&[byte]);
                }
            }
        }
    }
}

fn last_word(said: &mut Vec<u8>) -> String {
    let reply = crate::wire::next_answer(said, || Piece::Ended("without a word".to_owned()));
    if let Reply::Closed(how) = reply { how } else { saw(&reply) }
}
