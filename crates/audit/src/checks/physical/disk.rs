//! The disk is encrypted.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-disk",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "the disk is encrypted",
    why: "A disk that is stolen, sold or sent back under warranty is read by whoever has it. \
              LUKS makes it a brick.",
    remedy: "Install anew with LUKS, or encrypt the volume of the data and enter it in \
              /etc/crypttab.",
    controls: &["PCI 3.5.1.2", "ISO 7.14", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/fstab", "UUID=1 / ext4 defaults 0 1\n")],
        pass: &[
            File("/etc/fstab", "/dev/mapper/vg-root / ext4 defaults 0 1\n"),
            File("/etc/crypttab", "sda3_crypt UUID=1 none luks\n"),
        ],
        unknown: &[Denied("/etc/fstab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(mounts)) = rows.take(facts.fstab().as_ref().map_err(Clone::clone)) else {
        return;
    };
    let Some(crypttab) = rows.take(facts.lines("/etc/crypttab")) else { return };
    let crypt = crypttab.iter().flat_map(|lines| lines.iter()).find(|line| {
        let text = line.text.trim();
        !text.is_empty() && !text.starts_with('#') && !text.contains("swap")
    });
    let mapped = mounts
        .iter()
        .find(|mount| mount.target == Path::new("/") && mount.source.starts_with("/dev/mapper/"));
    let root = mounts.iter().find(|mount| mount.target == Path::new("/"));
    match (crypt, mapped, root) {
        (Some(line), _, _) => rows.looked(Evidence::at(&line.place, line.text.trim())),
        (None, _, Some(root)) => rows.lacks("the disk is not encrypted: the root file system lies on it in clear, no crypttab (LUKS)", Evidence::at(&root.place, root.line())),
        (None, _, None) => {}
    }
}
