//! No key opens root directly.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-root-keys",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "no key opens root directly",
    why: "A key in root's file is root without a name: nobody can say who used it. It is also \
              where intruders leave theirs.",
    remedy: "Log in by your own account and use sudo; empty /root/.ssh/authorized_keys.",
    controls: &["PCI 8.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA x\n")],
        pass: &[File("/root/.ssh/authorized_keys", "# none\n")],
        unknown: &[File("/root/.ssh/authorized_keys", ""), Denied("/root/.ssh/authorized_keys")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for name in ["/root/.ssh/authorized_keys", "/root/.ssh/authorized_keys2"] {
        let Some(lines) = rows.take(facts.lines(name)) else { continue };
        let key = lines
            .iter()
            .flat_map(|lines| lines.iter())
            .find(|line| !line.text.trim().is_empty() && !line.text.trim().starts_with('#'));
        match key {
            Some(line) => rows.fail(
                format!("a key opens root directly: {name}"),
                Evidence::at(
                    &line.place,
                    line.text.split_whitespace().next_back().unwrap_or_default(),
                ),
            ),
            None => rows.looked(Evidence::path(Path::new(name), "no key")),
        }
    }
}
