//! The key of the disk does not lie beside it in the open.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-disk-key",
    safeguard: Safeguard::Physical,
    severity: Severity::High,
    title: "the key of the disk does not lie beside it in the open",
    why: "A key file that others can read, or that lies on the plain boot disk, opens the \
              encryption for whoever takes the machine. It then protects nothing.",
    remedy: "`chmod 600` the key file and keep it on the encrypted disk, or ask for a passphrase \
              or a TPM.",
    controls: &["PCI 3.6.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/crypttab", "x UUID=1 /etc/keys/x luks\n"), File("/etc/keys/x", "")],
        pass: &[
            File("/etc/crypttab", "x UUID=1 /etc/keys/x luks\n"),
            File("/etc/keys/x", ""),
            Mode("/etc/keys/x", 0o600),
        ],
        unknown: &[File("/etc/crypttab", ""), Denied("/etc/crypttab")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(lines)) = rows.take(facts.lines("/etc/crypttab")) else { return };
    rows.looked(Evidence::path(Path::new("/etc/crypttab"), "keys were looked at"));
    for line in lines.iter().filter(|line| !line.text.trim_start().starts_with('#')) {
        let Some(key) = line
            .text
            .split_whitespace()
            .nth(2)
            .filter(|key| key.starts_with('/') && !key.starts_with("/dev/"))
        else {
            continue;
        };
        let Some(metadata) = rows.take(facts.metadata(key)) else { continue };
        let open = metadata.is_some_and(|metadata| metadata.mode & 0o077 != 0 || metadata.uid != 0);
        if open || key.starts_with("/boot") {
            rows.fail(format!("the key of the encrypted disk {key} can be read by others or lies on the plain disk"), Evidence::at(&line.place, line.text.trim()));
        }
    }
}
