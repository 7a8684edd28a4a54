//! Keys that open accounts are strong.

use super::sudo::authorized_keys;
use crate::checks::prelude::*;
use crate::facts::KeyKind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-keys-weak",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "keys that open accounts are strong",
    why: "A DSA key or a short RSA key can be computed by others. Ed25519 is short, fast and \
              strong.",
    remedy: "Ask its owner for an Ed25519 key and remove the old line.",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/home/olga/.ssh/authorized_keys",
            "ssh-dss AAAAB3NzaC1kc3MAAACBAIABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAAAAAQE= x\n",
        )],
        pass: &[File(
            "/home/olga/.ssh/authorized_keys",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHn4gk0Jx0Zr3t7oT2vS0xg0wTtq9mC0f3g0lX7mXo2u x\n",
        )],
        unknown: &[
            File("/home/olga/.ssh/authorized_keys", ""),
            Denied("/home/olga/.ssh/authorized_keys"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (line, user) in authorized_keys(facts, rows) {
        let Some(key) = crate::facts::ssh_public(&line.text) else { continue };
        if matches!(key.kind, KeyKind::Dsa) || matches!(key.kind, KeyKind::Rsa) && key.bits < 2048 {
            rows.fail(
                format!("a weak key ({:?}, {} bits) opens the account {user}", key.kind, key.bits),
                Evidence::at(
                    &line.place,
                    line.text.split_whitespace().next_back().unwrap_or_default(),
                ),
            );
        } else {
            rows.looked(Evidence::at(&line.place, format!("{:?} key of {user}", key.kind)));
        }
    }
}
