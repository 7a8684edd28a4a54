//! No file server lets nameless people in.

use super::{is_wide, line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-ftp",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "no file server lets nameless people in",
    why: "Anonymous FTP hands out, and with writing takes, files without a name. FTP sends \
              passwords in clear besides.",
    remedy: "`anonymous_enable=NO`, `ssl_enable=YES`, or use SFTP.",
    controls: &["PCI 2.2.5", "PCI 8.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/vsftpd.conf", "anonymous_enable=YES\n")],
        pass: &[File(
            "/etc/vsftpd.conf",
            "# anonymous_enable=YES\nanonymous_enable=NO\nssl_enable=YES\n",
        )],
        unknown: &[File("/etc/vsftpd.conf", ""), Denied("/etc/vsftpd.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(facts, rows, &["/etc/vsftpd.conf", "/etc/vsftpd/vsftpd.conf"], ini::INI);
    if let Some(first) = all.first() {
        let yes = |key: &str| {
            ini::last(&all, None, key).filter(|setting| crate::facts::is_yes(&setting.value))
        };
        let writes =
            yes("anon_upload_enable").is_some() || yes("anon_mkdir_write_enable").is_some();
        if let Some(setting) = yes("anonymous_enable") {
            rows.fail_as(
                if writes { Severity::Critical } else { Severity::High },
                "FTP (vsftpd) lets anonymous people in",
                line(setting),
            );
        } else if ini::last(&all, None, "anonymous_enable").is_none() {
            rows.fail(
                "FTP (vsftpd) lets anonymous people in, as it does unless it is told not to",
                Evidence::path(&first.place.path, "no anonymous_enable"),
            );
        }
        if yes("ssl_enable").is_none() {
            rows.fail(
                "FTP (vsftpd) sends passwords in clear: ssl_enable is not YES",
                Evidence::at(&first.place, "ssl_enable is not YES"),
            );
        }
        rows.looked(line(first));
    }
    for path in rows.take(facts.glob("/etc/proftpd/*.conf")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        match lines
            .iter()
            .find(|line| line.text.trim().to_ascii_lowercase().starts_with("<anonymous"))
        {
            Some(line) => rows.fail(
                "FTP (proftpd) lets anonymous people in",
                Evidence::at(&line.place, line.text.trim()),
            ),
            None => rows.looked(Evidence::path(&path, "no <Anonymous>")),
        }
    }
    for setting in settings(facts, rows, &["/etc/default/tftpd-hpa"], ini::INI)
        .iter()
        .filter(|setting| setting.key == "TFTP_ADDRESS" || setting.key == "TFTP_OPTIONS")
    {
        if setting.value.contains("--create")
            || setting.key == "TFTP_ADDRESS" && is_wide(&setting.value)
        {
            rows.fail_as(
                Severity::High,
                format!("TFTP serves files without a login: {}={}", setting.key, setting.value),
                line(setting),
            );
        } else {
            rows.looked(line(setting));
        }
    }
}
