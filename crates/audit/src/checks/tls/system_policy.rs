//! The libraries' own limit is TLS 1.2.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-system-policy",
    safeguard: Safeguard::WebServer,
    severity: Severity::Medium,
    title: "the libraries' own limit is TLS 1.2",
    why: "Programs that say nothing take what OpenSSL's configuration allows. A lowered limit \
              for one old partner lowers it for all.",
    remedy: "`MinProtocol = TLSv1.2` and `CipherString = DEFAULT@SECLEVEL=2` in \
              /etc/ssl/openssl.cnf.",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssl/openssl.cnf", "[system_default_sect]\nMinProtocol = TLSv1.0\n")],
        pass: &[File(
            "/etc/ssl/openssl.cnf",
            "[system_default_sect]\n# MinProtocol = TLSv1.0\nMinProtocol = TLSv1.2\n",
        )],
        unknown: &[File("/etc/ssl/openssl.cnf", ""), Denied("/etc/ssl/openssl.cnf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = rows.take(facts.settings("/etc/ssl/openssl.cnf", ini::INI)).unwrap_or_default();
    let Some(first) = all.first() else { return };
    rows.looked(Evidence::at(&first.place, "was read"));
    for setting in &all {
        let old = setting.key.ends_with("MinProtocol")
            && ["tlsv1", "tlsv1.0", "tlsv1.1", "sslv3", "none"]
                .contains(&setting.value.to_ascii_lowercase().as_str());
        let level = setting.key.ends_with("CipherString")
            && ["SECLEVEL=0", "SECLEVEL=1"].iter().any(|level| setting.value.contains(level));
        if old || level {
            rows.fail(
                format!(
                    "OpenSSL's limit is lowered for every program: {} = {}",
                    setting.key, setting.value
                ),
                Evidence::at(&setting.place, format!("{} = {}", setting.key, setting.value)),
            );
        }
    }
}
