//! Rsync's modules ask who is there.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-rsync",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "rsync's modules ask who is there",
    why: "A module without `auth users` hands out its folder, and with `read only = no` takes \
              whatever comes. Backups lie in such modules.",
    remedy: "`auth users`, `secrets file` and `hosts allow` in rsyncd.conf, or rsync over ssh.",
    controls: &["PCI 8.3.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/rsyncd.conf", "[backup]\npath = /srv/backup\nread only = no\n")],
        pass: &[File("/etc/rsyncd.conf", "[backup]\npath = /srv/backup\nauth users = b\n")],
        unknown: &[File("/etc/rsyncd.conf", ""), Denied("/etc/rsyncd.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(facts, rows, &["/etc/rsyncd.conf", "/etc/rsyncd.d/*.conf"], ini::INI);
    let Some(first) = all.first() else { return };
    rows.looked(line(first));
    let mut sections: Vec<&str> = all
        .iter()
        .map(|setting| setting.section.as_str())
        .filter(|section| !section.is_empty())
        .collect();
    sections.dedup();
    for section in sections {
        let value = |key: &str| {
            ini::last(&all, Some(section), key).or_else(|| ini::last(&all, Some(""), key))
        };
        let writes = value("read only").is_some_and(|setting| crate::facts::is_no(&setting.value));
        let named = value("auth users").is_some()
            || value("hosts allow").is_some_and(|setting| {
                setting.value != "*" && !setting.value.contains("0.0.0.0/0")
            });
        let place = ini::first(&all, Some(section), "path").unwrap_or(first);
        if !named {
            rows.fail_as(
                if writes { Severity::Critical } else { Severity::High },
                format!(
                    "the rsync module {section} is open to everybody{} without a password",
                    if writes { " for writing" } else { "" }
                ),
                Evidence::at(&place.place, format!("[{section}] path = {}", place.value)),
            );
        }
    }
}
