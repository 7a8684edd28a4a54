//! Which snapshots are kept. Pure: times in, a decision out.

use crate::id::Id;
use crate::snapshot::Snapshot;
use burgrave_config::Keep;
use burgrave_sys::UnixTime;
use std::collections::BTreeMap;

/// What is to be forgotten, and what stays with why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Kept: the snapshot and the rules that want it.
    pub keep: Vec<(Id, Vec<&'static str>)>,
    /// Forgotten.
    pub forget: Vec<Id>,
}

/// The hour, day, week, month and year that a time lies in, each as a number of its own.
fn periods(time: UnixTime) -> [i64; 5] {
    let (year, month, ..) = time.civil();
    let day = time.seconds().div_euclid(86_400);
    let hour = time.seconds().div_euclid(3_600);
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    let week = (day + 3).div_euclid(7);
    [hour, day, week, year * 12 + i64::from(month), year]
}

/// Decides for the snapshots of one job and machine, oldest first.
fn decide_group(snapshots: &[&Snapshot], keep: &Keep, decision: &mut Decision) {
    const NAMES: [&str; 5] = ["hourly", "daily", "weekly", "monthly", "yearly"];
    let mut left = [keep.hourly, keep.daily, keep.weekly, keep.monthly, keep.yearly];
    let mut seen: [Option<i64>; 5] = [None; 5];
    let mut last = keep.last;
    for (index, snapshot) in snapshots.iter().rev().enumerate() {
        let mut why = Vec::new();
        if last > 0 {
            last -= 1;
            why.push("last");
        }
        let rules = left.iter_mut().zip(&mut seen).zip(periods(snapshot.time)).zip(NAMES);
        for (((left, seen), period), name) in rules {
            if *left > 0 && *seen != Some(period) {
                *left -= 1;
                *seen = Some(period);
                why.push(name);
            }
        }
        // The newest is never forgotten, whatever the rules say; nor is the newest whole one.
        if index == 0 && why.is_empty() {
            why.push("newest");
        }
        if why.is_empty() {
            decision.forget.push(snapshot.id);
        } else {
            decision.keep.push((snapshot.id, why));
        }
    }
    let is_kept = |id: &Id| decision.keep.iter().any(|(kept, _)| kept == id);
    let whole = snapshots.iter().rev().find(|snapshot| !snapshot.is_incomplete());
    if let Some(whole) = whole.filter(|whole| !is_kept(&whole.id)) {
        decision.forget.retain(|id| *id != whole.id);
        decision.keep.push((whole.id, vec!["newest complete"]));
    }
}

/// Decides for the snapshots of a job, machine by machine. Those of other jobs and programs are not touched.
pub(crate) fn decide(snapshots: &[Snapshot], job: &str, keep: &Keep) -> Decision {
    let mut groups: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.job() == Some(job)) {
        groups.entry(&snapshot.file.hostname).or_default().push(snapshot);
    }
    let mut decision = Decision::default();
    for group in groups.values() {
        decide_group(group, keep, &mut decision);
    }
    decision
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{INCOMPLETE, SnapshotFile, tag};
    use crate::time::parse_time;

    fn at(time: &str, host: &str, job: &str) -> Snapshot {
        let file = SnapshotFile {
            hostname: host.to_owned(),
            tags: vec![tag(job)],
            ..SnapshotFile::default()
        };
        let time = parse_time(time).unwrap();
        Snapshot { id: Id::of(format!("{}{host}{job}", time.0).as_bytes()), file, time }
    }

    fn kept(snapshots: &[Snapshot], keep: Keep) -> Vec<usize> {
        let decision = decide(snapshots, "j", &keep);
        let is_kept = |snapshot: &Snapshot| decision.keep.iter().any(|(id, _)| *id == snapshot.id);
        (0..snapshots.len()).filter(|index| is_kept(&snapshots[*index])).collect()
    }

    #[test]
    fn the_last_of_each_period_is_kept() {
        let times = [
            "2025-12-31 23:00",
            "2026-01-01 01:00",
            "2026-01-01 02:00",
            "2026-01-04 00:00",
            "2026-01-05 00:00",
            "2026-02-01 10:00",
            "2026-02-01 10:30",
        ];
        let all: Vec<Snapshot> = times.iter().map(|time| at(time, "h", "j")).collect();
        for (keep, expected) in [
            (Keep { last: 2, ..Keep::default() }, vec![5, 6]),
            (Keep { hourly: 3, ..Keep::default() }, vec![3, 4, 6]),
            (Keep { daily: 3, ..Keep::default() }, vec![3, 4, 6]),
            // Monday is the fifth.
            (Keep { weekly: 3, ..Keep::default() }, vec![3, 4, 6]),
            (Keep { monthly: 3, ..Keep::default() }, vec![0, 4, 6]),
            (Keep { yearly: 5, ..Keep::default() }, vec![0, 6]),
            (Keep { last: 1, monthly: 2, yearly: 2, ..Keep::default() }, vec![0, 4, 6]),
            (Keep { last: 100, ..Keep::default() }, vec![0, 1, 2, 3, 4, 5, 6]),
        ] {
            assert_eq!(kept(&all, keep), expected, "{keep:?}");
        }
    }

    #[test]
    fn machines_and_jobs_do_not_push_each_other_out() {
        let all = [
            at("2026-01-01", "a", "j"),
            at("2026-01-02", "b", "j"),
            at("2026-01-03", "a", "other"),
        ];
        let keep = Keep { last: 1, ..Keep::default() };
        assert_eq!(kept(&all, keep), [0, 1]);
        assert!(decide(&all, "j", &keep).forget.is_empty(), "another job's is not touched");
    }

    #[test]
    fn something_whole_always_stays() {
        let mut broken = at("2026-01-02", "h", "j");
        broken.file.tags.push(INCOMPLETE.to_owned());
        let all = [at("2026-01-01", "h", "j"), broken];
        assert_eq!(kept(&all, Keep { last: 1, ..Keep::default() }), [0, 1]);
        assert_eq!(kept(&all[1..], Keep::default()), [0]);
    }
}
