//! Web servers log every request.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-access-off",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "web servers log every request",
    why: "Without an access log nobody sees who tried what, and nobody can tell what an \
              intruder fetched. It is the first thing that is asked for.",
    remedy: "Remove `access_log off;`, or bind it to pictures and health checks.",
    controls: &["PCI 10.2.1", "ISO 8.15", "ASVS 16.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { server { access_log off; } }")],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { # access_log off;\n access_log /var/log/nginx/a.log; location = /favicon.ico { access_log off; } } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for chain in server.scopes() {
            let Some(last) = chain.last() else { continue };
            for directive in last.own("access_log") {
                let off = directive.first() == "off" || directive.first() == "/dev/null";
                let small = last.name == "location"
                    && last.arguments.iter().any(|word| {
                        [
                            "favicon",
                            "robots",
                            "health",
                            "ping",
                            "status",
                            "\\.(",
                            ".well-known",
                            "static",
                            "assets",
                            "css",
                            "png",
                        ]
                        .iter()
                        .any(|part| word.contains(part))
                    });
                if off && !small {
                    rows.fail(
                        format!(
                            "the access log is off in {} of {}",
                            last.line(),
                            server.names().join(" ")
                        ),
                        Evidence::at(&directive.place, directive.line()),
                    );
                } else {
                    rows.looked(Evidence::at(&directive.place, directive.line()));
                }
            }
        }
        let http = server.http.own("access_log").find(|directive| directive.first() == "off");
        if let Some(directive) = http.filter(|_| server.server.own("access_log").next().is_none()) {
            rows.fail(
                "the access log is off for every site",
                Evidence::at(&directive.place, directive.line()),
            );
        }
        rows.looked(Evidence::at(&server.server.place, "access logs were looked at"));
    }
    let Some(Some(blocks)) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else {
        return;
    };
    let logs = blocks.iter().flat_map(|block| &block.directives).filter(|directive| {
        ["customlog", "transferlog", "globallog"].contains(&directive.name.as_str())
    });
    match logs.clone().find(|directive| directive.first() != "/dev/null") {
        Some(directive) => rows.looked(Evidence::at(&directive.place, directive.line())),
        None => rows.fail(
            "Apache writes no access log: it is off",
            Evidence::path(Path::new("/etc/apache2/apache2.conf"), "no CustomLog"),
        ),
    }
}
