//! What a backup, a look at its repository or a drill came to, as alerts: also that it is well again.

use super::super::Exit;
use super::super::raise::{Event, event, over};
use crate::error::Error;
use burgrave_backup::Errand;
use burgrave_ledger::Kind;
use burgrave_model::{Severity, Topic};
use serde_json::Value;

/// Lines of an answer that an alert tells.
const LINES_MAX: usize = 5;

/// The rows of errands. A restore is none: whoever asks for it sees what it came to.
const ERRANDS: [(Kind, Errand); 4] = [
    (Kind::BackupRun, Errand::Run),
    (Kind::BackupVerified, Errand::Verify),
    (Kind::BackupDrilled, Errand::Drill),
    (Kind::BackupPruned, Errand::Prune),
];

/// Of what was done for a job.
pub(super) fn of(kind: Kind, job: &str, done: &Result<(Exit, Value), Error>) -> Vec<Event> {
    let errand = ERRANDS.iter().find(|(own, _)| *own == kind);
    let Some((_, errand)) = errand else { return Vec::new() };
    let (topic, subject) = about(*errand, job);
    let what = what(*errand);
    match done {
        Err(error) => {
            let title = format!("backup `{job}`: {what} failed");
            vec![event(topic, &subject, &title, &error.to_string())]
        }
        Ok((Exit::Clean, _)) => well(topic, &subject, job, what),
        Ok((Exit::Findings | Exit::Unproven, answer)) => {
            let text = lines(answer);
            let title = format!("backup `{job}`: {what} found something");
            match errand {
                // There is a snapshot: what failed before is over, and what is odd is told.
                Errand::Run => {
                    let mut all = well(topic, &subject, job, what);
                    all.push(event(Topic::BackupOdd, job, &title, &text));
                    all
                }
                Errand::Verify => {
                    let title = format!("backup `{job}`: its repository is damaged");
                    vec![event(topic, &subject, &title, &text).at(Severity::Critical)]
                }
                Errand::Prune | Errand::Drill => vec![event(topic, &subject, &title, &text)],
            }
        }
    }
}

/// One whose process was killed before it could say anything.
pub(super) fn killed(errand: Errand, job: &str) -> Event {
    let (topic, subject) = about(errand, job);
    event(topic, &subject, &format!("backup `{job}`: {} was killed", what(errand)), "")
}

/// A job that is late.
pub(super) fn overdue(job: &str, why: &str) -> Event {
    event(Topic::BackupOverdue, job, &format!("backup `{job}`: {why}"), "")
}

fn well(topic: Topic, subject: &str, job: &str, what: &str) -> Vec<Event> {
    let title = format!("backup `{job}`: {what} went well");
    let mut all = vec![over(topic, subject, &title)];
    if subject == job && topic == Topic::BackupFailed {
        all.push(over(Topic::BackupOverdue, job, &title));
    }
    all
}

/// The topic and the subject: a run, a look and a pruning fail each by itself.
fn about(errand: Errand, job: &str) -> (Topic, String) {
    match errand {
        Errand::Run => (Topic::BackupFailed, job.to_owned()),
        Errand::Verify => (Topic::BackupFailed, format!("{job} verify")),
        Errand::Prune => (Topic::BackupFailed, format!("{job} prune")),
        Errand::Drill => (Topic::DrillFailed, job.to_owned()),
    }
}

const fn what(errand: Errand) -> &'static str {
    match errand {
        Errand::Run => "the run",
        Errand::Verify => "the verification",
        Errand::Prune => "the pruning",
        Errand::Drill => "the drill",
    }
}

/// The first of what an answer complains of.
fn lines(answer: &Value) -> String {
    let lists = ["faults", "failures", "odd", "unreadable"].into_iter();
    let lists = lists.filter_map(|key| answer.get(key)?.as_array());
    let lines = lists.flatten().filter_map(Value::as_str).take(LINES_MAX);
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: Kind, done: &Result<(Exit, Value), Error>, expected: &[(&str, &str, bool)]) {
        let all = of(kind, "job", done);
        let found: Vec<(&str, &str, bool)> = all
            .iter()
            .map(|event| (event.topic.as_str(), event.subject.as_str(), event.is_over))
            .collect();
        assert_eq!(found, expected, "{kind}");
    }

    #[test]
    fn what_failed_is_an_alert_until_it_is_well() {
        let failed = || Err(Error::Backup("no space".to_owned()));
        let well = Ok((Exit::Clean, Value::Null));
        let odd = Ok((Exit::Findings, json!({"odd": ["shrinking"], "faults": ["pack `a`"]})));
        let run = ("backup.failed", "job", true);
        check(Kind::BackupRun, &failed(), &[("backup.failed", "job", false)]);
        check(Kind::BackupRun, &well, &[run, ("backup.overdue", "job", true)]);
        let expected = [run, ("backup.overdue", "job", true), ("backup.odd", "job", false)];
        check(Kind::BackupRun, &odd, &expected);
        check(Kind::BackupVerified, &odd, &[("backup.failed", "job verify", false)]);
        check(Kind::BackupDrilled, &odd, &[("drill.failed", "job", false)]);
        check(Kind::BackupDrilled, &well, &[("drill.failed", "job", true)]);
        check(Kind::BackupRestored, &failed(), &[]);
        let damaged = of(Kind::BackupVerified, "job", &odd);
        assert_eq!(damaged[0].severity, "critical");
        assert_eq!(damaged[0].text, "pack `a`; shrinking");
        assert_eq!(killed(Errand::Drill, "job").topic, "drill.failed");
    }
}
