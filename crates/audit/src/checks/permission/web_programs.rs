//! Programs of the application are not the web server's to change.

use super::{ground, is_web_group, is_web_user, mode};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-web-programs",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "programs of the application are not the web server's to change",
    why: "A program that the web server's user owns is changed by the first hole in it, and \
              stays changed. Files that only it has to write lie elsewhere.",
    remedy: "`chown root` the programs, and keep uploads where nothing runs.",
    controls: &["PCI 6.4.3", "ASVS 5.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/a.php", ""), Mode("/var/www/html/a.php", 0o666)],
        pass: &[File("/var/www/html/a.php", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let Some(roots) = rows.take(facts.web_roots().as_ref().map_err(Clone::clone)) else { return };
    for root in roots {
        rows.looked(Evidence::path(&root.path, "programs in it were looked at"));
        for node in index.below(&root.path).filter(|node| node.is_file()) {
            let program = [".php", ".phtml", ".py", ".cgi", ".pl", ".jsp", ".rb", ".sh", ".js"]
                .iter()
                .any(|end| node.name().ends_with(end));
            let web = is_web_user(accounts, node.metadata.uid) && node.metadata.mode & 0o200 != 0;
            let group =
                is_web_group(accounts, node.metadata.gid) && node.metadata.mode & 0o020 != 0;
            if program && (web || group || node.is_world_writable()) {
                rows.fail(
                    format!(
                        "the web server's user or everybody can change the program {}",
                        node.path.display()
                    ),
                    Evidence::path(&node.path, mode(node, accounts)),
                );
            }
        }
    }
}
