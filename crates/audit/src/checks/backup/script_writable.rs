//! Only root changes the backup.

use super::jobs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-script-writable",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "only root changes the backup",
    why: "The script runs as root and reads everything; who can change it is root and has the \
              backups. It lies in a folder that nobody looks at.",
    remedy: "`chown root:root` and `chmod 700` the script.",
    controls: &["PCI 7.2.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nrestic backup /etc\n"),
            Mode("/usr/local/sbin/b", 0o777),
        ],
        pass: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nrestic backup /etc\n"),
            Mode("/usr/local/sbin/b", 0o700),
        ],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let jobs = jobs(facts, rows);
    for job in &jobs {
        let Some(line) = job.lines.first() else { continue };
        let Some(Some(metadata)) = rows.take(facts.metadata(&line.place.path)) else { continue };
        let text = format!("mode {:04o}, uid {}", metadata.mode, metadata.uid);
        if metadata.mode & 0o022 != 0 || metadata.uid != 0 {
            rows.fail(
                format!(
                    "others than root can change the backup script {}",
                    line.place.path.display()
                ),
                Evidence::path(&line.place.path, text),
            );
        } else {
            rows.looked(Evidence::path(&line.place.path, text));
        }
    }
    jobs.first().into_iter().for_each(|job| rows.looked(job.evidence.clone()));
}
