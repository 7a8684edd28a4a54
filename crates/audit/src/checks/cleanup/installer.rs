//! No installer lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-installer",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no installer lies in a web root",
    why: "An installer that runs again makes a new administrator or a new database. It was \
              needed for an hour.",
    remedy: "Remove it from the web root.",
    controls: &["PCI 2.2.5", "ISO 8.9", "ASVS 13.4.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/install.php", "")],
        pass: &[File("/var/www/html/installation-guide.html", "")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "an installer can be run by visitors", |node, name| {
        let files = [
            "install.php",
            "setup.php",
            "installer.php",
            "upgrade.php",
            "update.php",
            "setup.cgi",
            "install.cgi",
            "wizard.php",
            "setup-config.php",
            "installation.php",
            "migrate.php",
            "install.sh",
            "setup.sh",
            "reset.php",
        ];
        let folders = [
            "install",
            "installer",
            "installation",
            "setup",
            "_install",
            "_installation",
            "install_old",
        ];
        (node.is_file() && files.contains(&name) || node.is_folder() && folders.contains(&name))
            .then_some(Severity::High)
    });
}
