//! Settings of frameworks have debugging off.

use super::is_other;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "environment-debug-settings",
    safeguard: Safeguard::Environments,
    severity: Severity::High,
    title: "settings of frameworks have debugging off",
    why: "`DEBUG = True` shows every visitor who meets an error the source, the settings and \
              the queries. It takes one line to forget.",
    remedy: "`DEBUG = False` in settings.py, `WP_DEBUG` false, `display_errors` off.",
    controls: &["PCI 6.5.5", "ISO 8.31", "ASVS 13.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/opt/backoffice/backoffice/settings.py", "DEBUG = True\n")],
        pass: &[File("/opt/backoffice/backoffice/settings.py", "# DEBUG = True\nDEBUG = False\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    rows.looked(Evidence::path(Path::new("/"), "settings of frameworks were looked for"));
    for node in ["/var/www", "/srv", "/opt", "/home"]
        .iter()
        .flat_map(|top| index.below(Path::new(top)))
        .filter(|node| node.is_file() && node.metadata.len < 512 * 1024)
    {
        let name = node.name();
        let wanted = FILES.contains(&name);
        let foreign = node
            .path
            .components()
            .any(|part| FOREIGN.iter().any(|folder| part.as_os_str() == *folder))
            || node.path.to_str().is_some_and(is_other);
        if !wanted || foreign {
            continue;
        }
        let Some(Some(lines)) = rows.take(facts.glance(&node.path)) else { continue };
        let mut last = None;
        for line in &lines {
            let text = line.text.trim();
            if text.starts_with(['#', '*']) || text.starts_with("//") {
                continue;
            }
            let flat: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let lower = flat.to_ascii_lowercase();
            let begins = BEGINNINGS.iter().any(|form| lower.starts_with(form));
            let holds = FORMS.iter().any(|form| lower.contains(form));
            let on = begins || holds || lower.contains("app.run(") && lower.contains("debug=true");
            let off = lower.starts_with("debug=false") || lower.contains("wp_debug',false");
            if on {
                last = Some(line);
            } else if off {
                last = None;
            }
        }
        match last {
            Some(line) => rows.fail(
                format!("debugging is on in {}", node.path.display()),
                Evidence::at(&line.place, line.text.trim()),
            ),
            None => rows.looked(Evidence::path(&node.path, "debugging is not on")),
        }
    }
}

/// Files in which frameworks keep their settings.
const FILES: &[&str] = &[
    "settings.py",
    "production.py",
    "prod.py",
    "base.py",
    "wp-config.php",
    "config.py",
    "local_settings.py",
    "application.properties",
    "application.yml",
    "application-prod.yml",
    "configuration.php",
    "web.xml",
    "appsettings.json",
    "production.rb",
    "app.php",
    "config.php",
    "app.py",
    "wsgi.py",
    "main.py",
];

/// Folders of libraries and tests.
const FOREIGN: &[&str] =
    &["site-packages", "dist-packages", "node_modules", "vendor", "tests", "test"];

/// Lines without their spacing that switch debugging on, by how they begin.
const BEGINNINGS: &[&str] = &[
    "debug=true",
    "app.debug=true",
    "publicvar$debug=1",
    "spring.h2.console.enabled=true",
    "management.endpoints.web.exposure.include=*",
    "server.error.include-stacktrace=always",
    "'debug'=>true",
    "debug:true",
];
/// The same by what they hold.
const FORMS: &[&str] = &[
    "define('wp_debug',true)",
    "define(\"wp_debug\",true)",
    "config.consider_all_requests_local=true",
    "$debug='1'",
    "ini_set('display_errors',1)",
    "ini_set('display_errors','1')",
    "ini_set('display_errors','on')",
];
