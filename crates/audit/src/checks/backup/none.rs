//! Something makes backups.

use super::jobs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-none",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "something makes backups",
    why: "A machine without backups is one mistake, one thief or one worm away from its end. \
              What is not started by a clock is not done.",
    remedy: "`[[backup]]` in Burgrave's configuration, or restic by a timer, with a drill.",
    controls: &["PCI 9.4.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            Folder("/etc/cron.d"),
            File("/etc/cron.d/x", "# 1 2 * * * root restic backup /etc\n"),
        ],
        pass: &[File("/etc/cron.d/x", "1 2 * * * root restic backup /etc\n")],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let jobs = jobs(facts, rows);
    let has_clock = ["/etc/crontab", "/etc/cron.d", "/etc/systemd/system"]
        .iter()
        .any(|path| facts.exists(path));
    match jobs.first() {
        Some(job) => rows.looked(job.evidence.clone()),
        None if has_clock => rows.lacks(
            "nothing makes backups: no job of cron and no timer runs a backup",
            Evidence::path(Path::new("/etc/cron.d"), "no backup among the jobs"),
        ),
        None => {}
    }
}
