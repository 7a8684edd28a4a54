//! The last backup is recent.

use super::data;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-old",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "the last backup is recent",
    why: "Backups stop without a word: a full disk, a changed password, a job that was \
              commented out. It is noticed on the day that one is needed.",
    remedy: "Look at why the job failed, run it, and have an alert sent when none comes.",
    controls: &["PCI 9.4.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/backups/shop.sql.gz", ""), Aged("/var/backups/shop.sql.gz", 40)],
        pass: &[File("/var/backups/shop.sql.gz", ""), Aged("/var/backups/shop.sql.gz", 1)],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    let mut newest: Option<(PathBuf, i64)> = None;
    let mut consider = |path: &Path, days: i64| {
        if newest.as_ref().is_none_or(|(_, known)| days < *known) {
            newest = Some((path.to_owned(), days));
        }
    };
    let mut stamps = Vec::new();
    for node in data(index) {
        consider(&node.path, facts.days_since(node.metadata.modified));
    }
    for node in index.nodes.iter().filter(|node| node.is_file() && node.metadata.len < 4_096) {
        let name = node.name().to_ascii_lowercase();
        let stamp = [
            "last-backup",
            "last_backup",
            "lastbackup",
            "backup-stamp",
            "backup.stamp",
            "last-success",
            "backup.last",
            "backup-success",
            "last-backup.txt",
            "backup-status",
            "last_success",
            "backup.ok",
            "backup_timestamp",
        ]
        .contains(&name.as_str());
        if stamp {
            let text =
                crate::facts::text_of(&facts.system.read(&node.path, 4_096).unwrap_or_default());
            let own = crate::checks::backup::date_in(&text)
                .map_or(facts.days_since(node.metadata.modified), |seconds| {
                    facts.days_since(burgrave_sys::UnixTime(seconds * 1_000_000))
                });
            stamps.push((node.path.clone(), own));
        }
    }
    for (path, days) in stamps {
        if days > 7 {
            rows.fail(
                format!("the last backup was made {days} days ago: {}", path.display()),
                Evidence::path(&path, format!("{days} days old")),
            );
        } else {
            rows.looked(Evidence::path(&path, format!("{days} days old")));
        }
    }
    match newest {
        Some((path, days)) if days > 7 => rows.fail(
            format!("the newest backup is {days} days old: {}", path.display()),
            Evidence::path(&path, format!("changed {days} days ago")),
        ),
        Some((path, days)) => {
            rows.looked(Evidence::path(&path, format!("changed {days} days ago")));
        }
        None => {}
    }
}
