//! No token stands in a repository's address.

use super::{evidence, index, secrets};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-git-address",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "no token stands in a repository's address",
    why: "git keeps the address with its token in plain text, and every copy of the folder \
              carries it along. It opens the whole repository, often with writing.",
    remedy: "`git remote set-url origin` without it, use a credential helper or a deploy key, and \
              revoke the token.",
    controls: &["PCI 8.6.2", "ISO 8.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/srv/shop/.git/config",
            "[remote \"origin\"]\n url = https://d:ghp_EXAMPLE0123456789abcdefghij@git.example/s.git\n",
        )],
        pass: &[File(
            "/srv/shop/.git/config",
            "[remote \"origin\"]\n url = https://git.example/s.git\n",
        )],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/"), "repositories were looked for"));
    let named = index.nodes.iter().filter(|node| {
        node.is_file()
            && (node.path.ends_with(".git/config")
                || [".gitconfig", ".gitmodules"].contains(&node.name())
                || node.path == Path::new("/etc/gitconfig")
                || node.path.ends_with("FETCH_HEAD"))
    });
    for node in named {
        let found = secrets(facts, rows, &node.path);
        if found.is_empty() {
            rows.looked(Evidence::path(&node.path, "no secret in it"));
        } else {
            rows.fail(
                format!("a token or password stands in the URL in {}", node.path.display()),
                evidence(&found, node),
            );
        }
    }
}
