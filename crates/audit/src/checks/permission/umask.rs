//! New files are closed to others.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-umask",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "new files are closed to others",
    why: "With the umask 000 every new file can be changed by everybody, also root's. 027 \
              keeps others out, 022 lets them read.",
    remedy: "`UMASK 027` in /etc/login.defs and `umask 027` in a file of /etc/profile.d.",
    controls: &["CIS 5.4.3.3", "PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/profile", "umask 000\n")],
        pass: &[File("/etc/profile", "# umask 000\numask 027\n")],
        unknown: &[Denied("/etc/login.defs")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let bad =
        |value: &str| u32::from_str_radix(value.trim(), 8).is_ok_and(|mask| mask & 0o022 != 0o022);
    let defs = rows.take(facts.settings("/etc/login.defs", ini::SPACED)).unwrap_or_default();
    if let Some(setting) = ini::last(&defs, None, "UMASK") {
        if bad(&setting.value) {
            rows.fail(
                format!("login.defs: the umask {} leaves new files too open", setting.value),
                Evidence::at(&setting.place, format!("UMASK {}", setting.value)),
            );
        } else {
            rows.looked(Evidence::at(&setting.place, format!("UMASK {}", setting.value)));
        }
    }
    let mut files: Vec<PathBuf> =
        ["/etc/profile", "/etc/bash.bashrc", "/root/.bashrc", "/root/.profile"]
            .iter()
            .map(PathBuf::from)
            .collect();
    files.extend(rows.take(facts.files_in("/etc/profile.d", ".sh")).unwrap_or_default());
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        for statement in crate::facts::statements(&lines) {
            let Some(value) = statement.command("umask").filter(|value| !value.is_empty()) else {
                continue;
            };
            if bad(value) {
                rows.fail(
                    format!("{}: the umask {value} leaves new files too open", path.display()),
                    Evidence::at(&statement.place, &statement.text),
                );
            } else {
                rows.looked(Evidence::at(&statement.place, &statement.text));
            }
        }
    }
}
