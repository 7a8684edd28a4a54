//! Start-up files of a home are its owner's.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-home-files",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "start-up files of a home are its owner's",
    why: "A shell runs `.bashrc` and `.profile` at every login; who can write them runs \
              programs as that user. The same goes for what `ssh` and `git` read.",
    remedy: "`chmod go-w` and `chown` them to the user.",
    controls: &["CIS 7.2.10", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/home/olga/.bashrc", ""), Mode("/home/olga/.bashrc", 0o666)],
        pass: &[File("/home/olga/.bashrc", ""), Owner("/home/olga/.bashrc", 1000, 1000)],
        unknown: &[File("/home/olga/.bashrc", ""), Denied("/home/olga")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(homes) = rows.take(facts.homes()) else { return };
    let names = [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".bash_logout",
        ".ssh/config",
        ".ssh/rc",
        ".gitconfig",
        ".vimrc",
        ".config",
        ".local",
        ".pam_environment",
        ".netrc",
        ".forward",
    ];
    for (user, home) in homes {
        for name in names {
            let path = home.join(name);
            let Some(Some(metadata)) = rows.take(facts.metadata(&path)) else { continue };
            let text = format!("mode {:04o}, uid {}", metadata.mode, metadata.uid);
            if metadata.kind != burgrave_sys::Kind::Link
                && (metadata.mode & 0o022 != 0 || metadata.uid != user.uid && metadata.uid != 0)
            {
                rows.fail(
                    format!(
                        "others can write {}, which {}'s shell or programs read",
                        path.display(),
                        user.name
                    ),
                    Evidence::path(&path, text),
                );
            } else {
                rows.looked(Evidence::path(&path, text));
            }
        }
    }
}
