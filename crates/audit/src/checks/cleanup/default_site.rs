//! The distribution's own site is off.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-default-site",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Low,
    title: "the distribution's own site is off",
    why: "It answers to every name that nobody thought of, with a page that tells what runs \
              here. What is not meant to be there has no owner.",
    remedy: "`rm /etc/nginx/sites-enabled/default` or `a2dissite 000-default`.",
    controls: &["PCI 2.2.4", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/sites-enabled/default", "server {}")],
        pass: &[File("/etc/nginx/sites-enabled/shop", "server {}")],
        unknown: &[File("/etc/nginx/sites-enabled/default", ""), Denied("/etc/nginx")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in [
        "/etc/nginx/sites-enabled/default",
        "/etc/nginx/conf.d/default.conf",
        "/etc/apache2/sites-enabled/000-default.conf",
        "/etc/apache2/sites-enabled/default-ssl.conf",
        "/etc/apache2/conf-enabled/serve-cgi-bin.conf",
    ] {
        if let Some(Some(_)) = rows.take(facts.followed(path)) {
            rows.fail(
                format!("the default site of the distribution is enabled: {path}"),
                Evidence::path(Path::new(path), "enabled"),
            );
        }
    }
    for folder in ["/etc/nginx/sites-enabled", "/etc/apache2/sites-enabled"] {
        if facts.exists(folder) {
            rows.looked(Evidence::path(Path::new(folder), "enabled sites were looked at"));
        }
    }
}
