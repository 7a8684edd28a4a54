//! No file of settings and passwords lies in a web root.

use super::leftovers;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-environment-file",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Critical,
    title: "no file of settings and passwords lies in a web root",
    why: "`.env`, `.htpasswd` and files like them hold passwords in plain text and are handed \
              out like any page. They are the first thing that bots ask for.",
    remedy: "Move it above the web root, and change what stood in it.",
    controls: &["PCI 8.6.2", "ISO 8.4", "ASVS 13.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/.env", "A=b\n")],
        pass: &[File("/var/www/html/.env.example", "A=changeme\n")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    leftovers(facts, rows, "a file of settings can be fetched from a web root", |node, name| {
        let env = name == ".env"
            || name.starts_with(".env.")
                && !["example", "sample", "template", "dist"].iter().any(|end| name.ends_with(end))
            || name.ends_with(".env") && name.len() > 4 && node.is_file();
        let secret = [
            ".htpasswd",
            "credentials.json",
            "credentials",
            ".aws",
            ".ssh",
            ".npmrc",
            ".pypirc",
            ".netrc",
            ".pgpass",
            ".my.cnf",
            ".git-credentials",
            ".dockercfg",
            "secrets.yml",
            "secrets.yaml",
            "secrets.json",
            "database.yml",
            "parameters.yml",
            "application.properties",
            "application.yml",
            "appsettings.json",
            "local.settings.json",
            "sftp-config.json",
            ".ftpconfig",
            ".s3cfg",
            "service-account.json",
            "config.yml",
            "config.yaml",
            "config.ini",
            "settings.ini",
            "settings.py",
            "local_settings.py",
            "web.config",
            "wp-config.txt",
            "php.ini",
            ".user.ini",
            "my.cnf",
        ];
        if env {
            return Some(Severity::Critical);
        }
        secret.contains(&name).then_some(if name == ".htpasswd" || name == ".user.ini" {
            Severity::Medium
        } else {
            Severity::High
        })
    });
}
