//! Certificates in use are valid today.

use super::certificates;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-expired",
    safeguard: Safeguard::WebServer,
    severity: Severity::High,
    title: "certificates in use are valid today",
    why: "An expired certificate stops every careful client, and teaches the others to click \
              warnings away. Mail and payments stop without a word.",
    remedy: "Renew it, and have it renewed by a timer.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 12.2.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::EXPIRED),
        ],
        pass: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::GOOD),
        ],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let now = facts.now().seconds();
    for used in certificates(facts, rows) {
        let days = (used.certificate.ends - now).div_euclid(86_400);
        let evidence = vec![
            Evidence::path(&used.path, format!("valid for {days} more days")),
            Evidence::at(&used.place, &used.by),
        ];
        if days < 0 {
            rows.fail(
                format!("the certificate {} has expired {} days ago", used.path.display(), -days),
                evidence,
            );
        } else if used.certificate.begins > now {
            rows.fail(
                format!("the certificate {} is not valid yet", used.path.display()),
                evidence,
            );
        } else if days < 30 {
            rows.fail_as(
                Severity::Medium,
                format!("the certificate {} ends in {days} days", used.path.display()),
                evidence,
            );
        } else {
            rows.looked(Evidence::path(&used.path, format!("valid for {days} more days")));
        }
    }
}
