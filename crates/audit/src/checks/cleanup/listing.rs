//! Web servers list no directories.

use crate::checks::prelude::*;
use crate::facts::effective;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-listing",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "web servers list no directories",
    why: "A list shows every file, also what no page links to: copies, dumps, uploads of \
              others. It saves an attacker the guessing.",
    remedy: "`autoindex off` (nginx), `Options -Indexes` (Apache).",
    controls: &["PCI 2.2.6", "ISO 8.9", "ASVS 13.4.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { server { location / { autoindex on; } } }")],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { # autoindex on;\n location / { autoindex off; } } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let servers = rows.take(facts.nginx_servers()).unwrap_or_default();
    for server in servers {
        for chain in server.scopes() {
            let deepest = chain.last().map(|directive| directive.line()).unwrap_or_default();
            for directive in effective(&chain, "autoindex") {
                if directive.first() == "on" {
                    rows.fail(
                        format!(
                            "nginx lists directories (autoindex on) in {deepest} of {}",
                            server.names().join(" ")
                        ),
                        Evidence::at(&directive.place, directive.line()),
                    );
                } else {
                    rows.looked(Evidence::at(&directive.place, directive.line()));
                }
            }
        }
        rows.looked(Evidence::at(&server.server.place, "directory lists were looked at"));
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for directive in blocks
        .iter()
        .flatten()
        .flat_map(|block| &block.directives)
        .filter(|directive| directive.name == "options")
    {
        let on = directive.arguments.iter().any(|word| {
            word.trim_start_matches('+').eq_ignore_ascii_case("indexes")
                || word.eq_ignore_ascii_case("all")
        });
        if on {
            rows.fail(
                "Apache lists directories (Options Indexes)",
                Evidence::at(&directive.place, directive.line()),
            );
        } else {
            rows.looked(Evidence::at(&directive.place, directive.line()));
        }
    }
}
