//! Sshd's helper programs are root's.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-authorized-keys-command",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "sshd's helper programs are root's",
    why: "The program behind `AuthorizedKeysCommand` says which keys open which account. One \
              that another can change, or that lies in a scratch directory, opens all of them.",
    remedy: "Put the program where only root can write, or remove the line.",
    controls: &["ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "AuthorizedKeysCommand /tmp/keys\n")],
        pass: &[File("/etc/ssh/sshd_config", "Port 22\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    for key in ["authorizedkeyscommand", "authorizedprincipalscommand", "forcecommand"] {
        for option in config.options.iter().filter(|option| option.key == key) {
            let program = option.values.first().map(PathBuf::from).unwrap_or_default();
            let writable = rows
                .take(facts.followed(&program))
                .flatten()
                .is_some_and(|(_, m)| m.uid != 0 || m.mode & 0o022 != 0);
            if crate::facts::is_scratch(&program)
                || (writable && key != "forcecommand")
                || crate::facts::suspicion(&option.value()).is_some()
            {
                rows.fail(
                    format!("sshd runs {} for {key}, which others can change", program.display()),
                    Evidence::at(&option.place, option.line()),
                );
            } else {
                rows.looked(Evidence::at(&option.place, option.line()));
            }
        }
    }
    rows.looked(Evidence::path(
        Path::new("/etc/ssh/sshd_config"),
        "its helper programs were looked at",
    ));
}
