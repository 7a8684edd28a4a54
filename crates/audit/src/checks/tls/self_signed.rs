//! Certificates are signed by somebody whom clients know.

use super::certificates;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-self-signed",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "certificates are signed by somebody whom clients know",
    why: "Visitors who have to click a warning away learn to click away that of an attacker \
              too. A certificate costs nothing today.",
    remedy: "Take one from an ACME authority, or from the company's own that clients trust.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.2.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::SELF_SIGNED),
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
        let evidence = vec![
            Evidence::path(
                &used.path,
                format!("subject and issuer are {}", used.certificate.common_name),
            ),
            Evidence::at(&used.place, &used.by),
        ];
        if used.certificate.is_self_issued {
            rows.fail(format!("the certificate {} is self-signed", used.path.display()), evidence);
        } else {
            rows.looked(Evidence::path(&used.path, "issued by another"));
        }
    }
}
