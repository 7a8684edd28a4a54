//! Private keys are for their owner.

use super::{ground, is_private_key, is_web_group, mode};
use crate::checks::prelude::*;
use crate::facts::Node;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-private-keys",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "private keys are for their owner",
    why: "A key that everybody can read is everybody's: with it he poses as the server or \
              opens what was recorded. A key that was readable once has to be replaced.",
    remedy: "`chmod 600` the key, then make a new one and have the certificate issued again.",
    controls: &["PCI 3.6.1", "ISO 8.24", "ASVS 11.7.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/ssl/private/a.key", "-----BEGIN PRIVATE KEY-----\nx\n"),
            Mode("/etc/ssl/private/a.key", 0o644),
        ],
        pass: &[
            File("/etc/ssl/private/a.key", "-----BEGIN PRIVATE KEY-----\nx\n"),
            Mode("/etc/ssl/private/a.key", 0o600),
        ],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    let mut named: Vec<PathBuf> = Vec::new();
    if let Some(sites) = rows.take(facts.sites().as_ref().map_err(Clone::clone)) {
        named.extend(sites.iter().flat_map(|site| site.keys.iter().map(|(path, _)| path.clone())));
    }
    let by_name = |node: &&Node| {
        let place = ["/etc", "/root", "/home", "/opt", "/srv", "/var/lib", "/usr/local"]
            .iter()
            .any(|top| node.path.starts_with(top));
        let name = node.name();
        let kind = name.ends_with(".key")
            || name.ends_with(".pem")
            || name.starts_with("id_") && !name.ends_with(".pub")
            || name.ends_with(".p12")
            || name.ends_with(".pfx")
            || name.ends_with(".ppk")
            || name.ends_with(".jks")
            || name == "privkey.pem";
        place && kind && node.is_file() && !node.path.starts_with("/etc/ssh")
    };
    let found = index.nodes.iter().filter(by_name).map(|node| node.path.clone());
    named.extend(found);
    named.sort();
    named.dedup();
    for path in named {
        let Some((real, _)) = facts.followed(&path).ok().flatten() else { continue };
        let Some(node) = index.node(&real) else { continue };
        if !is_private_key(facts, &real) {
            continue;
        }
        let open = node.is_world_readable() || node.metadata.mode & 0o022 != 0;
        let web = node.metadata.mode & 0o040 != 0 && is_web_group(accounts, node.metadata.gid);
        if open && index.is_reachable_by_all(&real) || web {
            rows.fail(
                format!(
                    "the private key {} is readable by others (mode {:04o})",
                    real.display(),
                    node.metadata.mode
                ),
                Evidence::path(&real, mode(node, accounts)),
            );
        } else if open {
            rows.fail_as(
                Severity::Low,
                format!(
                    "the private key {} is protected only by its directory (mode {:04o})",
                    real.display(),
                    node.metadata.mode
                ),
                Evidence::path(&real, mode(node, accounts)),
            );
        } else {
            rows.looked(Evidence::path(&real, mode(node, accounts)));
        }
    }
    rows.looked(Evidence::path(Path::new("/etc"), "private keys were looked for"));
}
