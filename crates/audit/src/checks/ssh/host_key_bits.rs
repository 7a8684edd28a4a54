//! Host keys are long enough.

use super::host_keys;
use crate::checks::prelude::*;
use crate::facts::KeyKind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-host-key-bits",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "host keys are long enough",
    why: "A short RSA key can be computed from its public half, and then anybody can pose as \
              the host. 3072 bits or Ed25519 hold.",
    remedy: "Remove the short key and make a new one: `ssh-keygen -A` after deleting it.",
    controls: &["PCI 3.7.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/ssh/ssh_host_dsa_key", "x"),
            File(
                "/etc/ssh/ssh_host_dsa_key.pub",
                "ssh-dss AAAAB3NzaC1kc3MAAACBAIABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAAAQE=",
            ),
        ],
        pass: &[
            File("/etc/ssh/ssh_host_ed25519_key", "x"),
            File(
                "/etc/ssh/ssh_host_ed25519_key.pub",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHn4gk0Jx0Zr3t7oT2vS0xg0wTtq9mC0f3g0lX7mXo2u x",
            ),
        ],
        unknown: &[File("/etc/ssh/ssh_host_ed25519_key", "x"), Denied("/etc/ssh")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in host_keys(facts, rows) {
        let public = PathBuf::from(format!("{}.pub", path.display()));
        let Some(Some(lines)) = rows.take(facts.lines(&public)) else { continue };
        for line in lines.iter() {
            let Some(key) = crate::facts::ssh_public(&line.text) else { continue };
            let short = match key.kind {
                KeyKind::Rsa => key.bits < 2048,
                KeyKind::Dsa => true,
                KeyKind::Curve | KeyKind::Other => false,
            };
            let text = format!("{:?} host key of {} bits", key.kind, key.bits);
            if short {
                rows.fail(
                    format!("the host key {} is too short: {} bits", path.display(), key.bits),
                    Evidence::path(&public, text),
                );
            } else {
                rows.looked(Evidence::path(&public, text));
            }
        }
    }
}
