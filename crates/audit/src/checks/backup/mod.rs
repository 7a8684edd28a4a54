//! Backups: whether there are any, how old they are, who can read and who can delete them.

// Checks of this family.
pub(super) mod deletable;
pub(super) mod errors_hidden;
pub(super) mod in_clear;
pub(super) mod in_web_root;
pub(super) mod none;
pub(super) mod old;
pub(super) mod plain;
pub(super) mod readable;
pub(super) mod same_host;
pub(super) mod script_writable;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Line};
use std::path::PathBuf;

/// Programs that make backups.
const TOOLS: [&str; 33] = [
    "restic",
    "borg",
    "borgmatic",
    "duplicity",
    "duply",
    "rclone",
    "kopia",
    "rsnapshot",
    "pg_dump",
    "pg_dumpall",
    "mysqldump",
    "mariadb-dump",
    "mongodump",
    "mariabackup",
    "xtrabackup",
    "pgbackrest",
    "wal-g",
    "barman",
    "rdiff-backup",
    "tarsnap",
    "bacula-fd",
    "bareos-fd",
    "burgrave",
    "backup-manager",
    "backupninja",
    "automysqlbackup",
    "autopostgresqlbackup",
    "etckeeper",
    "amdump",
    "zfs",
    "btrbk",
    "snapper",
    "timeshift",
];

/// One thing that makes backups by the clock.
struct Job {
    /// What starts it, and the lines of the script behind it.
    evidence: Evidence,
    lines: Vec<Line>,
}

/// Everything that makes a backup by the clock: cron's jobs, timers, scripts behind them.
fn jobs(facts: &Facts<'_>, rows: &mut Rows) -> Vec<Job> {
    let mut commands: Vec<(String, Evidence)> = Vec::new();
    for job in rows.take(facts.jobs().as_ref().map_err(Clone::clone)).into_iter().flatten() {
        commands.push((job.command.clone(), Evidence::at(&job.place, &job.command)));
    }
    for path in rows.take(facts.cron_scripts()).unwrap_or_default() {
        commands.push((path.display().to_string(), Evidence::path(&path, "run by cron")));
    }
    let units =
        rows.take(facts.units().as_ref().map_err(Clone::clone)).map_or(&[][..], Vec::as_slice);
    for timer in units.iter().filter(|unit| unit.name.ends_with(".timer") && unit.is_enabled) {
        let service = timer.value("Timer", "Unit").map_or_else(
            || timer.name.replace(".timer", ".service"),
            |setting| setting.value.clone(),
        );
        for command in
            units.iter().filter(|unit| unit.name == service).flat_map(|unit| unit.commands())
        {
            commands.push((command.value.clone(), Evidence::at(&command.place, &command.value)));
        }
    }
    let mut out = Vec::new();
    for (command, evidence) in commands {
        let script = command
            .split_whitespace()
            .map(|word| PathBuf::from(word.trim_start_matches(['-', '@', '+', '!', ':'])))
            .find(|path| path.is_absolute() && !path.starts_with("/dev") && facts.exists(path));
        let lines = script
            .and_then(|path| rows.take(facts.lines(&path)).flatten())
            .map_or_else(Vec::new, |lines| lines.to_vec());
        let is_text = lines.first().is_some_and(|line| line.text.starts_with("#!"));
        let lines = if is_text { lines } else { Vec::new() };
        let named = |text: &str| {
            let text = crate::facts::uncommented(text, "#");
            text.split(|c: char| c.is_whitespace() || ";&|()\"'`$".contains(c))
                .any(|word| TOOLS.contains(&word.rsplit('/').next().unwrap_or_default()))
                || text.contains("tar ") && text.contains("backup")
                || text.contains("rsync ") && (text.contains("backup") || text.contains('@'))
        };
        let by_name = ["backup", "dump", "snapshot"].iter().any(|word| {
            command
                .split_whitespace()
                .next()
                .is_some_and(|path| path.rsplit('/').next().is_some_and(|name| name.contains(word)))
        }) && !command.contains("dpkg");
        if named(&command)
            || by_name && !lines.is_empty()
            || lines.iter().any(|line| named(&line.text))
        {
            let distribution = command.starts_with("/etc/cron.daily/dpkg")
                || command.contains("/usr/libexec/dpkg");
            if !distribution {
                out.push(Job { evidence, lines });
            }
        }
    }
    out
}

/// Files of the usual tools that name where backups go: variables and their values with places.
fn repositories(facts: &Facts<'_>, rows: &mut Rows, jobs: &[Job]) -> Vec<(String, Evidence)> {
    let mut out = Vec::new();
    let mut lines: Vec<Line> = jobs.iter().flat_map(|job| job.lines.iter().cloned()).collect();
    for pattern in [
        "/etc/restic/*",
        "/etc/borg/*",
        "/etc/borgmatic/*.yaml",
        "/etc/borgmatic.d/*.yaml",
        "/etc/default/restic*",
        "/etc/duplicity/*",
        "/root/.config/borg/*",
        "/etc/backup/*",
        "/etc/backup.conf",
        "/etc/rsnapshot.conf",
        "/etc/default/backup*",
    ] {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            lines.extend(
                rows.take(facts.lines(&path))
                    .flatten()
                    .map_or_else(Vec::new, |lines| lines.to_vec()),
            );
        }
    }
    for line in lines {
        let text = crate::facts::uncommented(&line.text, "#");
        for name in [
            "RESTIC_REPOSITORY=",
            "BORG_REPO=",
            "DEST=",
            "BACKUP_DIR=",
            "BACKUP_DEST=",
            "TARGET=",
            "snapshot_root",
            "--repo ",
            "-r ",
            "path: ",
        ] {
            if let Some((_, value)) =
                text.split_once(name).filter(|_| name != "-r " || text.contains("restic"))
            {
                let value = value
                    .trim()
                    .trim_matches(['"', '\''])
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .trim_matches(['"', '\''])
                    .to_owned();
                if !value.is_empty() && !value.starts_with('$') {
                    out.push((value, Evidence::at(&line.place, text.trim())));
                }
            }
        }
    }
    out
}

/// Files that are backups by their name and place, the distribution's own left out.
fn data(index: &crate::facts::Index) -> impl Iterator<Item = &crate::facts::Node> {
    let tops = [
        "/var/backups",
        "/backup",
        "/backups",
        "/srv/backup",
        "/srv/backups",
        "/opt/backup",
        "/opt/backups",
        "/home",
        "/root",
        "/var/lib/backups",
        "/mnt/backup",
    ];
    tops.into_iter()
        .flat_map(|top| index.below(std::path::Path::new(top)).map(move |node| (top, node)))
        .filter(|(top, node)| {
            let name = node.name().to_ascii_lowercase();
            let kind = [
                ".sql", ".dump", ".tar", ".tgz", ".zip", ".bson", ".rdb", ".pgdump", ".sqlite",
                ".img", ".vmdk",
            ]
            .iter()
            .any(|end| name.ends_with(end) || name.contains(&format!("{end}.")));
            let own = [
                "dpkg.",
                "apt.",
                "alternatives.",
                "passwd.bak",
                "group.bak",
                "shadow.bak",
                "gshadow.bak",
                "aptitude",
            ]
            .iter()
            .any(|start| name.starts_with(start));
            let speaks = !["/home", "/root"].contains(top)
                || ["backup", "dump", ".sql"].iter().any(|word| name.contains(word));
            node.is_file() && kind && !own && speaks
        })
        .map(|(_, node)| node)
}

/// The date that a text begins with, as `2026-11-26T01:02:03Z` or in seconds since 1970.
fn date_in(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds > 1_000_000_000).then_some(seconds);
    }
    let mut parts = text.get(..10)?.split('-').map(str::parse::<i64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let known =
        (1970..3000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    known.then(|| crate::facts::days(year, month, day) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_stamps_are_read() {
        assert_eq!(date_in("1970-01-02T00:00:00Z\n"), Some(86_400));
        assert_eq!(date_in("1700000000\n"), Some(1_700_000_000));
        assert_eq!(date_in("yesterday"), None);
    }
}
