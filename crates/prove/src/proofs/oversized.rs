//! The part of the proof that sends too much.

use crate::evidence::{not_proven, saw};
use crate::request::Request;
use crate::target::{Door, Place, Serves, Target, TargetSite};
use crate::trial::{Judge, Trial, each_site, refusal};
use crate::wire::{Connection, Reply, Sent, Wire, now};
use burgrave_model::{Evidence, Outcome};
use std::time::Duration;

const KIND: &str = "application/x-www-form-urlencoded";
/// Bytes of a piece of a large body.
const PIECE_BYTES: usize = 64 * 1024;
/// The longest that an announcement may stay without an answer before the body follows.
const ANNOUNCED_TIME: Duration = Duration::from_secs(1);
/// Bytes of a field that fills a header.
const FILLER_BYTES: usize = 2000;

pub(super) fn run(target: &Target, wire: &mut Wire) -> Vec<Evidence> {
    each_site(target, |site, door| {
        let mut out = headers(wire, site, door);
        let upstreams = site.places.iter().filter(|place| place.serves == Serves::Upstream);
        let mut places: Vec<&Place> = upstreams.collect();
        if places.is_empty() {
            places.extend(site.main_place());
        }
        out.extend(places.into_iter().flat_map(|place| bodies(wire, site, door, place)));
        out
    })
}

fn headers(wire: &mut Wire, site: &TargetSite, door: Door) -> Vec<Evidence> {
    let path = site.main_place().map_or("/", |place| place.path.as_str());
    let request = Request::new("GET", path, &site.host);
    let trial = match Trial::begin(wire, door, site, request.bytes()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let filler = "a".repeat(FILLER_BYTES);
    let fillers = site.limits.header_bytes / FILLER_BYTES + 1;
    let large = (0..fillers).fold(request.clone(), |request, number| {
        request.field(&format!("X-Filler-{number}: {filler}"))
    });
    let many = (0..=site.limits.header_count)
        .fold(request, |request, number| request.field(&format!("X-{number}: 1")));
    [
        (format!("a header over {} bytes", site.limits.header_bytes), large),
        (format!("a header with over {} fields", site.limits.header_count), many),
    ]
    .into_iter()
    .map(|(what, request)| {
        let did = format!("{what} to {}", site.host);
        trial.attack(wire, &did, &request.bytes(), refusal)
    })
    .collect()
}

fn bodies(wire: &mut Wire, site: &TargetSite, door: Door, place: &Place) -> Vec<Evidence> {
    let start = || Request::new("POST", &place.path, &site.host);
    let trial = match Trial::begin(wire, door, site, start().body(KIND, "a=abc").bytes()) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let body_bytes = place.limits.body_bytes.saturating_add(1);
    let head = start().field(&format!("Content-Type: {KIND}")).head_lines();
    let mut one = |what: &str, framing: &str, body: Body| {
        let did = format!("a body of {body_bytes} bytes, {what}, to {}{}", site.host, place.path);
        let bytes = [&head[..], framing.as_bytes(), b"Connection: close\r\n\r\n"].concat();
        let job = Job { head: &bytes, body, body_bytes, pause: pause(place) };
        let reply = match large(wire, &trial, &job) {
            Ok(reply) => reply,
            Err(evidence) => return Evidence { did, ..evidence },
        };
        let same = matches!(&reply, Reply::Answer(answer) if answer.status == trial.status);
        if same && body == Body::Chunked && trial.answers_early(wire, &bytes) {
            let why = format!("{}, as to a body of which only a part has come", saw(&reply));
            return not_proven(&did, &why);
        }
        trial.judged(wire, &did, &reply, too_large(place))
    };
    let announced = one("announced", &format!("Content-Length: {body_bytes}\r\n"), Body::Plain);
    let chunked = one("in chunks", "Transfer-Encoding: chunked\r\n", Body::Chunked);
    vec![announced, chunked]
}

/// A time limit that strikes while a large body is sent shows no limit of size, and neither does
/// static content that takes no body, whatever its size.
fn too_large(place: &Place) -> Judge {
    match place.serves {
        Serves::Upstream => of_upstream,
        Serves::Files => |reply, control| match of_upstream(reply, control) {
            Outcome::Fell if control == 405 => Outcome::NotProven,
            other @ (Outcome::Held | Outcome::NotProven | Outcome::Fell) => other,
        },
    }
}

fn of_upstream(reply: &Reply, control: u16) -> Outcome {
    match reply {
        Reply::Answer(answer) if answer.status == 408 => Outcome::NotProven,
        Reply::Answer(_)
        | Reply::Closed(_)
        | Reply::Silent
        | Reply::Garbage(_)
        | Reply::Unsent(_) => refusal(reply, control),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Plain,
    Chunked,
}

/// One large body to be sent.
struct Job<'a> {
    head: &'a [u8],
    body: Body,
    body_bytes: u64,
    /// How long the head may stay without an answer before the body follows.
    pause: Duration,
}

/// Well within the time that a body may pause.
fn pause(place: &Place) -> Duration {
    ANNOUNCED_TIME.min(place.limits.body_time / 3)
}

/// Sends the head, then, unless that is answered, the body.
fn large(wire: &mut Wire, trial: &Trial<'_>, job: &Job<'_>) -> Result<Reply, Evidence> {
    let mut connection = match wire.open(trial.door, trial.host) {
        Ok(connection) => connection,
        Err(reply) => return Ok(reply),
    };
    connection.send(job.head);
    let early = connection.answer_within(Some(job.pause));
    if !matches!(early, Reply::Silent) {
        return Ok(early);
    }
    if job.body_bytes > wire.limits().body_bytes_max {
        return Err(not_proven("", "nothing was said to it, and it is too large to be sent"));
    }
    connection.end_at(now() + wire.limits().answer_time.saturating_mul(3));
    send_body(&mut connection, job.body_bytes, job.body);
    let reply = connection.answer();
    if matches!(reply, Reply::Silent) {
        return Err(not_proven("", &saw(&reply)));
    }
    Ok(reply)
}

/// Zeros without meaning, as far as they are taken.
fn send_body(connection: &mut Connection, size: u64, body: Body) {
    let piece = vec![b'a'; PIECE_BYTES];
    let mut left = size;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let content = piece.get(..count).unwrap_or(&piece);
        let sent = match body {
            Body::Plain => connection.send(content),
            Body::Chunked => {
                connection.send(&[format!("{count:x}\r\n").as_bytes(), content, b"\r\n"].concat())
            }
        };
        if sent != Sent::All {
            return;
        }
        left = left.saturating_sub(u64::try_from(count).unwrap_or(left));
    }
    if body == Body::Chunked {
        connection.send(b"0\r\n\r\n");
    }
}
