//! Answers name no product.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-headers",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "answers name no product",
    why: "`X-Powered-By`, `Server` and `X-Generator` tell what runs behind the web server. \
              They help nobody who visits.",
    remedy: "`proxy_hide_header X-Powered-By;`, and no `add_header` of that kind.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { add_header X-Powered-By \"Shop 2.4\"; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { proxy_hide_header X-Powered-By; } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let bad = [
        "x-powered-by",
        "server",
        "x-generator",
        "x-aspnet-version",
        "x-runtime",
        "x-version",
        "x-drupal-cache",
        "x-backend-server",
        "x-served-by",
        "x-app-version",
        "x-api-version",
        "x-backend",
        "x-php-version",
    ];
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        rows.looked(Evidence::at(&server.server.place, "its headers were looked at"));
        for chain in server.scopes() {
            for name in
                ["add_header", "more_set_headers", "proxy_pass_header", "fastcgi_pass_header"]
            {
                for directive in crate::facts::effective(&chain, name) {
                    let header = directive
                        .first()
                        .split(':')
                        .next()
                        .unwrap_or_default()
                        .to_ascii_lowercase();
                    if bad.contains(&header.as_str()) {
                        rows.fail(
                            format!("answers name a product or version: {}", directive.line()),
                            Evidence::at(&directive.place, directive.line()),
                        );
                    }
                }
            }
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for directive in blocks
        .iter()
        .flatten()
        .flat_map(|block| &block.directives)
        .filter(|directive| directive.name == "header")
    {
        let named = directive
            .arguments
            .iter()
            .any(|word| bad.contains(&word.to_ascii_lowercase().trim_matches('"')));
        let sets = directive.arguments.iter().any(|word| {
            ["set", "add", "append", "always"].contains(&word.to_ascii_lowercase().as_str())
        }) && !directive.arguments.iter().any(|word| word == "unset");
        if named && sets {
            rows.fail(
                format!("answers name a product or version: {}", directive.line()),
                Evidence::at(&directive.place, directive.line()),
            );
        }
    }
}
