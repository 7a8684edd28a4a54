//! No second environment lies in a web root.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-second-in-root",
    safeguard: Safeguard::Environments,
    severity: Severity::Medium,
    title: "no second environment lies in a web root",
    why: "A copy in `/new/`, `/test/` or `/old/` uses the live database with half-finished or \
              forgotten programs. Visitors find it by guessing.",
    remedy: "Give it a host name, an account and a database of its own, or remove it.",
    controls: &["PCI 6.5.3", "ISO 8.31", "ASVS 13.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/new/index.php", "<?php")],
        pass: &[File("/var/www/html/news/index.php", "<?php"), Folder("/var/www/html/old")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(roots) = rows.take(facts.web_roots().as_ref().map_err(Clone::clone)) else { return };
    let mut last: Option<&Path> = None;
    for (node, root) in crate::checks::cleanup::served(facts, rows) {
        if last.is_some_and(|last| node.path.starts_with(last)) || !node.is_folder() {
            continue;
        }
        let lower = node.name().to_ascii_lowercase();
        let top = roots.iter().any(|root| node.path.parent() == Some(root.path.as_path()));
        let whole = BEGINNINGS.iter().any(|file| facts.exists(node.path.join(file)));
        if top && whole && NAMES.contains(&lower.as_str()) {
            rows.fail(
                format!("a second environment lies in the web root: {}", node.path.display()),
                Evidence::path(
                    &node.path,
                    format!("an application of its own in {}", root.path.display()),
                ),
            );
            last = Some(&node.path);
        }
    }
}

/// Names of folders that hold another environment.
const NAMES: &[&str] = &[
    "new",
    "old",
    "dev",
    "devel",
    "test",
    "tests",
    "staging",
    "stage",
    "beta",
    "alpha",
    "preview",
    "preprod",
    "v2",
    "backup-site",
    "copy",
    "sandbox",
    "uat",
    "qa",
    "development",
    "relaunch",
    "neu",
    "alt",
    "demo",
    "next",
    "legacy",
    "archive-site",
    "www2",
    "wip",
    "tmp-site",
    "site-old",
    "old-site",
    "new-site",
    "_old",
    "_new",
    "old_site",
    "new_site",
    "shop-old",
    "shop-new",
    "shop_old",
    "shop_new",
    "dev2",
    "test2",
    "www-old",
    "www_old",
    "html-old",
    "html_old",
    "public-old",
    "public_old",
];

/// Files that an application of its own begins with.
const BEGINNINGS: &[&str] = &[
    "index.php",
    "index.html",
    "index.htm",
    "index.py",
    "wp-config.php",
    "composer.json",
    "app.py",
    "index.js",
    "index.cgi",
    "web.config",
    "public",
    "package.json",
    ".env",
    "index.jsp",
    "WEB-INF",
];
