//! No file in a web root tells the application's version.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-changelog",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "no file in a web root tells the application's version",
    why: "`CHANGELOG.txt` and `readme.html` name the version, and with it the known holes. \
              Bots read them first.",
    remedy: "Remove it, or give it to root.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/CHANGELOG.txt", "# Shop 2.4.1\n")],
        pass: &[
            File("/var/www/html/news.html", ""),
            File("/var/www/html/readme-first/index.html", ""),
        ],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (node, root) in crate::checks::cleanup::served(facts, rows) {
        let name = node.name().to_ascii_lowercase();
        let stem = [
            "",
            ".txt",
            ".md",
            ".html",
            ".htm",
            ".rst",
            ".mysql.txt",
            ".pgsql.txt",
            ".php",
            ".json",
        ]
        .iter()
        .find_map(|end| {
            name.strip_suffix(end).filter(|stem| {
                [
                    "changelog",
                    "changes",
                    "readme",
                    "release_notes",
                    "release-notes",
                    "releasenotes",
                    "install",
                    "upgrade",
                    "upgrading",
                    "version",
                    "license",
                    "news",
                    "history",
                    "todo",
                    "copyright",
                    "maintainers",
                    "contributing",
                    "build",
                ]
                .contains(stem)
            })
        });
        if let Some(stem) = stem.filter(|_| node.is_file() && !name.ends_with(".php")) {
            let page =
                name.ends_with(".html") && !["readme", "changelog", "license"].contains(&stem);
            if !page {
                rows.fail(
                    format!(
                        "a file in a web root tells the version or the product: {}",
                        node.path.display()
                    ),
                    Evidence::path(&node.path, format!("in the web root {}", root.path.display())),
                );
            }
        }
    }
}
