//! Certificates are signed with a sound digest.

use super::certificates;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-weak-signature",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "certificates are signed with a sound digest",
    why: "Certificates with the same SHA-1 or MD5 as a signed one have been made, so that a \
              signature with them proves little. No browser takes them.",
    remedy: "Have the certificate issued again with SHA-256.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 11.4.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::SHA1),
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
        let digest = used.certificate.digest;
        let evidence = vec![
            Evidence::path(&used.path, format!("signed with {digest}")),
            Evidence::at(&used.place, &used.by),
        ];
        if ["sha1", "md5", "md4", "md2"].contains(&digest) {
            rows.fail(
                format!("the certificate {} is signed with {digest}", used.path.display()),
                evidence,
            );
        } else {
            rows.looked(Evidence::path(&used.path, format!("signed with {digest}")));
        }
    }
}
