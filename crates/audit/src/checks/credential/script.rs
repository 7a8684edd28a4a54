//! Scripts with passwords are closed.

use super::{evidence, index, is_open, own_files, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-script",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "scripts with passwords are closed",
    why: "A script that everybody can read shows its passwords, often those of the backup. \
              They also show in the list of processes while it runs.",
    remedy: "Read the password from a file that is root's (`RESTIC_PASSWORD_FILE`, \
              `--defaults-extra-file`), `chmod 700` the script, change the password.",
    controls: &["PCI 8.6.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/usr/local/sbin/dump", "#!/bin/sh\nexport PGPASSWORD=kV7-quartz-19\n"),
            Mode("/usr/local/sbin/dump", 0o755),
        ],
        pass: &[
            File("/usr/local/sbin/dump", "#!/bin/sh\n. /etc/restic/env\n"),
            Mode("/usr/local/sbin/dump", 0o755),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/usr/local"), "scripts were looked at"));
    for node in own_files(index) {
        let runs = node.metadata.mode & 0o111 != 0
            || node.name().ends_with(".sh")
            || node.path.starts_with("/etc/cron.d")
            || node.path == Path::new("/etc/crontab");
        let elsewhere = node.path.starts_with("/etc/init.d")
            || node.path.starts_with("/etc/alternatives")
            || [".php", ".py", ".rb", ".yml", ".json"].iter().any(|end| node.name().ends_with(end))
                && !node.path.starts_with("/usr/local");
        if !runs || elsewhere || !is_open(index, node) {
            continue;
        }
        let text = rows.take(facts.glance(&node.path)).flatten().is_some_and(|lines| {
            lines.first().is_some_and(|line| line.text.starts_with("#!"))
                || node.metadata.mode & 0o111 == 0
        });
        let found = if text { secrets(facts, rows, &node.path) } else { Vec::new() };
        if !found.is_empty() {
            rows.fail(
                format!(
                    "the script {} holds a password and is world-readable (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                evidence(&found, node),
            );
        }
    }
}
