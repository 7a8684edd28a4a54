//! Certificates have keys of a sound size.

use super::certificates;
use crate::checks::prelude::*;
use crate::facts::KeyKind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-short-key",
    safeguard: Safeguard::WebServer,
    severity: Severity::High,
    title: "certificates have keys of a sound size",
    why: "RSA of 1024 bits is within reach of those who can afford it, and then they pose as \
              this server. 2048 is the least, 3072 or P-256 hold for long.",
    remedy: "Make a new key of 3072 bits or P-256 and have the certificate issued again.",
    controls: &["PCI 4.2.1", "ISO 8.24", "ASVS 11.2.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/nginx/nginx.conf", super::samples::SITE),
            File("/etc/ssl/shop.crt", super::samples::SHORT),
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
        let key = used.certificate.key;
        let evidence = vec![
            Evidence::path(&used.path, format!("{:?} key of {} bits", key.kind, key.bits)),
            Evidence::at(&used.place, &used.by),
        ];
        if matches!(key.kind, KeyKind::Rsa) && key.bits < 2048
            || matches!(key.kind, KeyKind::Dsa)
            || matches!(key.kind, KeyKind::Curve) && key.bits > 0 && key.bits < 224
        {
            rows.fail(
                format!(
                    "the certificate {} has a short key: {} bits",
                    used.path.display(),
                    key.bits
                ),
                evidence,
            );
        } else {
            rows.looked(Evidence::path(
                &used.path,
                format!("{:?} key of {} bits", key.kind, key.bits),
            ));
        }
    }
}
