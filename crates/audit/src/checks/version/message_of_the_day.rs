//! The message of the day tells no versions.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-message-of-the-day",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "the message of the day tells no versions",
    why: "It is read by whoever gets in with a stolen key, and it names the kernel and the \
              release at once. A warning fits there better.",
    remedy: "Empty /etc/motd and `chmod -x /etc/update-motd.d/10-uname`.",
    controls: &["CIS 1.6.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/motd", "Debian GNU/Linux 12 kernel 6.1\n")],
        pass: &[File("/etc/motd", "Welcome.\n")],
        unknown: &[File("/etc/motd", ""), Denied("/etc/motd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in ["/etc/motd"] {
        let Some(Some(lines)) = rows.take(facts.lines(path)) else { continue };
        let told = lines.iter().find(|line| {
            let lower = line.text.to_ascii_lowercase();
            ["\\r", "\\v", "kernel", "debian gnu/linux 1", "ubuntu 2"]
                .iter()
                .any(|word| lower.contains(word))
        });
        match told {
            Some(line) => rows.fail(
                format!("{path} tells the operating system or its version"),
                Evidence::at(&line.place, &line.text),
            ),
            None => rows.looked(Evidence::path(Path::new(path), "tells nothing")),
        }
    }
}
