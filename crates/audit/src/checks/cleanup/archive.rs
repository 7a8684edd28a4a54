//! No archive of the site lies in a web root.

use super::{ARCHIVES, leftovers, stem};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-archive",
    safeguard: Safeguard::Cleanup,
    severity: Severity::High,
    title: "no archive of the site lies in a web root",
    why: "An archive holds the source, the configuration and often the data. Bots ask for \
              `backup.zip` and the site's name on every host.",
    remedy: "Move it out of the web root.",
    controls: &["PCI 6.2.4", "ISO 8.4", "ASVS 13.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/backup.zip", "PK")],
        pass: &[File("/var/www/html/downloads/catalogue-2026.zip", "PK")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "an archive can be fetched from a web root", |node, name| {
        let stem = stem(name, &ARCHIVES).filter(|_| node.is_file())?;
        let stem =
            super::stem(stem, &[".tar", ".sql", ".html", ".css", ".js", ".svg"]).unwrap_or(stem);
        let parts: Vec<&str> = stem
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|part| !part.is_empty())
            .collect();
        let speaks = parts.iter().any(|part| WORDS.contains(part)) || parts.is_empty();
        let folder = node
            .path
            .parent()
            .and_then(|folder| folder.file_name())
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let meant = MEANT.contains(&folder.as_str());
        let compressed = name.ends_with(".css.gz")
            || name.ends_with(".js.gz")
            || name.ends_with(".html.gz")
            || name.ends_with(".svg.gz")
            || name.ends_with(".xml.gz")
            || name.ends_with(".json.gz")
            || name.ends_with(".txt.gz");
        let dump = name.contains(".sql") || name.contains(".dump");
        let copy = parts.iter().any(|part| ["backup", "dump", "bak", "bkp"].contains(part));
        let odd = !meant && (speaks || name.contains(".tar"));
        (!compressed && !dump && (odd || copy)).then_some(Severity::High)
    });
}

/// Words of names that speak of a copy of the site.
const WORDS: &[&str] = &[
    "backup",
    "back",
    "bak",
    "bkp",
    "dump",
    "site",
    "www",
    "web",
    "html",
    "htdocs",
    "public",
    "public_html",
    "httpdocs",
    "source",
    "src",
    "code",
    "old",
    "archive",
    "full",
    "release",
    "deploy",
    "app",
    "website",
    "wwwroot",
    "data",
    "db",
    "database",
    "prod",
    "production",
    "staging",
    "copy",
    "files",
    "export",
    "home",
    "root",
    "project",
    "wordpress",
    "wp",
    "latest",
];

/// Folders whose archives are meant to be fetched.
const MEANT: &[&str] = &[
    "download",
    "downloads",
    "files",
    "media",
    "assets",
    "releases",
    "press",
    "docs",
    "dist",
    "static",
    "images",
    "documents",
];
