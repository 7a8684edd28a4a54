//! Pages say how browsers must treat them.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-unguarded-headers",
    safeguard: Safeguard::Injection,
    severity: Severity::Low,
    title: "pages say how browsers must treat them",
    why: "Without `X-Content-Type-Options` and a frame rule a browser guesses types and shows \
              the page inside another's. Two headers end both.",
    remedy: "`add_header X-Content-Type-Options nosniff always;` and `X-Frame-Options DENY` or a \
              Content-Security-Policy.",
    controls: &["PCI 6.2.4", "ASVS 3.4.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { server { listen 443 ssl; root /srv/a; } }")],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 443 ssl; root /srv/a; add_header X-Content-Type-Options nosniff; } }",
        )],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        let serves = server.server.own("root").next().is_some() && server.is_tls();
        let headers = crate::facts::effective(&[server.http, server.server], "add_header");
        let has =
            |name: &str| headers.iter().any(|header| header.first().eq_ignore_ascii_case(name));
        if serves && !has("X-Content-Type-Options") {
            rows.fail(
                format!("pages of {} lack X-Content-Type-Options", server.names().join(" ")),
                Evidence::at(&server.server.place, "no add_header X-Content-Type-Options"),
            );
        } else {
            rows.looked(Evidence::at(&server.server.place, "headers were looked at"));
        }
    }
}
