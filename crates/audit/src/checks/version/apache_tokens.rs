//! Apache does not tell its version.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-apache-tokens",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "Apache does not tell its version",
    why: "The version and the modules tell which holes to try, in every answer and on every \
              error page. `Prod` says the name only.",
    remedy: "`ServerTokens Prod` and `ServerSignature Off`.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/apache2/apache2.conf", "ServerTokens OS\n")],
        pass: &[File("/etc/apache2/apache2.conf", "# ServerTokens OS\nServerTokens Prod\n")],
        unknown: &[File("/etc/apache2/apache2.conf", ""), Denied("/etc/apache2/apache2.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(blocks)) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else {
        return;
    };
    let all: Vec<_> = blocks.iter().flat_map(|block| &block.directives).collect();
    match all.iter().rev().find(|directive| directive.name == "servertokens") {
        Some(directive)
            if ["prod", "productonly"]
                .contains(&directive.first().to_ascii_lowercase().as_str()) =>
        {
            rows.looked(Evidence::at(&directive.place, directive.line()));
        }
        Some(directive) => rows.fail(
            format!("Apache tells its version: ServerTokens {}", directive.first()),
            Evidence::at(&directive.place, directive.line()),
        ),
        None => rows.lacks(
            "Apache tells its version: ServerTokens is not set, so everything is told",
            Evidence::path(Path::new("/etc/apache2/apache2.conf"), "no ServerTokens"),
        ),
    }
    for directive in all.iter().filter(|directive| {
        directive.name == "serversignature" && !directive.first().eq_ignore_ascii_case("off")
    }) {
        rows.fail(
            format!(
                "Apache signs its pages with its version: ServerSignature {}",
                directive.first()
            ),
            Evidence::at(&directive.place, directive.line()),
        );
    }
    for directive in all.iter().filter(|directive| {
        directive.name == "traceenable" && !directive.first().eq_ignore_ascii_case("off")
    }) {
        rows.fail("Apache answers TRACE", Evidence::at(&directive.place, directive.line()));
    }
}
