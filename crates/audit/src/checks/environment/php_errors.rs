//! PHP shows no errors to visitors.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-php-errors",
    safeguard: Safeguard::Environments,
    severity: Severity::Medium,
    title: "PHP shows no errors to visitors",
    why: "An error tells paths, queries and variables, and with luck a password. The log is \
              the place for it.",
    remedy: "`display_errors = Off` and `log_errors = On` in php.ini of fpm and apache2.",
    controls: &["PCI 6.2.4", "ISO 8.31", "ASVS 16.5.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/php/8.2/fpm/php.ini", "[PHP]\ndisplay_errors = On\n")],
        pass: &[File(
            "/etc/php/8.2/fpm/php.ini",
            "[PHP]\n; display_errors = On\ndisplay_errors = Off\n",
        )],
        unknown: &[File("/etc/php/8.2/fpm/php.ini", ""), Denied("/etc/php/8.2/fpm/php.ini")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/php/*/*/php.ini")).unwrap_or_default() {
        if path.to_str().is_some_and(|path| path.contains("/cli/")) {
            continue;
        }
        let mut all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        for part in rows
            .take(facts.files_in(path.parent().unwrap_or(Path::new("/")).join("conf.d"), ".ini"))
            .unwrap_or_default()
        {
            all.extend(rows.take(facts.settings(&part, ini::INI)).unwrap_or_default());
        }
        for key in ["display_errors", "display_startup_errors"] {
            match ini::last(&all, None, key) {
                Some(setting)
                    if !crate::facts::is_no(&setting.value)
                        && !setting.value.eq_ignore_ascii_case("stderr") =>
                {
                    rows.fail(
                        format!("PHP shows errors to visitors: {key} = {}", setting.value),
                        Evidence::at(&setting.place, format!("{key} = {}", setting.value)),
                    );
                }
                Some(setting) => {
                    rows.looked(Evidence::at(&setting.place, format!("{key} = {}", setting.value)));
                }
                None if key == "display_errors" && !all.is_empty() => rows.lacks(
                    "PHP shows errors to visitors: display_errors is not set, so it is on",
                    Evidence::path(&path, "display_errors is not set"),
                ),
                None => {}
            }
        }
    }
    for path in rows.take(facts.glob("/etc/php/*/fpm/pool.d/*.conf")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        for setting in all.iter().filter(|setting| setting.key.contains("[display_errors]")) {
            if crate::facts::is_yes(&setting.value) {
                rows.fail(
                    format!("PHP shows errors to visitors: {} = {}", setting.key, setting.value),
                    Evidence::at(&setting.place, format!("{} = {}", setting.key, setting.value)),
                );
            }
        }
    }
}
