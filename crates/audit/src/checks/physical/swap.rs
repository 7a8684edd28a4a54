//! Swap is encrypted.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-swap",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "swap is encrypted",
    why: "Passwords and keys of every program lie in swap in clear and stay there after a \
              shutdown. A random key at each start costs nothing.",
    remedy: "`cryptswap /dev/sdXn /dev/urandom swap,cipher=aes-xts-plain64,size=512` in \
              /etc/crypttab.",
    controls: &["PCI 3.5.1.2", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "UUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n")],
        pass: &[File(
            "/etc/fstab",
            "UUID=1 / ext4 defaults 0 1\n/dev/mapper/cryptswap none swap sw 0 0\n",
        )],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(mounts)) = rows.take(facts.fstab().as_ref().map_err(Clone::clone)) else {
        return;
    };
    for mount in mounts.iter().filter(|mount| mount.kind == "swap") {
        if mount.source.starts_with("/dev/mapper/")
            || mount.source.starts_with("/dev/zram")
            || mount.source.starts_with("/dev/dm-")
        {
            rows.looked(Evidence::at(&mount.place, mount.line()));
        } else {
            rows.fail("swap is not encrypted", Evidence::at(&mount.place, mount.line()));
        }
    }
    mounts
        .first()
        .into_iter()
        .for_each(|mount| rows.looked(Evidence::at(&mount.place, "swap was looked for")));
}
