//! Only root and the system's log writer change the folder of logs.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-folder",
    safeguard: Safeguard::Logs,
    severity: Severity::High,
    title: "only root and the system's log writer change the folder of logs",
    why: "Who can write the folder can move a log away and put another in its place. The modes \
              of the files in it do not help then.",
    remedy: "`chown root:adm /var/log` and `chmod 755`.",
    controls: &["CIS 6.2.4.1", "PCI 10.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/var/log"), Mode("/var/log", 0o777)],
        pass: &[Folder("/var/log")],
        unknown: &[Folder("/var/log"), Denied("/var")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let accounts = rows.take(facts.accounts().as_ref().map_err(Clone::clone));
    for path in
        ["/var/log", "/var/log/audit", "/var/log/nginx", "/var/log/apache2", "/var/log/journal"]
    {
        let Some(Some(metadata)) = rows.take(facts.metadata(path)) else { continue };
        let owner = accounts
            .map_or_else(|| metadata.uid.to_string(), |accounts| accounts.owner(metadata.uid));
        let text = format!("mode {:04o}, owner {owner}", metadata.mode);
        if metadata.mode & 0o002 != 0 || !["root", "syslog", "www-data"].contains(&owner.as_str()) {
            rows.fail(
                format!(
                    "others can change the folder of logs {path} (mode {:04o}, owner {owner})",
                    metadata.mode
                ),
                Evidence::path(Path::new(path), text),
            );
        } else {
            rows.looked(Evidence::path(Path::new(path), text));
        }
    }
}
