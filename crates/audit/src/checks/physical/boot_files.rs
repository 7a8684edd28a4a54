//! Only root reads and changes the boot loader's files.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-boot-files",
    safeguard: Safeguard::Physical,
    severity: Severity::Medium,
    title: "only root reads and changes the boot loader's files",
    why: "They hold the hash of its password and say what is started. Who can write them \
              starts what he likes.",
    remedy: "`chown root:root` and `chmod 600` /boot/grub/grub.cfg.",
    controls: &["CIS 1.4.2", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/boot/grub/grub.cfg", ""), Mode("/boot/grub/grub.cfg", 0o644)],
        pass: &[File("/boot/grub/grub.cfg", ""), Mode("/boot/grub/grub.cfg", 0o600)],
        unknown: &[File("/boot/grub/grub.cfg", ""), Denied("/boot")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/boot/grub/grub.cfg",
        "/boot/grub2/grub.cfg",
        "/boot/grub/user.cfg",
        "/etc/grub.d/01_password",
        "/etc/grub.d/40_custom",
        "/etc/default/grub",
    ] {
        let Some(Some(metadata)) = rows.take(facts.metadata(path)) else { continue };
        let text = format!("mode {:04o}, uid {}", metadata.mode, metadata.uid);
        let secret = rows
            .take(facts.lines(path))
            .flatten()
            .is_some_and(|lines| lines.iter().any(|line| line.text.contains("password_pbkdf2 ")));
        if metadata.mode & 0o022 != 0 || metadata.uid != 0 {
            rows.fail_as(
                Severity::High,
                format!("others than root can change {path}"),
                Evidence::path(Path::new(path), text),
            );
        } else if metadata.mode & 0o044 != 0 && (secret || path == "/boot/grub/grub.cfg") {
            rows.fail(
                format!("{path} can be read by everybody (mode {:04o})", metadata.mode),
                Evidence::path(Path::new(path), text),
            );
        } else {
            rows.looked(Evidence::path(Path::new(path), text));
        }
    }
}
