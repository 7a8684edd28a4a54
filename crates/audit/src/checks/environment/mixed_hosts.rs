//! Test and production are not one web server.

use super::is_other;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-mixed-hosts",
    safeguard: Safeguard::Environments,
    severity: Severity::Medium,
    title: "test and production are not one web server",
    why: "Sites of several environments under one account of one server share its holes and \
              its files. Whoever is in the test site is in the live one.",
    remedy: "Put test and staging on another machine, or at least under another account.",
    controls: &["PCI 6.5.3", "ISO 8.31"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { server_name dev.a.example; root /a; } server { server_name a.example; root /b; } }",
        )],
        pass: &[File(
            "/etc/nginx/nginx.conf",
            "http { server { server_name a.example; root /b; } }",
        )],
        unknown: &[File("/etc/nginx/nginx.conf", ""), Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(sites) = rows.take(facts.sites().as_ref().map_err(Clone::clone)) else { return };
    let named =
        |site: &&crate::facts::Site| !site.names.is_empty() && site.serves && !site.is_restricted;
    let (other, live): (Vec<_>, Vec<_>) =
        sites.iter().filter(named).partition(|site| site.names.iter().any(|name| is_other(name)));
    match (other.first(), live.first()) {
        (Some(other), Some(live)) => rows.fail(
            format!(
                "{} and {} are served by one server: environments are mixed",
                other.name(),
                live.name()
            ),
            vec![Evidence::at(&other.place, other.line()), Evidence::at(&live.place, live.line())],
        ),
        (Some(only), None) | (None, Some(only)) => {
            rows.looked(Evidence::at(&only.place, only.line()));
        }
        (None, None) => {}
    }
}
