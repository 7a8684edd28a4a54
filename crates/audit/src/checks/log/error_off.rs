//! Web servers and PHP log their errors.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-error-off",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "web servers and PHP log their errors",
    why: "What fails is what an attacker tries. An error log to nowhere hides both.",
    remedy: "`error_log /var/log/nginx/error.log warn;`, `log_errors = On` in php.ini.",
    controls: &["PCI 10.2.1", "ISO 8.15", "ASVS 16.5.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/nginx.conf", "error_log /dev/null;\nhttp { }\n")],
        pass: &[File("/etc/nginx/nginx.conf", "error_log /var/log/nginx/error.log;\nhttp { }\n")],
        unknown: &[Denied("/etc/nginx/nginx.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let nginx = rows.take(facts.nginx().as_ref().map_err(Clone::clone));
    let mut todo: Vec<&crate::facts::Directive> = nginx.into_iter().flatten().flatten().collect();
    while let Some(directive) = todo.pop() {
        todo.extend(&directive.block);
        if directive.name == "error_log" {
            let level = directive.arguments.get(1).map_or("error", String::as_str);
            if directive.first() == "/dev/null"
                || directive.first() == "off"
                || ["crit", "alert", "emerg"].contains(&level)
            {
                rows.fail(
                    "nginx writes its errors nowhere",
                    Evidence::at(&directive.place, directive.line()),
                );
            } else {
                rows.looked(Evidence::at(&directive.place, directive.line()));
            }
        }
    }
    for path in rows.take(facts.glob("/etc/php/*/*/php.ini")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        match ini::last(&all, None, "log_errors") {
            Some(setting) if crate::facts::is_no(&setting.value) => rows.fail(
                format!("PHP logs no errors: log_errors = {}", setting.value),
                Evidence::at(&setting.place, format!("log_errors = {}", setting.value)),
            ),
            Some(setting) => rows.looked(Evidence::at(&setting.place, &setting.value)),
            None => {}
        }
    }
}
