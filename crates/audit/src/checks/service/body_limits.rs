//! Web servers bound what clients send.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-body-limits",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Low,
    title: "web servers bound what clients send",
    why: "`client_max_body_size 0` lets anybody fill the disk with one request, and hours of \
              timeouts let him hold connections. The built-in values are sound.",
    remedy: "Set `client_max_body_size` to what the application takes, and timeouts of some \
              seconds.",
    controls: &["PCI 6.2.4", "ISO 8.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "http { client_max_body_size 0; server { } }")],
        pass: &[File("/etc/nginx/nginx.conf", "http { client_max_body_size 10m; server { } }")],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        rows.looked(Evidence::at(&server.server.place, "limits were looked at"));
        for chain in server.scopes() {
            for directive in crate::facts::effective(&chain, "client_max_body_size")
                .into_iter()
                .filter(|directive| directive.first() == "0")
            {
                rows.fail(
                    "nginx takes bodies of any size: client_max_body_size 0",
                    Evidence::at(&directive.place, directive.line()),
                );
            }
            for name in [
                "client_body_timeout",
                "client_header_timeout",
                "keepalive_timeout",
                "send_timeout",
            ] {
                let long = |text: &str| {
                    text.ends_with('h')
                        || text.ends_with('d')
                        || text.trim_end_matches('s').parse::<u32>().is_ok_and(|time| time > 900)
                        || text
                            .trim_end_matches('m')
                            .parse::<u32>()
                            .is_ok_and(|time| text.ends_with('m') && time > 15)
                };
                for directive in crate::facts::effective(&chain, name)
                    .into_iter()
                    .filter(|directive| long(directive.first()))
                {
                    rows.fail(
                        format!("nginx waits too long for clients: {}", directive.line()),
                        Evidence::at(&directive.place, directive.line()),
                    );
                }
            }
        }
    }
}
