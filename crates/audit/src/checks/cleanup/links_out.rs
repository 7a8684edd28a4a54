//! No link leads out of a web root.

use super::served;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-links-out",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no link leads out of a web root",
    why: "A link to `/` or to a home hands out what lies there under the site's name. The \
              server follows it unless it was told not to.",
    remedy: "Remove the link; set `disable_symlinks if_not_owner` (nginx) or `-FollowSymLinks` \
              (Apache).",
    controls: &["ISO 8.3", "ASVS 5.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/var/www/html"), Link("/var/www/html/all", "/etc")],
        pass: &[Folder("/var/www/html"), Link("/var/www/html/current", "releases/5")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (node, root) in served(facts, rows)
        .into_iter()
        .filter(|(node, _)| node.metadata.kind == burgrave_sys::Kind::Link)
    {
        let Ok(target) = facts.system.link(&node.path) else { continue };
        let whole = node.path.parent().unwrap_or(Path::new("/")).join(&target);
        let sensitive = whole == Path::new("/")
            || [
                "/etc",
                "/root",
                "/home",
                "/var/log",
                "/var/backups",
                "/proc",
                "/var/lib",
                "/tmp",
                "/boot",
            ]
            .iter()
            .any(|top| whole.starts_with(top));
        if sensitive {
            rows.fail(
                format!(
                    "the link {} leads out of the web root to {}",
                    node.path.display(),
                    target.display()
                ),
                Evidence::path(
                    &node.path,
                    format!("-> {}, in {}", target.display(), root.path.display()),
                ),
            );
        }
    }
}
