//! Staging is not for everybody.

use super::is_other;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-staging-open",
    safeguard: Safeguard::Environments,
    severity: Severity::Medium,
    title: "staging is not for everybody",
    why: "What is tried on staging has holes and often real data, and search engines find it. \
              Only the staff has to reach it.",
    remedy: "`auth_basic`, or `allow` for the office's network and `deny all`.",
    controls: &["PCI 6.5.3", "PCI 1.4.4", "ISO 8.31"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { server_name staging.shop.example; root /srv/s; location / { } } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { server_name testimonials.example; root /srv/s; } }",
        )],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(sites) = rows.take(facts.sites().as_ref().map_err(Clone::clone)) else { return };
    for site in sites {
        let by_name = site.names.iter().find(|name| is_other(name));
        let by_root =
            site.root.as_ref().and_then(|root| root.to_str()).filter(|root| is_other(root));
        let other = by_name.map(String::as_str).or(by_root);
        let text = format!(
            "{}, root {}",
            site.line(),
            site.root.as_ref().map_or("none".to_owned(), |root| root.display().to_string())
        );
        match other {
            Some(name) if site.serves && !site.is_restricted => rows.fail(format!("the staging or test site {name} is open to everybody: no auth, no allow and deny"), Evidence::at(&site.place, text)),
            _ => rows.looked(Evidence::at(&site.place, text)),
        }
    }
}
