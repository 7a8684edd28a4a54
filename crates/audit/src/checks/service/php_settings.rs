//! PHP includes nothing from the network.

use super::line;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-php-settings",
    safeguard: Safeguard::Injection,
    severity: Severity::Medium,
    title: "PHP includes nothing from the network",
    why: "`allow_url_include` turns a careless `include` into running a stranger's program. \
              The other switches named here are of the same kind.",
    remedy: "`allow_url_include = Off` and `enable_dl = Off` in php.ini.",
    controls: &["PCI 6.2.4", "ASVS 15.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/php/8.2/fpm/php.ini", "[PHP]\nallow_url_include = On\n")],
        pass: &[File(
            "/etc/php/8.2/fpm/php.ini",
            "[PHP]\n; allow_url_include = On\nallow_url_include = Off\n",
        )],
        unknown: &[File("/etc/php/8.2/fpm/php.ini", ""), Denied("/etc/php/8.2/fpm/php.ini")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/php/*/*/php.ini")).unwrap_or_default() {
        let mut all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        for part in rows
            .take(facts.files_in(path.parent().unwrap_or(Path::new("/")).join("conf.d"), ".ini"))
            .unwrap_or_default()
        {
            all.extend(rows.take(facts.settings(&part, ini::INI)).unwrap_or_default());
        }
        let Some(first) = all.first() else { continue };
        rows.looked(line(first));
        for (key, severity) in [
            ("allow_url_include", Severity::High),
            ("enable_dl", Severity::Low),
            ("session.use_trans_sid", Severity::Medium),
            ("auto_prepend_file", Severity::High),
        ] {
            let bad = ini::last(&all, None, key).filter(|setting| {
                if key.starts_with("auto_") {
                    crate::facts::is_scratch(Path::new(&setting.value))
                        || setting.value.starts_with("http")
                } else {
                    crate::facts::is_yes(&setting.value)
                }
            });
            if let Some(setting) = bad {
                rows.fail_as(severity, format!("PHP: {key} = {}", setting.value), line(setting));
            }
        }
    }
}
