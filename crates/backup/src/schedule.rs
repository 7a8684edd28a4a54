//! What is due, and when. Pure: the time and what is remembered in, a decision out.

use crate::id::Id;
use crate::state::{State, Task};
use burgrave_config::{Backup, Identity};
use std::time::Duration;

/// After a failure it is tried again so soon, then twice as late each time, and never later than it is due anyway.
const AGAIN_SECS: i64 = 300;

/// What is done for a job on a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// A backup.
    Run,
    /// For a keeper: what is not kept is forgotten.
    Prune,
    /// A share of the data read back.
    Verify,
    /// A drill.
    Drill,
}

impl Errand {
    /// The command that does it.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run"],
            Self::Prune => &["prune"],
            Self::Verify => &["verify", "--share", "next"],
            Self::Drill => &["drill"],
        }
    }

    /// What is remembered of it.
    pub fn task(self, state: &mut State) -> &mut Task {
        match self {
            Self::Run | Self::Prune => &mut state.run,
            Self::Verify => &mut state.verify,
            Self::Drill => &mut state.drill,
        }
    }
}

/// Something that is due at a time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// What.
    pub errand: Errand,
    /// When.
    pub at: i64,
}

fn secs(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// When a task is due again. One that was missed while the machine was off is due at once.
fn next(task: &Task, every: Duration, jitter: Duration, seed: &str) -> i64 {
    if task.begun == 0 {
        return 0;
    }
    if task.failures > 0 {
        let doubled =
            AGAIN_SECS.saturating_mul(1_i64.checked_shl(task.failures.min(20) - 1).unwrap_or(1));
        return task.begun.saturating_add(doubled.min(secs(every)));
    }
    // The same for the same turn, so that a restart does not throw the dice again.
    let dice = Id::of(format!("{seed}/{}", task.begun).as_bytes());
    let [a, b, c, d, ..] = *dice.bytes();
    let late = i64::from(u32::from_be_bytes([a, b, c, d])) % secs(jitter).saturating_add(1).max(1);
    task.begun.saturating_add(secs(every)).saturating_add(late)
}

/// All that a job has on its schedule, with when each is due.
pub fn due(job: &Backup, state: &State) -> Vec<Due> {
    let mut all = Vec::new();
    let mut add = |errand, task: &Task, every: Option<Duration>, jitter| {
        if let Some(every) = every {
            all.push(Due { errand, at: next(task, every, jitter, &job.name) });
        }
    };
    let run = match job.identity {
        Identity::Keeper => Errand::Prune,
        Identity::Sole | Identity::Writer | Identity::Reader => Errand::Run,
    };
    add(run, &state.run, job.every, job.jitter);
    let slow = |every: Option<Duration>| every.map_or(Duration::ZERO, |every| every / 20);
    add(Errand::Verify, &state.verify, job.verify.every, slow(job.verify.every));
    add(Errand::Drill, &state.drill, job.drill.every, slow(job.drill.every));
    all
}

/// Says so when a job's backup is far too old: twice the time between two and its jitter.
pub fn overdue(job: &Backup, state: &State, now: i64) -> Option<String> {
    let every = job.every?;
    let late = secs(every).saturating_mul(2).saturating_add(secs(job.jitter));
    let since = if state.run.succeeded > 0 { state.run.succeeded } else { state.run.begun };
    if since == 0 || now.saturating_sub(since) <= late {
        return None;
    }
    let hours = now.saturating_sub(since) / 3_600;
    let why = if state.run.trouble.is_empty() { "" } else { ": " };
    Some(format!("overdue: the last good backup is {hours} hours old{why}{}", state.run.trouble))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn job(keys: &str) -> Backup {
        let text = format!(
            "[[backup]]\nname = \"j\"\nsource = {{ sqlite = \"/a\" }}\nrepository = \"/r\"\nkey = \"/k\"\n{keys}"
        );
        burgrave_config::parse(&text).unwrap().backups.remove(0)
    }

    fn state(begun: i64, failures: u32) -> State {
        let run = Task { begun, succeeded: begun, failures, ..Task::default() };
        State { run, ..State::default() }
    }

    #[test]
    fn what_is_due_is_said() {
        let hourly = job("every = \"1h\"\njitter = \"0s\"");
        for (state, at) in [
            (State::default(), 0),
            (state(1_000, 0), 1_000 + HOUR),
            (state(1_000, 1), 1_000 + 300),
            (state(1_000, 2), 1_000 + 600),
            (state(1_000, 40), 1_000 + HOUR),
        ] {
            assert_eq!(due(&hourly, &state), [Due { errand: Errand::Run, at }], "{state:?}");
        }
        assert!(due(&job(""), &State::default()).is_empty(), "by hand");
    }

    #[test]
    fn jitter_is_the_same_for_the_same_turn_and_within_its_bound() {
        let daily = job("every = \"1d\"\njitter = \"1h\"");
        let at = |begun| due(&daily, &state(begun, 0))[0].at - begun - 24 * HOUR;
        let late: Vec<i64> = (1..50).map(|turn| at(turn * 1_000)).collect();
        assert!(late.iter().all(|late| (0..=HOUR).contains(late)), "{late:?}");
        assert!(
            late.iter().any(|late| *late > HOUR / 2) && late.iter().any(|late| *late < HOUR / 2)
        );
        assert_eq!(late, (1..50).map(|turn| at(turn * 1_000)).collect::<Vec<_>>());
    }

    #[test]
    fn a_keeper_forgets_and_others_verify_and_drill() {
        let keeper = job(
            "identity = \"keeper\"\nkeep = { daily = 1 }\nevery = \"1d\"\nverify = { every = \"7d\" }",
        );
        let errands: Vec<Errand> =
            due(&keeper, &State::default()).into_iter().map(|due| due.errand).collect();
        assert_eq!(errands, [Errand::Prune, Errand::Verify]);
        let reader = job("identity = \"reader\"\ndrill = { every = \"7d\" }");
        assert_eq!(due(&reader, &State::default())[0].errand, Errand::Drill);
    }

    #[test]
    fn an_old_backup_is_told() {
        let hourly = job("every = \"1h\"\njitter = \"0s\"");
        assert_eq!(overdue(&hourly, &State::default(), 10 * HOUR), None, "it has just been set up");
        assert_eq!(overdue(&hourly, &state(1_000, 0), 1_000 + 2 * HOUR), None);
        let said = overdue(&hourly, &state(1_000, 0), 1_000 + 5 * HOUR).unwrap();
        assert!(said.contains("5 hours"), "{said}");
    }
}
