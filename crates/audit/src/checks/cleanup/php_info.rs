//! No page shows PHP's settings.

use super::served;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "cleanup-php-info",
    safeguard: Safeguard::Cleanup,
    severity: Severity::Medium,
    title: "no page shows PHP's settings",
    why: "`phpinfo()` shows versions, paths, environment variables and with them passwords. It \
              is left from the day of the set-up.",
    remedy: "Remove the page.",
    controls: &["PCI 2.2.5", "ISO 8.9", "ASVS 13.4.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/var/www/html/x.php", "<?php phpinfo();")],
        pass: &[File("/var/www/html/x.php", "<?php // phpinfo();")],
        unknown: &[Folder("/var/www/html"), Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for (node, root) in served(facts, rows) {
        let lower = node.name().to_ascii_lowercase();
        if !node.is_file() || !lower.ends_with(".php") {
            continue;
        }
        let named = ["phpinfo.php", "info.php", "php_info.php", "php-info.php", "i.php", "pi.php"]
            .contains(&lower.as_str());
        let calls = node.metadata.len < 20_000
            && rows.take(facts.glance(&node.path)).flatten().is_some_and(|lines| {
                lines.iter().any(|line| {
                    !line.text.trim_start().starts_with(['#', '*'])
                        && !line.text.trim_start().starts_with("//")
                        && line
                            .text
                            .split("//")
                            .next()
                            .is_some_and(|code| code.contains("phpinfo("))
                })
            });
        if calls || named {
            rows.fail(
                format!("a page shows PHP's settings (phpinfo): {}", node.path.display()),
                Evidence::path(&node.path, format!("in the web root {}", root.path.display())),
            );
        }
    }
}
