//! Sshd says who may log in.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-who-may",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Low,
    title: "sshd says who may log in",
    why: "Every account with a shell can otherwise be tried from outside, also one that was \
              made for a test. A list of names or a group ends that.",
    remedy: "Set `AllowGroups ssh-users` or `AllowUsers …`.",
    controls: &["CIS 5.1.4", "PCI 7.2.5", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "Port 22\n")],
        pass: &[File("/etc/ssh/sshd_config", "AllowUsers olga\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    let lists = ["allowusers", "allowgroups", "denyusers", "denygroups"];
    match lists.iter().find_map(|key| config.all(key).next()) {
        Some(option) => rows.looked(Evidence::at(&option.place, option.line())),
        None => rows.lacks(
            "sshd: every account may log in: neither AllowUsers nor AllowGroups is set",
            Evidence::path(
                Path::new("/etc/ssh/sshd_config"),
                "no AllowUsers, AllowGroups, DenyUsers or DenyGroups",
            ),
        ),
    }
}
