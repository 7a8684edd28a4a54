//! Plain HTTP leads to HTTPS.

use super::sites;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-no-redirect",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "plain HTTP leads to HTTPS",
    why: "A page over plain HTTP can be read and changed on the way, its session with it. A \
              redirect costs one line.",
    remedy: "`return 301 https://$host$request_uri;` in the server for port 80.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 80; server_name a; root /srv/a; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { listen 80; server_name a; return 301 https://$host$request_uri; } }",
        )],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = sites(facts, rows);
    for site in all.iter().filter(|site| site.is_plain) {
        let text = format!("{}, port 80", site.line());
        if site.serves && !site.is_redirect {
            rows.fail(
                format!("plain http serves content of {} without a redirect to https", site.name()),
                Evidence::at(&site.place, text),
            );
        } else {
            rows.looked(Evidence::at(&site.place, text));
        }
    }
    all.first().into_iter().for_each(|site| rows.looked(Evidence::at(&site.place, site.line())));
}
