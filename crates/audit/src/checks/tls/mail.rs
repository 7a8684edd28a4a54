//! Mail servers encrypt logins and mail.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "tls-mail",
    safeguard: Safeguard::Services,
    severity: Severity::Medium,
    title: "mail servers encrypt logins and mail",
    why: "Passwords of mailboxes cross the network in clear where `disable_plaintext_auth` is \
              off. Mail does where TLS is not even offered.",
    remedy: "`ssl = required` and `disable_plaintext_auth = yes` (Dovecot), \
              `smtpd_tls_security_level = may` and `smtpd_tls_auth_only = yes` (Postfix).",
    controls: &["PCI 4.2.1", "ISO 8.24"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/dovecot/conf.d/10-auth.conf", "disable_plaintext_auth = no\n")],
        pass: &[File(
            "/etc/dovecot/conf.d/10-auth.conf",
            "#disable_plaintext_auth = no\ndisable_plaintext_auth = yes\n",
        )],
        unknown: &[File("/etc/postfix/main.cf", ""), Denied("/etc/postfix/main.cf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut dovecot = Vec::new();
    for pattern in ["/etc/dovecot/dovecot.conf", "/etc/dovecot/conf.d/*.conf"] {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            dovecot.extend(rows.take(facts.settings(&path, ini::INI)).unwrap_or_default());
        }
    }
    for (key, bad) in
        [("ssl", "no"), ("disable_plaintext_auth", "no"), ("auth_allow_cleartext", "yes")]
    {
        if let Some(setting) = ini::last(&dovecot, None, key).filter(|setting| setting.value == bad)
        {
            rows.fail(
                format!("Dovecot takes passwords in clear: {key} = {bad}"),
                Evidence::at(&setting.place, format!("{key} = {bad}")),
            );
        }
    }
    dovecot
        .first()
        .into_iter()
        .for_each(|first| rows.looked(Evidence::at(&first.place, &first.key)));
    let postfix = rows.take(facts.settings("/etc/postfix/main.cf", ini::INI)).unwrap_or_default();
    if let Some(setting) = ini::last(&postfix, None, "smtpd_tls_security_level")
        .filter(|setting| setting.value == "none")
        .or_else(|| {
            ini::last(&postfix, None, "smtpd_use_tls")
                .filter(|setting| crate::facts::is_no(&setting.value))
        })
    {
        rows.fail(
            format!("Postfix offers no TLS: {} = {}", setting.key, setting.value),
            Evidence::at(&setting.place, format!("{} = {}", setting.key, setting.value)),
        );
    }
    if let Some(setting) = ["smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"]
        .iter()
        .find_map(|key| ini::last(&postfix, None, key))
        .filter(|setting| {
            !setting.value.starts_with(">=")
                && (setting
                    .value
                    .split([',', ' '])
                    .any(|p| ["TLSv1", "SSLv3", "TLSv1.1"].contains(&p))
                    || setting.value.is_empty())
        })
    {
        rows.fail(
            format!("Postfix offers old TLS: {} = {}", setting.key, setting.value),
            Evidence::at(&setting.place, &setting.value),
        );
    }
    postfix
        .first()
        .into_iter()
        .for_each(|first| rows.looked(Evidence::at(&first.place, &first.key)));
}
