//! Configuration is not the web server's to change.

use super::{ground, is_web_group, mode};
use crate::checks::prelude::*;
use crate::facts::{Accounts, Node};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "permission-config-of-web-user",
    safeguard: Safeguard::Permissions,
    severity: Severity::High,
    title: "configuration is not the web server's to change",
    why: "An application that can change its own configuration can be made to point anywhere: \
              another database, another mail server, a debug mode. Only root and the operator \
              write there.",
    remedy: "`chown root:GROUP` and `chmod 640` the file.",
    controls: &["PCI 2.2.6", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/shop/config.yml", ""), Owner("/etc/shop/config.yml", 33, 33)],
        pass: &[File("/etc/shop/config.yml", "")],
        unknown: &[Denied("/")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some((index, accounts)) = ground(facts, rows) else { return };
    for node in index.below(Path::new("/etc")).filter(|node| node.is_file() || node.is_folder()) {
        let uid = node.metadata.uid;
        let strange = uid != 0 && is_daemon(accounts, uid) && !usual(node, accounts);
        let by_group = node.metadata.gid != 0
            && node.metadata.mode & 0o020 != 0
            && is_web_group(accounts, node.metadata.gid);
        if strange && node.metadata.mode & 0o200 != 0 || by_group {
            let who =
                if by_group { accounts.group_name(node.metadata.gid) } else { accounts.owner(uid) };
            rows.fail(
                format!(
                    "the service account {who} can write the configuration {}",
                    node.path.display()
                ),
                Evidence::path(&node.path, mode(node, accounts)),
            );
        }
    }
    rows.looked(Evidence::path(Path::new("/etc"), "owners were looked at"));
}

/// Accounts of services: below those of people, above root.
fn is_daemon(accounts: &Accounts, uid: u32) -> bool {
    uid < 1000
        && accounts.by_uid(uid).is_some_and(|user| !user.can_log_in() || user.name == "postgres")
}

/// Packages that give their own folder of configuration to their account.
fn usual(node: &Node, accounts: &Accounts) -> bool {
    let owner = accounts.owner(node.metadata.uid);
    let pairs = [
        ("postgres", "postgresql"),
        ("redis", "redis"),
        ("openldap", "ldap"),
        ("bind", "bind"),
        ("rabbitmq", "rabbitmq"),
        ("elasticsearch", "elasticsearch"),
        ("polkitd", "polkit-1"),
        ("_chrony", "chrony"),
        ("asterisk", "asterisk"),
        ("cups", "cups"),
        ("uucp", "uucp"),
        ("lp", "cups"),
        ("mysql", "mysql"),
        ("burgrave", "burgrave"),
    ];
    pairs.iter().any(|(name, folder)| {
        owner == *name && node.path.starts_with(Path::new("/etc").join(folder))
    })
}
