//! Keys are looked for in the users' own files only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-authorized-keys-place",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "keys are looked for in the users' own files only",
    why: "A key file that is shared or lies elsewhere opens every account with one key. `%h` \
              and `%u` in its name keep accounts apart.",
    remedy: "Set `AuthorizedKeysFile .ssh/authorized_keys`.",
    controls: &["ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "AuthorizedKeysFile /etc/ssh/keys\n")],
        pass: &[File("/etc/ssh/sshd_config", "AuthorizedKeysFile .ssh/authorized_keys\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    for option in config.options.iter().filter(|option| option.key == "authorizedkeysfile") {
        let bad = option.values.iter().find(|value| {
            value.starts_with('/')
                && !value.contains("%u")
                && !value.contains("%h")
                && !value.contains("%U")
        });
        match bad {
            Some(path) => rows.fail(
                format!("sshd takes keys for every account from {path}"),
                Evidence::at(&option.place, option.line()),
            ),
            None => rows.looked(Evidence::at(&option.place, option.line())),
        }
    }
    rows.looked(Evidence::path(
        Path::new("/etc/ssh/sshd_config"),
        "each account has its own key file",
    ));
}
