//! No tests and trials lie in a web root.

use super::{leftovers, stem};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-test-page",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "no tests and trials lie in a web root",
    why: "What was written to try something asks for no login and escapes nothing. Nobody \
              looks after it once it worked.",
    remedy: "Remove it; try things on another host.",
    controls: &["PCI 6.5.5", "ISO 8.31", "ASVS 13.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/test.php", "")],
        pass: &[
            File("/var/www/html/testimonials/index.html", ""),
            File("/var/www/html/latest.html", ""),
        ],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a test or trial lies in a web root", |node, name| {
        let stem = stem(
            name,
            &[".php", ".html", ".htm", ".asp", ".aspx", ".jsp", ".cgi", ".pl", ".py", ".txt"],
        )
        .unwrap_or(name);
        let base = stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']);
        let names = [
            "test",
            "tests",
            "testing",
            "phptest",
            "test_page",
            "testpage",
            "debug",
            "demo",
            "sample",
            "samples",
            "example",
            "examples",
            "hello",
            "foo",
            "asdf",
            "phpunit",
            "phpunit.xml",
            "phpunit.xml.dist",
            "_test",
            "__tests__",
            "trial",
            "sandbox",
            "playground",
            "mailtest",
            "testmail",
            "dbtest",
            "test_db",
            "testdb",
            "test-db",
            "spec",
            "selenium",
            "cypress",
            "temp",
            "tmp",
        ];
        let file = node.is_file() && names.contains(&base) && stem != name;
        let folder = node.is_folder()
            && [
                "test",
                "tests",
                "testing",
                "phpunit",
                "__tests__",
                "examples",
                "samples",
                "demo",
                "sandbox",
                "playground",
                "_test",
                "tmp",
                "temp",
            ]
            .contains(&name)
            && node.metadata.mode & 0o1000 == 0;
        (file || folder || name == "phpunit.xml").then_some(Severity::Medium)
    });
}
