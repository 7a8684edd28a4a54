//! A failed backup is noticed.

use super::jobs;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-errors-hidden",
    safeguard: Safeguard::Backups,
    severity: Severity::Medium,
    title: "a failed backup is noticed",
    why: "A script that goes on after an error, or throws its messages away, makes empty \
              backups for months. A dump that failed in a pipe looks like a success.",
    remedy: "`set -euo pipefail`, no `|| true`, no `2>/dev/null`, and `OnFailure=` or an alert.",
    controls: &["PCI 10.7.2", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File(
                "/usr/local/sbin/b",
                "#!/bin/sh\nset -e\nrestic backup /etc 2>/dev/null || true\n",
            ),
        ],
        pass: &[
            File("/etc/cron.d/x", "1 2 * * * root /usr/local/sbin/b\n"),
            File("/usr/local/sbin/b", "#!/bin/sh\nset -eu\nrestic backup /etc\n"),
        ],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let jobs = jobs(facts, rows);
    for job in &jobs {
        let strict = job
            .lines
            .iter()
            .any(|line| line.text.trim_start().starts_with("set -") && line.text.contains('e'))
            || job.lines.first().is_some_and(|line| line.text.contains(" -e"));
        let hiding = job.lines.iter().find(|line| {
            let text = crate::facts::uncommented(&line.text, "#");
            super::TOOLS.iter().any(|tool| {
                text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
                    .any(|word| word == *tool)
            }) && (text.contains("|| true")
                || text.contains("2>/dev/null")
                || text.contains("2> /dev/null")
                || text.contains("&>/dev/null")
                || text.contains("|| :"))
        });
        match hiding {
            Some(line) => {
                rows.fail("a backup hides its errors", Evidence::at(&line.place, line.text.trim()));
            }
            None if !job.lines.is_empty() && !strict => rows.fail_as(
                Severity::Low,
                "a backup script goes on after an error (no `set -e`)",
                job.evidence.clone(),
            ),
            None => rows.looked(job.evidence.clone()),
        }
    }
}
