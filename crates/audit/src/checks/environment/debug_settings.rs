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
        let wanted = [
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
        ]
        .contains(&name);
        let foreign = node.path.components().any(|part| {
            ["site-packages", "dist-packages", "node_modules", "vendor", "tests", "test"]
                .iter()
                .any(|folder| part.as_os_str() == *folder)
        }) || node.path.to_str().is_some_and(is_other);
        if !wanted || foreign {
            continue;
        }
        let Some(Some(lines)) = rows.take(facts.lines(&node.path)) else { continue };
        let mut last = None;
        for line in lines.iter() {
            let text = line.text.trim();
            if text.starts_with(['#', '*']) || text.starts_with("//") {
                continue;
            }
            let flat: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let lower = flat.to_ascii_lowercase();
            let on = lower.starts_with("debug=true")
                || lower.contains("define('wp_debug',true)")
                || lower.contains("define(\"wp_debug\",true)")
                || lower.contains("app.run(") && lower.contains("debug=true")
                || lower.starts_with("app.debug=true")
                || lower.contains("config.consider_all_requests_local=true")
                || lower.starts_with("publicvar$debug=1")
                || lower.contains("$debug='1'")
                || lower.starts_with("spring.h2.console.enabled=true")
                || lower.starts_with("management.endpoints.web.exposure.include=*")
                || lower.starts_with("server.error.include-stacktrace=always")
                || lower.contains("ini_set('display_errors',1)")
                || lower.contains("ini_set('display_errors','1')")
                || lower.contains("ini_set('display_errors','on')")
                || lower.starts_with("'debug'=>true")
                || lower.starts_with("debug:true");
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
