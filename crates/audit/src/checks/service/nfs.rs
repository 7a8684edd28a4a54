//! Exports are for known hosts, and root there is nobody here.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-nfs",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "exports are for known hosts, and root there is nobody here",
    why: "An export to everybody is a shared folder on the network, and with `no_root_squash` \
              a set-uid program can be put there. The export names no user.",
    remedy: "Name the hosts in /etc/exports, `root_squash`, `ro` where it is enough.",
    controls: &["CIS 2.1.8", "PCI 7.2.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/exports", "/srv/share *(rw,no_root_squash)\n")],
        pass: &[File("/etc/exports", "# /srv *(rw)\n/srv/share 10.0.0.5(ro,root_squash)\n")],
        unknown: &[File("/etc/exports", ""), Denied("/etc/exports")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = vec![PathBuf::from("/etc/exports")];
    files.extend(rows.take(facts.files_in("/etc/exports.d", ".exports")).unwrap_or_default());
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        for line in crate::facts::joined(lines.to_vec()) {
            let text = crate::facts::uncommented(&line.text, "#").trim();
            let mut words = text.split_whitespace();
            let Some(folder) = words.next() else { continue };
            for client in words {
                let (host, options) = client.split_once('(').unwrap_or((client, ""));
                let everybody = host.is_empty() || host == "*" || host == "0.0.0.0/0";
                let root = options.contains("no_root_squash");
                let writes = options.split([',', ')']).any(|option| option == "rw");
                if everybody || root {
                    let severity = if root || writes { Severity::High } else { Severity::Medium };
                    rows.fail_as(
                        severity,
                        format!(
                            "the NFS export {folder} is {}{}",
                            if everybody { "for every host (*)" } else { host },
                            if root { " with no_root_squash" } else { "" }
                        ),
                        Evidence::at(&line.place, text),
                    );
                } else if options.contains("insecure") {
                    rows.fail_as(
                        Severity::Medium,
                        format!("the NFS export {folder} takes any program of {host} (insecure)"),
                        Evidence::at(&line.place, text),
                    );
                } else {
                    rows.looked(Evidence::at(&line.place, text));
                }
            }
        }
        rows.looked(Evidence::path(&path, "its exports were looked at"));
    }
}
