//! Crashed programs leave no memory on the disk.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "kernel-core-dumps",
    safeguard: Safeguard::Permissions,
    severity: Severity::Low,
    title: "crashed programs leave no memory on the disk",
    why: "A dump holds passwords, keys and customers' data of the program that crashed. \
              Whoever can read it has them.",
    remedy: "`* hard core 0` in /etc/security/limits.d and `Storage=none` in \
              /etc/systemd/coredump.conf.",
    controls: &["CIS 1.5.4", "PCI 3.3.1", "ISO 8.11"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/security/limits.conf", "# * hard core 0\n")],
        pass: &[File("/etc/security/limits.d/1.conf", "* hard core 0\n")],
        unknown: &[Denied("/etc/security/limits.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = vec![PathBuf::from("/etc/security/limits.conf")];
    files.extend(rows.take(facts.files_in("/etc/security/limits.d", ".conf")).unwrap_or_default());
    let (mut limited, mut opened) = (false, None);
    for path in files {
        let lines = rows.take(facts.lines(&path)).flatten();
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let words: Vec<&str> =
                crate::facts::uncommented(&line.text, "#").split_whitespace().collect();
            match words.as_slice() {
                ["*", "hard" | "-", "core", "0"] => limited = true,
                [who, _, "core", value] if *value != "0" => {
                    opened = Some((line.clone(), (*who).to_owned()));
                }
                _ => {}
            }
        }
    }
    match (opened, limited) {
        (Some((line, who)), _) => rows.fail(
            format!("core dumps are allowed for {who}"),
            Evidence::at(&line.place, &line.text),
        ),
        (None, true) => rows.looked(Evidence::path(
            Path::new("/etc/security"),
            "core dumps are limited to nothing",
        )),
        (None, false) => rows.lacks(
            "core dumps are not limited: no `* hard core 0` in limits.conf",
            Evidence::path(Path::new("/etc/security/limits.conf"), "no line for core"),
        ),
    }
}
