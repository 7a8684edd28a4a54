//! Backups travel encrypted.

use super::{jobs, repositories};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-in-clear",
    safeguard: Safeguard::Backups,
    severity: Severity::Medium,
    title: "backups travel encrypted",
    why: "FTP, plain HTTP and rsync without ssh show everything on the way. Passwords of the \
              backup server cross it in clear, too.",
    remedy: "sftp, `rest:https://…`, or rsync over ssh.",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nrestic -r rest:http://b.example/ backup /etc\n"),
        ],
        pass: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nrestic -r sftp:b.example:/ backup /etc\n"),
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
            let clear = text.contains("ftp://") && !text.contains("sftp://")
                || text.contains("rest:http://")
                || text.contains("rsync://")
                || text.contains("curl ") && text.contains(" http://") && text.contains("-T")
                || text.split_whitespace().next() == Some("ftp")
                || text.contains("ncftpput")
                || text.contains("| nc ");
            if clear {
                rows.fail("a backup travels in clear", Evidence::at(&line.place, text.trim()));
            }
        }
    }
    for (value, evidence) in repositories(facts, rows, &jobs) {
        if value.starts_with("rest:http://")
            || value.starts_with("http://")
            || value.starts_with("ftp://")
            || value.starts_with("rsync://")
        {
            rows.fail("a backup travels in clear", evidence);
        }
    }
}
