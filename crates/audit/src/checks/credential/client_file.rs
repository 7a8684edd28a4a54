//! Files of passwords in homes are closed.

use super::{index, is_open, own_files, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-client-file",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "files of passwords in homes are closed",
    why: "Clients keep passwords in files like `.my.cnf`, `.pgpass` and `.netrc`, for \
              everybody to read if the mode allows it. One of them opens the database.",
    remedy: "`chmod 600` the file, then change the password.",
    controls: &["PCI 8.6.2", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/home/olga/.my.cnf", "[client]\npassword=tallow-92-Fen\n")],
        pass: &[
            File("/home/olga/.my.cnf", "[client]\npassword=tallow-92-Fen\n"),
            Mode("/home/olga/.my.cnf", 0o600),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/"), "files of passwords were looked for"));
    let names = [
        ".my.cnf",
        ".mylogin.cnf",
        ".pgpass",
        ".netrc",
        ".git-credentials",
        ".npmrc",
        ".pypirc",
        ".s3cfg",
        ".boto",
        ".vault-token",
        ".smbcredentials",
        ".msmtprc",
        ".fetchmailrc",
        ".mongorc.js",
        ".composer/auth.json",
        "auth.json",
        ".gem/credentials",
        ".aws/credentials",
        ".docker/config.json",
        ".dockercfg",
        ".kube/config",
        "rclone.conf",
        ".config/gh/hosts.yml",
        ".azure/accessTokens.json",
        ".config/gcloud/credentials.db",
        ".terraformrc",
        ".passwd-s3fs",
        "smbcredentials",
        ".htdigest",
        ".gnupg/secring.gpg",
        ".ldaprc",
    ];
    for node in own_files(index).filter(|node| names.iter().any(|name| node.path.ends_with(name))) {
        let found = secrets(facts, rows, &node.path);
        let own = [
            ".pgpass",
            ".git-credentials",
            ".vault-token",
            ".aws/credentials",
            ".docker/config.json",
            ".kube/config",
            ".netrc",
        ]
        .iter()
        .any(|name| node.path.ends_with(name));
        if is_open(index, node) && (own || !found.is_empty()) {
            rows.fail(
                format!(
                    "{} with a password can be read by others (mode {:04o})",
                    node.path.display(),
                    node.metadata.mode
                ),
                Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)),
            );
        } else {
            rows.looked(Evidence::path(&node.path, format!("mode {:04o}", node.metadata.mode)));
        }
    }
}
