//! Nginx does not tell its version.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-nginx-tokens",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "nginx does not tell its version",
    why: "The version tells which holes to try, in every answer and on every error page. Bots \
              collect it for the day of the next hole.",
    remedy: "`server_tokens off;` in the http block.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { server_tokens on; }")],
        pass: &[File("/etc/nginx/nginx.conf", "http { # server_tokens on;\n server_tokens off; }")],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(nginx) = rows.take(facts.nginx().as_ref().map_err(Clone::clone)) else { return };
    let Some(http) = nginx.iter().flatten().find(|directive| directive.name == "http") else {
        return;
    };
    match http.own("server_tokens").next() {
        Some(directive) if directive.first() == "on" => rows.fail(
            "nginx tells its version: server_tokens on",
            Evidence::at(&directive.place, directive.line()),
        ),
        Some(directive) => rows.looked(Evidence::at(&directive.place, directive.line())),
        None => rows.lacks(
            "nginx tells its version: server_tokens is not set, so it is on",
            Evidence::at(&http.place, "no server_tokens"),
        ),
    }
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for directive in server
            .scopes()
            .iter()
            .filter_map(|chain| chain.last())
            .filter(|block| block.name != "http")
            .flat_map(|block| block.own("server_tokens"))
        {
            if directive.first() == "on" || directive.first() == "build" {
                rows.fail(
                    format!(
                        "nginx tells its version for {}: server_tokens {}",
                        server.names().join(" "),
                        directive.first()
                    ),
                    Evidence::at(&directive.place, directive.line()),
                );
            }
        }
    }
}
