//! No repository lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-version-control",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no repository lies in a web root",
    why: "From `.git` anybody fetches the whole source with its history, and the passwords \
              that were once in it. Tools do it in one command.",
    remedy: "Deploy an export without the repository, and block names that begin with a dot (but \
              `/.well-known/`).",
    controls: &["PCI 6.2.4", "ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/.git/HEAD", "ref: x\n")],
        pass: &[File("/var/www/html/.well-known/acme", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a repository lies in a web root", |_, name| {
        [
            ".git",
            ".svn",
            ".hg",
            ".bzr",
            "cvs",
            ".gitignore",
            ".gitattributes",
            ".gitmodules",
            "_darcs",
        ]
        .contains(&name)
        .then(|| {
            if name.starts_with(".giti") || name.starts_with(".gita") || name.starts_with(".gitm") {
                Severity::Low
            } else {
                Severity::High
            }
        })
    });
}
