//! The boot loader asks for a password before it is changed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-boot-password",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "the boot loader asks for a password before it is changed",
    why: "Whoever may edit the kernel's line starts with `init=/bin/sh` and is root without a \
              password. It takes a keyboard and a minute.",
    remedy: "`set superusers` and `password_pbkdf2` in /etc/grub.d, then `update-grub`.",
    controls: &["CIS 1.4.1", "ISO 7.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/boot/grub/grub.cfg", "# set superusers=\"x\"\nmenuentry x {\n}\n")],
        pass: &[File(
            "/boot/grub/grub.cfg",
            "set superusers=\"boot\"\npassword_pbkdf2 boot grub.pbkdf2.x\n",
        )],
        unknown: &[File("/boot/grub/grub.cfg", ""), Denied("/boot/grub/grub.cfg")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut lines = Vec::new();
    let mut files =
        vec![PathBuf::from("/boot/grub/grub.cfg"), PathBuf::from("/boot/grub2/grub.cfg")];
    files.extend(rows.take(facts.files_in("/etc/grub.d", "")).unwrap_or_default());
    for path in files {
        lines.extend(
            rows.take(facts.lines(&path)).flatten().map_or_else(Vec::new, |lines| lines.to_vec()),
        );
    }
    let Some(first) = lines.first() else { return };
    let set = |word: &str| {
        lines
            .iter()
            .find(|line| !line.text.trim_start().starts_with('#') && line.text.contains(word))
    };
    match (set("superusers="), set("password_pbkdf2")) {
        (Some(_), Some(line)) => rows.looked(Evidence::at(&line.place, "password_pbkdf2 …")),
        _ => {
            match set("password ").filter(|line| line.text.trim_start().starts_with("password ")) {
                Some(line) => rows.fail_as(
                    Severity::Medium,
                    "the boot loader's password stands in clear",
                    Evidence::at(&line.place, "password …"),
                ),
                None => rows.lacks(
                    "the boot loader (GRUB) asks for no password",
                    Evidence::path(&first.place.path, "neither superusers nor password_pbkdf2"),
                ),
            }
        }
    }
}
