//! Browsers that are asked for work, and whoever comes without having done it.
//!
//! An answer and a pass are a client's own, and end. Another client, another site and another time are needed to see
//! that: addresses of loopback are clients enough, and the gateway's time is let pass.

use crate::house::{FRONT, House};
use crate::recorder::Recorder;
use crate::{evidence, not_proven};
use burgrave_config::{
    Authority as Place, Challenge, Host, Limits, Listen, Route, Settings, Site, Upstream,
};
use burgrave_model::{Evidence, Outcome};
use burgrave_prove::{Answer, Door, Reply, Target, Wire, WireLimits};
use sha2::{Digest as _, Sha256};
use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Two sites, and two clients.
const HOST: &str = "rehearsal.test";
const OTHER_HOST: &str = "beside.test";
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OTHER_CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Where answers go (`docs/denial-of-service.md`).
const PLACE: &str = "/.well-known/challenge?answer=";
const COOKIE: &str = "clearance";
/// Answers that are worked out: one may be right elsewhere by chance, two are not.
const ANSWERS: usize = 3;
/// The most work that a proof does for one of them: some four million tries on the average.
const ZERO_BITS_MAX: u32 = 22;
/// From then on no question of before is asked any more; from then on no pass is good.
const QUESTION_TIME: Duration = Duration::from_mins(10);
const PASS_TIME: Duration = Duration::from_hours(4);

/// Whether nobody gets past the page without work of its own.
pub fn challenge(settings: &Settings) -> Vec<Evidence> {
    play(&|upstream| gateway(settings, upstream))
}

/// What asks for work, until it is dropped.
struct Front {
    target: Target,
    /// Lets time pass.
    pass_time: Box<dyn Fn(Duration)>,
    _kept: Box<dyn Any>,
}

type Opening<'a> = &'a dyn Fn(SocketAddr) -> Result<Front, String>;

fn play(open: Opening<'_>) -> Vec<Evidence> {
    let did = "a request without a pass";
    let mut scene = match Scene::set(open) {
        Ok(scene) => scene,
        Err(why) => return vec![not_proven(did, why)],
    };
    let mut all = vec![scene.kept_out(did, CLIENT, HOST, "/", None)];
    if all.iter().any(|part| part.outcome != Outcome::Held) {
        return all;
    }
    match scene.worked_out() {
        Ok(work) => {
            let (pass, control) = scene.let_in("the right answer, as the control", &work);
            all.push(control);
            if let Some(pass) = pass {
                all.extend(scene.answers(&work));
                all.extend(scene.passes(&pass));
                all.extend(scene.times(&work, &pass));
            }
        }
        Err(why) => all.push(not_proven("the right answer, as the control", why)),
    }
    all
}

/// What was worked out for one question.
struct Work {
    /// Right answers.
    answers: Vec<String>,
    /// Numbers that are nearly right.
    misses: Vec<String>,
}

struct Scene {
    front: Front,
    door: Door,
    recorder: Recorder,
    wire: Wire,
}

impl Scene {
    fn set(open: Opening<'_>) -> Result<Self, String> {
        let recorder = Recorder::start()?;
        let front = open(recorder.address())?;
        let door = front.target.sites.first().and_then(|site| site.door);
        let wire = Wire::new(&front.target, WireLimits::default());
        Ok(Self { door: door.ok_or("there is no way in")?, front, recorder, wire })
    }

    fn ask(&mut self, client: IpAddr, host: &str, path: &str, pass: Option<&str>) -> Reply {
        let cookie = pass.map_or_else(String::new, |pass| format!("Cookie: {COOKIE}={pass}\r\n"));
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{cookie}Connection: close\r\n\r\n");
        match self.wire.open_from(client, self.door, host) {
            Ok(mut connection) => {
                connection.send(request.as_bytes());
                connection.answer()
            }
            Err(reply) => reply,
        }
    }

    /// One request that must come to nothing: neither an application server nor a pass.
    fn kept_out(
        &mut self,
        did: &str,
        client: IpAddr,
        host: &str,
        path: &str,
        pass: Option<&str>,
    ) -> Evidence {
        let reply = self.ask(client, host, path, pass);
        let passed = self.recorder.take().len();
        let (saw, outcome) = match &reply {
            _ if passed > 0 => ("the application server got it".to_owned(), Outcome::Fell),
            Reply::Answer(answer) if pass_of(answer).is_some() => {
                ("a pass was given".to_owned(), Outcome::Fell)
            }
            Reply::Answer(answer) if question(answer).is_some() => {
                ("the page that asks for work".to_owned(), Outcome::Held)
            }
            Reply::Answer(answer) => {
                let is_refused = (400..=499).contains(&answer.status);
                let outcome = if is_refused { Outcome::Held } else { Outcome::NotProven };
                (format!("answered with {}", answer.status), outcome)
            }
            Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => {
                (format!("{reply:?}"), Outcome::NotProven)
            }
        };
        evidence(did, saw, outcome)
    }

    /// The question, and numbers that answer it or nearly do.
    fn worked_out(&mut self) -> Result<Work, String> {
        let reply = self.ask(CLIENT, HOST, "/", None);
        let asked = match &reply {
            Reply::Answer(answer) => question(answer),
            Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => None,
        };
        let (question, bits) = asked.ok_or("no question was asked")?;
        if bits > ZERO_BITS_MAX {
            return Err(format!("{bits} bits are more work than a proof does"));
        }
        let (mut answers, mut misses) = (Vec::new(), Vec::new());
        // Not to have found them by then is as good as impossible.
        for number in 0..(1_u64 << bits).saturating_mul(32) {
            match zero_bits(&question, number) {
                zeros if zeros >= bits => answers.push(number.to_string()),
                zeros if zeros + 1 == bits && misses.len() < ANSWERS => {
                    misses.push(number.to_string());
                }
                _ => {}
            }
            if answers.len() == ANSWERS && misses.len() == ANSWERS {
                break;
            }
            answers.truncate(ANSWERS);
        }
        if answers.is_empty() {
            Err("no answer was found".to_owned())
        } else {
            Ok(Work { answers, misses })
        }
    }

    /// The right client with a right answer, and with the pass that it gets.
    fn let_in(&mut self, did: &str, work: &Work) -> (Option<String>, Evidence) {
        let answer = work.answers.first().map_or("", String::as_str);
        let reply = self.ask(CLIENT, HOST, &format!("{PLACE}{answer}"), None);
        let pass = match &reply {
            Reply::Answer(answer) => pass_of(answer),
            Reply::Closed(_) | Reply::Silent | Reply::Garbage(_) | Reply::Unsent(_) => None,
        };
        let Some(pass) = pass else { return (None, not_proven(did, "no pass was given")) };
        let part = self.is_good(did, &pass);
        (Some(pass).filter(|_| part.outcome == Outcome::Held), part)
    }

    fn is_good(&mut self, did: &str, pass: &str) -> Evidence {
        self.recorder.take();
        let reply = self.ask(CLIENT, HOST, "/", Some(pass));
        match (&reply, self.recorder.take().len()) {
            (Reply::Answer(answer), 1) if answer.status == 200 => {
                evidence(did, "its pass lets it in", Outcome::Held)
            }
            _ => not_proven(did, format!("its pass does not let it in: {reply:?}")),
        }
    }

    /// Answers that are wrong, or somebody else's.
    fn answers(&mut self, work: &Work) -> Vec<Evidence> {
        let right = work.answers.first().map_or("", String::as_str);
        let mut all = vec![
            self.most_kept_out("numbers that are nearly right", CLIENT, HOST, &work.misses),
            self.most_kept_out(
                "right answers of another client",
                OTHER_CLIENT,
                HOST,
                &work.answers,
            ),
            self.most_kept_out("right answers to another site", CLIENT, OTHER_HOST, &work.answers),
        ];
        for (what, value) in [
            ("no number", String::new()),
            ("a negative number", format!("-{right}")),
            ("a number with a sign", format!("%2B{right}")),
            ("a number of twenty digits", format!("{right:0>20}")),
            ("bytes that are no number", "%FF%00x".to_owned()),
        ] {
            let did = format!("{what} as an answer");
            all.push(self.kept_out(&did, CLIENT, HOST, &format!("{PLACE}{value}"), None));
        }
        all
    }

    /// Several at once: one of them may be right by chance, in one of 100,000 cases.
    fn most_kept_out(
        &mut self,
        did: &str,
        client: IpAddr,
        host: &str,
        numbers: &[String],
    ) -> Evidence {
        let mut worst: Option<Evidence> = None;
        let mut taken = 0;
        for number in numbers {
            let part = self.kept_out(did, client, host, &format!("{PLACE}{number}"), None);
            taken += usize::from(part.outcome == Outcome::Fell);
            if worst.as_ref().is_none_or(|worst| worst.outcome == Outcome::Held) {
                worst = Some(part);
            }
        }
        match worst {
            Some(part) if part.outcome == Outcome::Fell && taken == 1 && numbers.len() > 1 => {
                not_proven(did, "one was taken, which may be by chance")
            }
            Some(part) => part,
            None => not_proven(did, "there are none to try"),
        }
    }

    /// Passes that are forged, or somebody else's.
    fn passes(&mut self, pass: &str) -> Vec<Evidence> {
        let (end, tag) = pass.split_once('.').unwrap_or((pass, ""));
        let longer = end.parse::<u64>().map_or(0, |end| end.saturating_add(3_600));
        let mut garbled = pass.to_owned();
        let last = garbled.pop();
        garbled.push(if last == Some('0') { '1' } else { '0' });
        let mut all = vec![
            self.kept_out("a pass of another client", OTHER_CLIENT, HOST, "/", Some(pass)),
            self.kept_out("a pass of another site", CLIENT, OTHER_HOST, "/", Some(pass)),
        ];
        for (did, forged) in [
            ("a pass that was made longer", format!("{longer}.{tag}")),
            ("a pass with another digit", garbled),
            ("a pass without its tag", format!("{end}.")),
            ("a pass of nothing but zeros", format!("{longer}.{}", "0".repeat(tag.len()))),
            ("an empty pass", String::new()),
        ] {
            all.push(self.kept_out(did, CLIENT, HOST, "/", Some(&forged)));
        }
        all
    }

    /// What ends.
    fn times(&mut self, work: &Work, pass: &str) -> Vec<Evidence> {
        (self.front.pass_time)(QUESTION_TIME);
        let mut all = vec![
            self.is_good("a pass that has not ended, as the control", pass),
            self.most_kept_out("right answers after their time", CLIENT, HOST, &work.answers),
        ];
        (self.front.pass_time)(PASS_TIME);
        all.push(self.kept_out("a pass that has ended", CLIENT, HOST, "/", Some(pass)));
        let did = "the right answer of that time, as the control";
        all.push(match self.worked_out() {
            Ok(work) => self.let_in(did, &work).1,
            Err(why) => not_proven(did, why),
        });
        all
    }
}

/// The question of a page and how many bits are asked for, as the page's script reads them.
fn question(answer: &Answer) -> Option<(String, u32)> {
    let text: String = answer.body.iter().map(|byte| char::from(*byte)).collect();
    let value = |name: &str| {
        let rest = text.split(&format!("{name}=\"")).nth(1)?;
        rest.split('"').next().map(str::to_owned)
    };
    Some((value("data-question")?, value("data-bits")?.parse().ok()?))
}

/// The pass that an answer gives.
fn pass_of(answer: &Answer) -> Option<String> {
    let field = |(name, _): &(&[u8], &[u8])| name.eq_ignore_ascii_case(b"set-cookie");
    let (_, value) = answer.fields().find(field)?;
    let text = std::str::from_utf8(value).ok()?;
    let pass = text.strip_prefix(COOKIE)?.strip_prefix('=')?;
    pass.split(';').next().map(str::to_owned)
}

/// As the page's script counts them.
fn zero_bits(question: &str, number: u64) -> u32 {
    let digest = Sha256::digest(format!("{question}:{number}"));
    let first = digest.first_chunk::<8>().map_or(u64::MAX, |bytes| u64::from_be_bytes(*bytes));
    first.leading_zeros()
}

/// The gateway itself, which always asks.
fn gateway(settings: &Settings, upstream: SocketAddr) -> Result<Front, String> {
    let house = House::open(|folder| Ok(staged(settings, upstream, folder)))?;
    let target = house.target.clone();
    let pass_time = Box::new(move |time| house.advance_challenges(time));
    Ok(Front { target, pass_time, _kept: Box::new(()) })
}

fn staged(settings: &Settings, upstream: SocketAddr, folder: &Path) -> Settings {
    let place = Place { host: Host::Address(upstream.ip()), port: upstream.port() };
    let limits = Limits { delay: Duration::ZERO, ..settings.limits.clone() };
    let site = |host: &str| Site {
        routes: vec![Route::new("/", vec![Upstream::Http(place.clone())])],
        challenge: Challenge::On,
        ..Site::new(host)
    };
    Settings {
        listeners: vec![Listen::new(FRONT)],
        limits,
        sites: vec![site(HOST), site(OTHER_HOST)],
        ..Settings::new(folder.join("state"))
    }
}

#[cfg(test)]
mod tests;
