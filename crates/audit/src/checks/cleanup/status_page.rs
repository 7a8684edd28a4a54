//! Pages about the server's state are not for everybody.

use crate::checks::prelude::*;
use crate::facts::effective;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-status-page",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "pages about the server's state are not for everybody",
    why: "`server-status` and `nginx_status` show who asks for what just now, with sessions in \
              addresses. Monitoring reaches them from inside.",
    remedy: "`allow 127.0.0.1; deny all;` or `Require local`.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { server { location /s { stub_status; } } }")],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { location /s { stub_status; allow 127.0.0.1; deny all; } } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        rows.looked(Evidence::at(&server.server.place, "its locations were looked at"));
        let own = |listen: &crate::facts::Directive| {
            ["127.", "[::1]", "localhost", "unix:"]
                .iter()
                .any(|start| listen.first().starts_with(start))
        };
        if server.listens().next().is_some() && server.listens().all(own) {
            continue;
        }
        for chain in server.scopes() {
            let Some(last) = chain.last() else { continue };
            let shows = last
                .own("stub_status")
                .next()
                .or_else(|| last.own("vhost_traffic_status_display").next())
                .or_else(|| last.own("api").next());
            let closed = effective(&chain, "deny").iter().any(|deny| deny.first() == "all")
                || !effective(&chain, "auth_basic").is_empty();
            if let Some(directive) = shows.filter(|_| !closed) {
                rows.fail(
                    format!("everybody can see the server's state: {}", last.line()),
                    Evidence::at(&directive.place, directive.line()),
                );
            }
        }
    }
    let Some(blocks) = rows.take(facts.apache().as_ref().map_err(Clone::clone)) else { return };
    for block in blocks.iter().flatten() {
        for directive in block.directives.iter().filter(|directive| {
            directive.name == "sethandler"
                && ["server-status", "server-info"].contains(&directive.first())
        }) {
            let closed = block.directives.iter().any(|other| {
                other.name == "require" && other.line() != "require all granted"
                    || other.name == "deny"
            });
            if closed {
                rows.looked(Evidence::at(&directive.place, directive.line()));
            } else {
                rows.fail(
                    format!("everybody can see the server's state: {}", directive.first()),
                    Evidence::at(&directive.place, directive.line()),
                );
            }
        }
    }
}
