//! Only root changes sshd's configuration.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-config-mode",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "only root changes sshd's configuration",
    why: "Who can write it can let himself in as anybody. One line in an Include file is \
              enough.",
    remedy: "`chown root:root` and `chmod 600` sshd_config and the files in sshd_config.d.",
    controls: &["CIS 5.1.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", ""), Mode("/etc/ssh/sshd_config", 0o666)],
        pass: &[File("/etc/ssh/sshd_config", "")],
        unknown: &[File("/etc/ssh/sshd_config", ""), Denied("/etc/ssh")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = vec![PathBuf::from("/etc/ssh/sshd_config")];
    files.extend(rows.take(facts.files_in("/etc/ssh/sshd_config.d", "")).unwrap_or_default());
    for path in files {
        let Some(Some(metadata)) = rows.take(facts.metadata(&path)) else { continue };
        let text = format!("mode {:04o}, owner {}", metadata.mode, metadata.uid);
        if metadata.mode & 0o022 != 0 || metadata.uid != 0 {
            rows.fail(
                format!("others than root can change {}", path.display()),
                Evidence::path(&path, text),
            );
        } else {
            rows.looked(Evidence::path(&path, text));
        }
    }
}
