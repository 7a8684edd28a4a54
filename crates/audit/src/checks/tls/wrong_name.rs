//! Certificates are for the names that they are used for.

use super::certificates;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-wrong-name",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "certificates are for the names that they are used for",
    why: "A certificate for another name is no proof, and clients refuse it. Who clicks that \
              away would click an attacker's away.",
    remedy: "Have the certificate issued for every name in `server_name`.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.2.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/nginx/nginx.conf", super::samples::OTHER_SITE),
            File("/etc/ssl/shop.crt", super::samples::GOOD),
        ],
        pass: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::GOOD),
        ],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for used in certificates(facts, rows) {
        let missing: Vec<&String> = used
            .names
            .iter()
            .filter(|name| {
                !name.contains('*')
                    && !name.starts_with('~')
                    && !name.starts_with('.')
                    && name.contains('.')
                    && !used.certificate.covers(name)
            })
            .collect();
        let evidence = vec![
            Evidence::path(
                &used.path,
                format!("is for the names {}", used.certificate.names.join(", ")),
            ),
            Evidence::at(&used.place, &used.by),
        ];
        match missing.first() {
            Some(name) => rows.fail(
                format!("the certificate {} does not cover the name {name}", used.path.display()),
                evidence,
            ),
            None => rows.looked(Evidence::path(&used.path, used.certificate.names.join(", "))),
        }
    }
}
