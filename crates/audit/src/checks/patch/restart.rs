//! No restart is owed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-restart",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "no restart is owed",
    why: "An update of the kernel or of libc helps only after a restart: until then the old \
              one runs, with its holes. The file says since when.",
    remedy: "Restart in the next window.",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/run/reboot-required", "")],
        pass: &[Folder("/run")],
        unknown: &[File("/run/reboot-required", ""), Denied("/run"), Link("/var/run", "/run")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in ["/run/reboot-required", "/var/run/reboot-required"] {
        match rows.take(facts.followed(path)) {
            Some(Some((real, metadata))) => {
                let names = rows
                    .take(facts.lines("/run/reboot-required.pkgs"))
                    .flatten()
                    .map_or_else(String::new, |lines| {
                        lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>().join(", ")
                    });
                rows.fail(
                    format!(
                        "a reboot is required and pending since {} days",
                        facts.days_since(metadata.modified)
                    ),
                    Evidence::path(&real, names),
                );
                return;
            }
            Some(None) => rows.looked(Evidence::path(Path::new(path), "is not there")),
            None => {}
        }
    }
}
