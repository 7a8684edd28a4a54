//! No host is trusted by its name.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-trusted-hosts",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "no host is trusted by its name",
    why: "`.rhosts`, `.shosts` and `hosts.equiv` let whole machines in without a password. A \
              `+` lets everybody in.",
    remedy: "Remove the file.",
    controls: &["CIS 7.2.10", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/root/.rhosts", "+ +\n")],
        pass: &[Folder("/root")],
        unknown: &[File("/root/.rhosts", "+ +\n"), Denied("/root/.rhosts")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut paths = vec![PathBuf::from("/etc/hosts.equiv"), PathBuf::from("/etc/ssh/shosts.equiv")];
    for (_, home) in rows.take(facts.homes()).unwrap_or_default() {
        paths.extend([home.join(".rhosts"), home.join(".shosts")]);
    }
    for path in paths {
        match rows.take(facts.lines(&path)) {
            Some(Some(lines))
                if lines.iter().any(|line| {
                    !line.text.trim().is_empty() && !line.text.trim().starts_with('#')
                }) =>
            {
                rows.fail(
                    format!("{} lets other hosts in without a password", path.display()),
                    Evidence::path(&path, "holds names of hosts"),
                );
            }
            Some(_) => rows.looked(Evidence::path(&path, "nobody is trusted")),
            None => {}
        }
    }
}
