//! Mail, file and name servers greet without a version.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-greetings",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "mail, file and name servers greet without a version",
    why: "The greeting is the first line that a scanner reads. A name is enough.",
    remedy: "`smtpd_banner = $myhostname ESMTP`, `ftpd_banner=…`, `version none;`, `ServerIdent \
              off`.",
    controls: &["PCI 2.2.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/postfix/main.cf",
            "smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)\n",
        )],
        pass: &[File("/etc/postfix/main.cf", "smtpd_banner = $myhostname ESMTP\n")],
        unknown: &[File("/etc/postfix/main.cf", ""), Denied("/etc/postfix/main.cf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let postfix = rows.take(facts.settings("/etc/postfix/main.cf", ini::INI)).unwrap_or_default();
    match ini::last(&postfix, None, "smtpd_banner") {
        Some(setting)
            if ["mail_version", "mail_name", "Debian", "Postfix", "Ubuntu"]
                .iter()
                .any(|word| setting.value.contains(word)) =>
        {
            rows.fail(
                format!("Postfix greets with its product or version: {}", setting.value),
                Evidence::at(&setting.place, format!("smtpd_banner = {}", setting.value)),
            );
        }
        Some(setting) => rows.looked(Evidence::at(&setting.place, &setting.value)),
        None => {}
    }
    for path in rows.take(facts.glob("/etc/bind/named.conf*")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its options were looked at"));
        for line in lines.iter().filter(|line| {
            line.text.trim_start().starts_with("version ")
                && !["none", "not", "unknown", "\"\""].iter().any(|word| line.text.contains(word))
        }) {
            rows.fail(
                "the name server tells a version",
                Evidence::at(&line.place, line.text.trim()),
            );
        }
    }
    let ftp = rows.take(facts.settings("/etc/vsftpd.conf", ini::INI)).unwrap_or_default();
    if let Some(first) = ftp.first() {
        match ini::last(&ftp, None, "ftpd_banner") {
            Some(setting) => rows.looked(Evidence::at(&setting.place, &setting.value)),
            None => rows.fail(
                "the FTP server greets with its version: no ftpd_banner",
                Evidence::at(&first.place, "ftpd_banner is not set"),
            ),
        }
    }
}
