//! The host cannot delete its own backups.

use super::jobs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-deletable",
    safeguard: Safeguard::Backups,
    severity: Severity::Medium,
    title: "the host cannot delete its own backups",
    why: "A worm that finds the key deletes the backups first. A server that only takes \
              additions keeps them.",
    remedy: "`--append-only` on the server (borg, rest-server), object lock on the bucket; prune \
              from another machine.",
    controls: &["PCI 10.3.4", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File(
                "/usr/local/sbin/b",
                "#!/bin/sh\nrestic backup /etc\nrestic forget --prune --keep-daily 7\n",
            ),
        ],
        pass: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nrestic backup /etc\n"),
        ],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let jobs = jobs(facts, rows);
    for job in &jobs {
        rows.looked(job.evidence.clone());
        for line in &job.lines {
            let text = crate::facts::uncommented(&line.text, "#");
            let deletes = [
                "restic forget",
                "restic prune",
                "borg prune",
                "borg delete",
                "--prune",
                "rclone sync",
                "rclone purge",
                "rclone delete",
                "aws s3 rm",
                "rsync --delete",
                "rsync -a --delete",
                "--delete-after",
            ]
            .iter()
            .find(|word| text.contains(*word));
            if let Some(word) = deletes {
                rows.fail(
                    format!("the host can delete its own backups: {word}"),
                    Evidence::at(&line.place, text.trim()),
                );
            }
        }
    }
}
