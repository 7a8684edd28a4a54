//! What happens to the one, and what must come of it.

use super::{HERE, Mood, Opening, Play, Scene, Speech, Spoken};
use crate::authority::Authority;
use crate::house::until;
use crate::{evidence, not_proven};
use burgrave_config::Health;
use burgrave_model::{Evidence, Outcome};
use std::time::{Duration, Instant};

/// GETs after one is gone.
const GETS: usize = 16;
/// Requests until the one has had its share, whoever's turn it is.
const ASKED_MAX: usize = 60;
/// What one is asked before it is left alone: five failures in a row (`docs/upstreams.md`), and once more on a connection
/// that was kept.
const FAILURES: usize = 6;
/// Past a time limit.
const GRACE_TIME: Duration = Duration::from_secs(2);
/// How long one that is well again may wait for a request: it gets few at first.
const START_TIME: Duration = Duration::from_secs(15);
/// Until an end is seen on kept connections.
const SETTLE_TIME: Duration = Duration::from_millis(100);

/// One trial: its name, whether there is something of it in a play, and how it goes.
struct Trial {
    did: &'static str,
    is_wanted: fn(&Play) -> bool,
    run: fn(&Play, &mut Scene) -> (String, Outcome),
}

const TRIALS: [Trial; 5] = [
    Trial { did: "one upstream died", is_wanted: has_others, run: death },
    Trial { did: "one upstream ends connections", is_wanted: has_others, run: endings },
    Trial { did: "POSTs to one that ends connections", is_wanted: |_| true, run: posts },
    Trial { did: "one upstream hangs", is_wanted: |_| true, run: hanging },
    Trial { did: "one upstream says that it is not well", is_wanted: is_checked, run: sickness },
];

/// All trials of a route, each on a scene of its own.
pub(super) fn all(play: &Play, open: Opening<'_>) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = Vec::new();
    for trial in TRIALS.iter().filter(|trial| (trial.is_wanted)(play)) {
        let did = format!("{}, of {} as it is played", trial.did, play.name);
        let ran = Scene::set(play, open).map(|mut scene| {
            let begun = is_well(&mut scene).then_some(trial.run);
            begun.map(|run| run(play, &mut scene))
        });
        all.push(match ran {
            Ok(Some((saw, outcome))) => evidence(did, saw, outcome),
            Ok(None) => not_proven(&did, "not every request is answered while all are well"),
            Err(why) => not_proven(&did, why),
        });
    }
    if play.spoken.contains(&Spoken::Https) {
        all.extend(strangers(play, open));
    }
    all
}

fn has_others(play: &Play) -> bool {
    play.spoken.len() > 1
}

fn is_checked(play: &Play) -> bool {
    play.balance.health.is_some() && has_others(play)
}

/// The control.
fn is_well(scene: &mut Scene) -> bool {
    let count = scene.applications.len() * 2;
    scene.gets(count).iter().all(|status| *status == Some(200))
}

/// Everybody is answered, whoever died.
fn death(_: &Play, scene: &mut Scene) -> (String, Outcome) {
    scene.applications.remove(0);
    std::thread::sleep(SETTLE_TIME);
    let mut statuses = scene.gets(GETS);
    statuses.extend((0..GETS / 2).map(|number| scene.ask("POST", &format!("/{number}")).0));
    all_answered(&statuses)
}

/// What may be asked twice is; and who fails again and again is not asked any more.
fn endings(play: &Play, scene: &mut Scene) -> (String, Outcome) {
    scene.ill(Mood::Ends);
    let before = scene.count();
    let mut statuses = Vec::new();
    let asked_max = ASKED_MAX * scene.applications.len();
    while scene.count() - before < FAILURES && statuses.len() < asked_max {
        statuses.extend(scene.gets(1));
    }
    let (saw, outcome) = all_answered(&statuses);
    // A script that was begun may have done something, whatever the method was.
    if outcome != Outcome::Held && !play.spoken.contains(&Spoken::FastCgi) {
        return (saw, outcome);
    }
    let failed = scene.count();
    let (saw, outcome) = all_answered(&scene.gets(GETS));
    let more = scene.count() - failed;
    let outcome = match more {
        // It was not asked so often that it would be left alone.
        _ if failed - before < FAILURES - 1 => Outcome::NotProven,
        0 => outcome,
        _ => Outcome::Fell,
    };
    (
        format!("{saw}; after it had failed {} times it was asked {more} times", failed - before),
        outcome,
    )
}

/// What may not be made twice is not, neither at the one nor at another.
fn posts(_: &Play, scene: &mut Scene) -> (String, Outcome) {
    scene.ill(Mood::Ends);
    std::thread::sleep(SETTLE_TIME);
    let before = scene.count();
    let mut sent = 0;
    let mut most = 0;
    while scene.count() - before < 2 && sent < ASKED_MAX {
        let path = format!("/post/{sent}");
        let earlier = scene.count_all();
        scene.ask("POST", &path);
        most = most.max(scene.count_all() - earlier);
        sent += 1;
    }
    if scene.count() == before {
        return (format!("none of {sent} POSTs came to it"), Outcome::NotProven);
    }
    let outcome = if most > 1 { Outcome::Fell } else { Outcome::Held };
    (format!("of {sent} POSTs each was made {most} times at most"), outcome)
}

/// A client is told within the time that the route gives its upstreams.
fn hanging(play: &Play, scene: &mut Scene) -> (String, Outcome) {
    scene.ill(Mood::Hangs);
    let before = scene.count();
    let limit = play.limits.upstream_time + GRACE_TIME;
    for number in 0..ASKED_MAX {
        let (status, time) = scene.ask("GET", &format!("/hang/{number}"));
        let answer = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let saw = format!("{answer} after {:.1} s", time.as_secs_f64());
        if time > limit || status.is_none() {
            return (saw, Outcome::Fell);
        }
        if scene.count() > before {
            return (saw, Outcome::Held);
        }
    }
    (format!("none of {ASKED_MAX} GETs came to it"), Outcome::NotProven)
}

/// One that says so gets no requests, and gets them again when it is well.
fn sickness(play: &Play, scene: &mut Scene) -> (String, Outcome) {
    let Some(health) = &play.balance.health else { return (String::new(), Outcome::NotProven) };
    if !until(patience(health, 1), || scene.applications.iter().all(|own| own.checks() > 0)) {
        return ("its health is not asked".to_owned(), Outcome::Fell);
    }
    scene.ill(Mood::Sick);
    let mut spared = || {
        let before = scene.count();
        let is_well = is_well(scene);
        (is_well, scene.count() == before)
    };
    let (mut is_felt, begun) = (false, Instant::now());
    let is_out = until(patience(health, health.fall), || {
        let (is_well, is_spared) = spared();
        is_felt |= !is_well;
        is_spared
    });
    let out_time = begun.elapsed().as_secs_f64();
    // Not by chance: several times its share.
    let is_out = is_out && (0..4).all(|_| spared().1);
    if !is_out || is_felt {
        return ("it is still asked".to_owned(), Outcome::Fell);
    }
    scene.ill(Mood::Well);
    let begun = Instant::now();
    let before = scene.count();
    let time = patience(health, health.rise) + START_TIME;
    let is_back = until(time, || is_well(scene) && scene.count() > before);
    let back_time = begun.elapsed().as_secs_f64();
    if is_back {
        (format!("out after {out_time:.1} s, back after {back_time:.1} s"), Outcome::Held)
    } else {
        (format!("out after {out_time:.1} s, and never back"), Outcome::Fell)
    }
}

fn patience(health: &Health, times: u32) -> Duration {
    (health.every + health.timeout).saturating_mul(times.saturating_add(2)) + GRACE_TIME
}

fn all_answered(statuses: &[Option<u16>]) -> (String, Outcome) {
    let good = statuses.iter().filter(|status| **status == Some(200)).count();
    let outcome = if good == statuses.len() { Outcome::Held } else { Outcome::Fell };
    (format!("{good} of {} requests were answered well", statuses.len()), outcome)
}

/// Upstreams that show what is not theirs: not a byte of a request may reach them.
fn strangers(play: &Play, open: Opening<'_>) -> Vec<Evidence> {
    let one = Play { spoken: vec![Spoken::Https], ..play.clone() };
    match shown(&one, open) {
        Ok(all) => all,
        Err(why) => vec![not_proven(&format!("played certificates of {}", play.name), why)],
    }
}

fn shown(play: &Play, open: Opening<'_>) -> Result<Vec<Evidence>, String> {
    let (ours, theirs) = (Authority::new()?, Authority::new()?);
    let pem = ours.pem();
    let mut wrong = vec![
        ("a certificate of another authority", theirs.issue(HERE)?, Some(pem.as_str())),
        ("a certificate for another name", ours.issue("other.test")?, Some(&pem)),
        ("a certificate that has ended", ours.issue_ended(HERE)?, Some(&pem)),
    ];
    if !play.has_own_authority {
        // As it is configured: by the authorities of this system.
        wrong.push(("a certificate that this system does not know", ours.issue(HERE)?, None));
    }
    let right = ours.issue(HERE)?;
    let mut all = Vec::new();
    for (what, papers, authority) in wrong {
        let did = format!("an https upstream with {what}, of {} as it is played", play.name);
        let mut control = Scene::speaking(play, &[Speech::Https(right.clone())], Some(&pem), open)?;
        if !is_well(&mut control) {
            all.push(not_proven(&did, "one with the right certificate is not asked, either"));
            continue;
        }
        let mut scene = Scene::speaking(play, &[Speech::Https(papers)], authority, open)?;
        let (status, _) = scene.ask("GET", "/secret");
        let asked = scene.count_all();
        let said = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let outcome = match (asked, status) {
            // A gateway that was not there, or answers otherwise, has shown nothing.
            (0, Some(502..=504)) => Outcome::Held,
            (0, _) => Outcome::NotProven,
            _ => Outcome::Fell,
        };
        let saw = format!("it was asked {asked} times; the client was told {said}");
        all.push(evidence(did, saw, outcome));
    }
    Ok(all)
}
