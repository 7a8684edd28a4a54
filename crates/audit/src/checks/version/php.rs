//! PHP does not tell its version.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-php",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "PHP does not tell its version",
    why: "`X-Powered-By` stands in every answer and names the version. Which holes it has is \
              public.",
    remedy: "`expose_php = Off` in php.ini.",
    controls: &["PCI 2.2.6", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/php/8.2/fpm/php.ini", "[PHP]\nexpose_php = On\n")],
        pass: &[File("/etc/php/8.2/fpm/php.ini", "[PHP]\nexpose_php = Off\n")],
        unknown: &[File("/etc/php/8.2/fpm/php.ini", ""), Denied("/etc/php/8.2/fpm/php.ini")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/php/*/*/php.ini")).unwrap_or_default() {
        if path.to_str().is_some_and(|path| path.contains("/cli/")) {
            continue;
        }
        let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        match ini::last(&all, None, "expose_php") {
            Some(setting) if crate::facts::is_no(&setting.value) => {
                rows.looked(Evidence::at(
                    &setting.place,
                    format!("expose_php = {}", setting.value),
                ));
            }
            Some(setting) => rows.fail(
                format!("PHP tells its version: expose_php = {}", setting.value),
                Evidence::at(&setting.place, format!("expose_php = {}", setting.value)),
            ),
            None => rows.lacks(
                "PHP tells its version: expose_php is not set, so it is on",
                Evidence::path(&path, "expose_php is not set"),
            ),
        }
    }
}
