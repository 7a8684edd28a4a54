//! No banner tells what runs here.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "version-banner",
    safeguard: Safeguard::VersionHiding,
    severity: Severity::Low,
    title: "no banner tells what runs here",
    why: "What is shown in front of the login is shown to everybody who connects. System, \
              kernel and release help only the wrong people.",
    remedy: "Put a warning into /etc/issue.net, /etc/issue and /etc/motd, without `\\r`, `\\v`, \
              `\\m`, `\\s` and names.",
    controls: &["CIS 1.6.2", "PCI 2.2.6"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/issue.net", "Debian GNU/Linux 12\n")],
        pass: &[File("/etc/issue.net", "Authorized users only.\n")],
        unknown: &[File("/etc/issue.net", ""), Denied("/etc/issue.net")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let sshd = facts.sshd().as_ref().ok().and_then(Option::as_ref);
    let banner =
        sshd.and_then(|config| config.global("banner")).map(|option| PathBuf::from(option.value()));
    let mut paths = vec![PathBuf::from("/etc/issue.net"), PathBuf::from("/etc/issue")];
    paths.extend(banner.filter(|path| path.is_absolute()));
    paths.sort();
    paths.dedup();
    for path in paths {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "was read"));
        for line in lines.iter() {
            let lower = line.text.to_ascii_lowercase();
            let escapes =
                ["\\r", "\\v", "\\s", "\\m"].iter().find(|escape| line.text.contains(*escape));
            let name = [
                "debian gnu/linux",
                "ubuntu",
                "kernel",
                "centos",
                "red hat",
                "nginx/",
                "openssh",
                "apache/",
            ]
            .iter()
            .find(|name| lower.contains(*name))
            .filter(|name| lower.chars().any(|c| c.is_ascii_digit()) || **name == "kernel");
            let number = lower.split_whitespace().any(|word| {
                word.trim_start_matches('v')
                    .split('.')
                    .filter(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
                    .count()
                    >= 2
                    && word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
            });
            if escapes.is_some() || name.is_some() || number {
                rows.fail(
                    format!(
                        "{} tells the operating system or a version before the login",
                        path.display()
                    ),
                    Evidence::at(&line.place, &line.text),
                );
                break;
            }
        }
    }
}
