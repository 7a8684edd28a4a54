//! Keys of TLS tickets are not kept for ever.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-session-tickets",
    safeguard: Safeguard::WebServer,
    severity: Severity::Low,
    title: "keys of TLS tickets are not kept for ever",
    why: "Whoever gets a ticket key reads every session that was resumed with it, also \
              recorded ones. A key in a file is rarely changed.",
    remedy: "`ssl_session_tickets off;`, or change the file of `ssl_session_ticket_key` daily.",
    controls: &["PCI 3.7.4", "ASVS 12.1.4"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File(
                "/etc/nginx/nginx.conf",
                "http { server { ssl_session_ticket_key /etc/nginx/t.key; } }",
            ),
            Aged("/etc/nginx/t.key", 90),
        ],
        pass: &[File("/etc/nginx/nginx.conf", "http { server { ssl_session_tickets off; } }")],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        rows.looked(Evidence::at(&server.server.place, "its tickets were looked at"));
        for directive in
            crate::facts::effective(&[server.http, server.server], "ssl_session_ticket_key")
        {
            let path = Path::new("/etc/nginx").join(directive.first());
            let age = rows
                .take(facts.metadata(&path))
                .flatten()
                .map(|metadata| facts.days_since(metadata.modified));
            if age.is_some_and(|days| days > 7) {
                rows.fail(
                    format!("the key of TLS tickets is {} days old", age.unwrap_or_default()),
                    Evidence::at(&directive.place, directive.line()),
                );
            }
        }
    }
}
