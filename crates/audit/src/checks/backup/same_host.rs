//! Backups go to another machine.

use super::{jobs, repositories};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "backup-same-host",
    safeguard: Safeguard::Backups,
    severity: Severity::High,
    title: "backups go to another machine",
    why: "A copy on the same machine burns, is stolen and is encrypted by a worm together with \
              the original. Only one elsewhere is a backup.",
    remedy: "A repository by sftp, rest or s3, with rights to add and not to delete.",
    controls: &["PCI 9.4.1", "ISO 8.13"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/cron.d/x", "1 2 * * * root restic backup /etc\n"),
            File("/etc/restic/env", "export RESTIC_REPOSITORY=/var/backups/repo\n"),
        ],
        pass: &[
            File("/etc/cron.d/x", "1 2 * * * root restic backup /etc\n"),
            File("/etc/restic/env", "export RESTIC_REPOSITORY=sftp:b@backup1.example:/repo\n"),
        ],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let jobs = jobs(facts, rows);
    let all = repositories(facts, rows, &jobs);
    let away = |value: &str| {
        [
            "sftp:", "rest:", "s3:", "b2:", "azure:", "gs:", "swift:", "rclone:", "ssh://",
            "http:", "https:", "scp:", "rsync:", "s3://",
        ]
        .iter()
        .any(|scheme| value.starts_with(scheme))
            || value.contains('@') && value.contains(':')
    };
    let mounts = facts.fstab().as_ref().ok().and_then(|all| all.as_deref());
    for (value, evidence) in all {
        let other_disk = mounts.is_some_and(|mounts| {
            mounts.iter().any(|mount| {
                value.starts_with(mount.target.to_str().unwrap_or_default())
                    && mount.target != Path::new("/")
                    && ["nfs", "nfs4", "cifs", "fuse.sshfs"].contains(&mount.kind.as_str())
            })
        });
        if value.starts_with('/') && !other_disk {
            rows.fail(
                format!("backups stay on the same machine (a local repository): {value}"),
                evidence,
            );
        } else if away(&value) {
            rows.looked(evidence);
        }
    }
    let leaves = |line: &crate::facts::Line| {
        let text = crate::facts::uncommented(&line.text, "#");
        [
            "restic",
            "borg",
            "rclone",
            "duplicity",
            "rsync ",
            "scp ",
            "sftp ",
            "ssh ",
            "aws s3",
            "gsutil",
            "curl ",
            "kopia",
            "burgrave backup",
            "tarsnap",
            "azcopy",
            "s3cmd",
            "lftp",
        ]
        .iter()
        .any(|word| text.contains(word))
    };
    for job in jobs.iter().filter(|job| !job.lines.is_empty()) {
        if job.lines.iter().any(leaves) {
            rows.looked(job.evidence.clone());
        } else {
            rows.fail(
                "a backup job keeps its copies on the same machine: nothing in it sends them away",
                job.evidence.clone(),
            );
        }
    }
    if let Some(job) = jobs.first() {
        rows.looked(job.evidence.clone());
    }
}
