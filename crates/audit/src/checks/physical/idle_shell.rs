//! Idle shells are closed.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "physical-idle-shell",
    safeguard: Safeguard::Physical,
    severity: Severity::Low,
    title: "idle shells are closed",
    why: "A shell that was left open is a login for whoever passes by. Fifteen minutes are \
              long enough.",
    remedy: "`readonly TMOUT=900; export TMOUT` in a file of /etc/profile.d.",
    controls: &["CIS 5.4.3.2", "PCI 8.2.8", "ISO 7.7"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/profile", "# TMOUT=900\n")],
        pass: &[File("/etc/profile.d/x.sh", "readonly TMOUT=900; export TMOUT\n")],
        unknown: &[File("/etc/profile", ""), Denied("/etc/profile")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = vec![PathBuf::from("/etc/profile"), PathBuf::from("/etc/bash.bashrc")];
    files.extend(rows.take(facts.files_in("/etc/profile.d", ".sh")).unwrap_or_default());
    let (mut found, mut some) = (None, false);
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        some = true;
        for statement in crate::facts::statements(&lines) {
            if let Some(value) = statement.assigned("TMOUT") {
                found = Some((
                    value.parse::<u32>().unwrap_or(0),
                    Evidence::at(&statement.place, &statement.text),
                ));
            }
        }
    }
    match found {
        Some((seconds, evidence)) if (1..=1_800).contains(&seconds) => rows.looked(evidence),
        Some((seconds, evidence)) => rows
            .fail(format!("idle shells are closed too late or never: TMOUT={seconds}"), evidence),
        None if some => rows.lacks(
            "idle shells are never closed: TMOUT is not set",
            Evidence::path(Path::new("/etc/profile"), "no TMOUT"),
        ),
        None => {}
    }
}
