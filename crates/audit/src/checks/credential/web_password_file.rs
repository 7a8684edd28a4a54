//! Password files of web servers have sound hashes.

use super::index;
use crate::checks::prelude::*;
use crate::facts::Strength;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "credential-web-password-file",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Medium,
    title: "password files of web servers have sound hashes",
    why: "DES and MD5 hashes are tried by the billion a second, and a DES hash looks at eight \
              letters only. bcrypt makes each try dear.",
    remedy: "`htpasswd -B FILE NAME`, keep the file outside of the web root, mode 640.",
    controls: &["PCI 8.3.2", "ISO 8.24", "ASVS 11.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/nginx/.htpasswd", "admin:rl1dLLrCMTYPY\n")],
        pass: &[File("/etc/nginx/.htpasswd", "admin:$2y$10$abcdefghijklmnopqrstuv\n")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(index) = index(facts, rows) else { return };
    rows.looked(Evidence::path(Path::new("/"), "password files were looked for"));
    for node in index.nodes.iter().filter(|node| {
        node.is_file()
            && (node.name().contains("htpasswd")
                || node.name().ends_with(".passwd")
                || node.name() == ".passwd")
            && node.metadata.len < 100_000
            && !node.path.starts_with("/usr")
    }) {
        let Some(Some(lines)) = rows.take(facts.lines(&node.path)) else { continue };
        for line in lines.iter() {
            let Some((name, hash)) =
                line.text.split_once(':').filter(|(name, _)| !name.starts_with('#'))
            else {
                continue;
            };
            match crate::facts::strength(hash.split(':').next().unwrap_or_default()) {
                Strength::Broken(scheme) => rows.fail(
                    format!("{}: {name} has a weak {scheme} hash", node.path.display()),
                    Evidence::at(&line.place, format!("{name}: {scheme}")),
                ),
                Strength::Empty => rows.fail(
                    format!("{}: {name} has no password", node.path.display()),
                    Evidence::at(&line.place, name),
                ),
                Strength::Sound(_) | Strength::Locked => {
                    rows.looked(Evidence::at(&line.place, name));
                }
            }
        }
    }
}
