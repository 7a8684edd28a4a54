//! Logs are rotated and kept for a while.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-rotation",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "logs are rotated and kept for a while",
    why: "Without rotation a log fills the disk; with `rotate 0` it is gone in a day. Three \
              months at hand are what auditors ask for.",
    remedy: "A file in /etc/logrotate.d with `rotate` and `compress` for every log of your own.",
    controls: &["PCI 10.5.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/logrotate.d/x", "/var/log/x.log {\n rotate 0\n}\n")],
        pass: &[
            File("/etc/logrotate.d/x", "/var/log/*.log {\n rotate 12\n}\n"),
            File("/var/log/x.log", ""),
        ],
        unknown: &[File("/etc/logrotate.conf", ""), Denied("/etc/logrotate.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(rotations) = rows.take(facts.rotations()) else { return };
    for rotation in &rotations {
        let zero = rotation.directives.iter().find(|(text, _)| { let words: Vec<&str> = text.split_whitespace().collect(); words == ["rotate", "0"] || matches!(words.as_slice(), ["maxage", days] if days.parse::<u32>().is_ok_and(|days| days < 7)) });
        let shred = rotation.directives.iter().find(|(text, _)| { let words: Vec<&str> = text.split_whitespace().collect(); matches!(words.as_slice(), ["create", mode, ..] if u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o002 != 0)) });
        if let Some((text, place)) = zero {
            rows.fail(
                format!("{} is thrown away instead of kept: {text}", rotation.patterns.join(" ")),
                Evidence::at(place, text),
            );
        } else if let Some((text, place)) = shred {
            rows.fail_as(
                Severity::Medium,
                format!("logrotate makes {} world-writable: {text}", rotation.patterns.join(" ")),
                Evidence::at(place, text),
            );
        } else {
            rows.looked(Evidence::at(&rotation.place, rotation.patterns.join(" ")));
        }
    }
    let Some(index) = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
    else {
        return;
    };
    if !facts.exists("/etc/logrotate.conf") && !facts.exists("/etc/logrotate.d") {
        return;
    }
    let covered = |path: &Path| {
        rotations
            .iter()
            .flat_map(|rotation| &rotation.patterns)
            .any(|pattern| covers(pattern, path))
    };
    for node in index
        .below(Path::new("/var/log"))
        .filter(|node| node.is_file() && node.name().ends_with(".log"))
    {
        let own = ["dpkg.log", "alternatives.log", "bootstrap.log", "fontconfig.log", "sudo.log"]
            .contains(&node.name())
            || [
                "apt",
                "journal",
                "installer",
                "audit",
                "unattended-upgrades",
                "postgresql",
                "mysql",
            ]
            .iter()
            .any(|folder| node.path.starts_with(Path::new("/var/log").join(folder)));
        if !own && !covered(&node.path) {
            rows.fail(
                format!("nothing rotates the log {}", node.path.display()),
                Evidence::path(&node.path, "no block of logrotate names it"),
            );
        }
    }
}

/// Whether a pattern of logrotate names a path; `*` stands for anything but a slash.
fn covers(pattern: &str, path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let (mut wanted, mut named) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), named.next()) {
            (None, None) => return true,
            (Some(part), Some(name)) => {
                let fits = match part.split_once('*') {
                    Some((before, after)) => {
                        name.starts_with(before)
                            && name.ends_with(after.rsplit('*').next().unwrap_or(after))
                    }
                    None => part == name,
                };
                if !fits {
                    return false;
                }
            }
            _ => return false,
        }
    }
}
