//! The lists of packages are fresh.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "patch-stale-lists",
    safeguard: Safeguard::Patches,
    severity: Severity::Medium,
    title: "the lists of packages are fresh",
    why: "apt compares with the list that it has: with an old one nothing ever waits. A timer \
              that broke is noticed only here.",
    remedy: "`apt update`, and look at `systemctl status apt-daily.timer`.",
    controls: &["PCI 6.3.1", "ISO 8.8"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/var/lib/apt/lists/d_InRelease", ""),
            Aged("/var/lib/apt/lists/d_InRelease", 90),
        ],
        pass: &[
            File("/var/lib/apt/lists/d_InRelease", ""),
            Aged("/var/lib/apt/lists/d_InRelease", 1),
        ],
        unknown: &[Folder("/var/lib/apt/lists"), Denied("/var/lib/apt/lists")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut newest: Option<(PathBuf, i64)> = None;
    let lists = rows.take(facts.list("/var/lib/apt/lists")).unwrap_or_default();
    for entry in lists.iter().filter(|entry| entry.kind == burgrave_sys::Kind::File) {
        let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.ends_with("Release") && !name.ends_with("Packages") {
            continue;
        }
        if let Some(Some(metadata)) = rows.take(facts.metadata(&entry.path)) {
            let days = facts.days_since(metadata.modified);
            newest =
                newest.filter(|(_, known)| *known <= days).or(Some((entry.path.clone(), days)));
        }
    }
    for stamp in
        ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/periodic/update-stamp"]
    {
        if let Some(Some(metadata)) = rows.take(facts.metadata(stamp)) {
            let days = facts.days_since(metadata.modified);
            newest =
                newest.filter(|(_, known)| *known <= days).or(Some((PathBuf::from(stamp), days)));
        }
    }
    match newest {
        Some((path, days)) if days > 14 => rows.fail(
            format!("apt's package lists are {days} days old"),
            Evidence::path(&path, format!("changed {days} days ago")),
        ),
        Some((path, days)) => {
            rows.looked(Evidence::path(&path, format!("changed {days} days ago")));
        }
        None if facts.exists("/var/lib/apt/lists") => rows.lacks(
            "apt has no package lists: nothing was ever updated",
            Evidence::path(Path::new("/var/lib/apt/lists"), "is empty"),
        ),
        None => {}
    }
}
