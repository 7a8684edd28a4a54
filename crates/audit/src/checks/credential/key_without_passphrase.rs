//! Users' private keys have a passphrase.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-key-without-passphrase",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Low,
    title: "users' private keys have a passphrase",
    why: "A key without one is a password in a file: who gets a copy of the disk or of the \
              home has it. An agent spares typing it.",
    remedy: "`ssh-keygen -p -f KEY`; for jobs a key that may do one thing only (`command=` and \
              `restrict`).",
    controls: &["PCI 8.3.2", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/home/olga/.ssh/id_rsa",
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n",
        )],
        pass: &[File(
            "/home/olga/.ssh/id_rsa",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
        )],
        unknown: &[File("/home/olga/.ssh/id_rsa", ""), Denied("/home/olga/.ssh/id_rsa")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(homes) = rows.take(facts.homes()) else { return };
    for (user, home) in homes {
        for entry in rows.take(facts.list(home.join(".ssh"))).unwrap_or_default() {
            let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(".pub")
                || !(name.starts_with("id_")
                    || name.ends_with("_rsa")
                    || name.ends_with("_ed25519")
                    || name.ends_with(".pem")
                    || name.ends_with(".key"))
            {
                continue;
            }
            let Some(Some(bytes)) = rows.take(facts.bytes(&entry.path, 64 * 1024)) else {
                continue;
            };
            if is_open_key(&bytes) {
                rows.fail(
                    format!(
                        "the private key {} of {} has no passphrase",
                        entry.path.display(),
                        user.name
                    ),
                    Evidence::path(&entry.path, "not encrypted"),
                );
            } else {
                rows.looked(Evidence::path(&entry.path, "encrypted, or no private key"));
            }
        }
        rows.looked(Evidence::path(home, "private keys were looked for"));
    }
}

/// OpenSSH's own form names its cipher in clear; the older form says `ENCRYPTED`.
fn is_open_key(bytes: &[u8]) -> bool {
    if let Some(body) = crate::facts::pem(bytes, "OPENSSH PRIVATE KEY") {
        return body.get(15..).is_some_and(|rest| {
            rest.starts_with(&[0, 0, 0, 4]) && rest.get(4..8) == Some(b"none")
        });
    }
    let text = crate::facts::text_of(bytes);
    text.contains("PRIVATE KEY-----") && !text.contains("ENCRYPTED") && !text.contains("OPENSSH")
}
