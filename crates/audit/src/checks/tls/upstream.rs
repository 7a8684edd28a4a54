//! The way to other machines is encrypted and checked.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-upstream",
    safeguard: Safeguard::AppServer,
    severity: Severity::Medium,
    title: "the way to other machines is encrypted and checked",
    why: "What the gateway sends on to another machine in plain HTTP, or without looking at \
              its certificate, can be read and changed there. The padlock in the browser says \
              nothing about it.",
    remedy: "`proxy_pass https://…` with `proxy_ssl_verify on`, or a tunnel.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { location / { proxy_pass http://10.1.2.3:80; } } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { location / { proxy_pass http://127.0.0.1:80; } } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        for chain in server.scopes() {
            for directive in crate::facts::effective(&chain, "proxy_pass") {
                let target = directive.first();
                let host = target
                    .split("://")
                    .nth(1)
                    .unwrap_or_default()
                    .split(['/', ':'])
                    .next()
                    .unwrap_or_default();
                let outside = host.contains('.')
                    && !host.starts_with("127.")
                    && !host.contains('$')
                    && !host.starts_with("unix");
                let unchecked = target.starts_with("https://")
                    && outside
                    && !crate::facts::effective(&chain, "proxy_ssl_verify")
                        .iter()
                        .any(|d| d.first() == "on");
                if target.starts_with("http://") && outside {
                    rows.fail(
                        format!("requests go on to {host} in plain HTTP"),
                        Evidence::at(&directive.place, directive.line()),
                    );
                } else if unchecked {
                    rows.fail_as(
                        Severity::Low,
                        format!(
                            "the certificate of {host} is not looked at (proxy_ssl_verify is off)"
                        ),
                        Evidence::at(&directive.place, directive.line()),
                    );
                } else {
                    rows.looked(Evidence::at(&directive.place, directive.line()));
                }
            }
        }
    }
}
