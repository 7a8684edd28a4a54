//! No package is held back.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-held",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "no package is held back",
    why: "A held package gets no fixes, and nobody remembers why it was held. A pin with a \
              negative priority does the same.",
    remedy: "`apt-mark unhold NAME`.",
    controls: &["PCI 6.3.3", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/var/lib/dpkg/status",
            "Package: sudo\nStatus: hold ok installed\nVersion: 1\n",
        )],
        pass: &[File(
            "/var/lib/dpkg/status",
            "Package: sudo\nStatus: install ok installed\nVersion: 1\n",
        )],
        unknown: &[Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    let mut names: Vec<_> = packages.installed.values().collect();
    names.sort_by(|a, b| a.name.cmp(&b.name));
    for package in names {
        if package.is_held {
            rows.fail(
                format!("the package {} is on hold and gets no fixes", package.name),
                Evidence::path(
                    Path::new("/var/lib/dpkg/status"),
                    format!("{} {}: hold", package.name, package.version),
                ),
            );
        } else {
            rows.looked(Evidence::path(Path::new("/var/lib/dpkg/status"), &package.name));
        }
    }
    let mut files = vec![PathBuf::from("/etc/apt/preferences")];
    files.extend(rows.take(facts.files_in("/etc/apt/preferences.d", "")).unwrap_or_default());
    for path in files {
        let lines = rows.take(facts.lines(&path)).flatten();
        let Some(lines) = lines else { continue };
        for paragraph in lines.split(|line| line.text.trim().is_empty()) {
            let field = |name: &str| {
                paragraph.iter().find_map(|line| {
                    line.text
                        .split_once(':')
                        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
                        .map(|(_, value)| (value.trim().to_owned(), line))
                })
            };
            let (Some((priority, line)), Some((package, _)), Some((pin, _))) =
                (field("Pin-Priority"), field("Package"), field("Pin"))
            else {
                continue;
            };
            let value: i64 = priority.parse().unwrap_or_default();
            let blocks = value < 0
                && (pin.contains("security")
                    || pin.contains("version")
                    || pin.contains("bookworm")
                    || pin.contains("origin"));
            let keeps = value > 1000 && pin.starts_with("version");
            if blocks || keeps {
                rows.fail(
                    format!("{package} is kept from updates by a pin of {priority} ({pin}): held"),
                    Evidence::at(&line.place, format!("Pin: {pin}, Pin-Priority: {priority}")),
                );
            }
        }
    }
}
