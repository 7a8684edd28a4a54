//! Owners and modes: who can read what is secret, and who can change what runs.

// Checks of this family.
pub(super) mod capabilities;
pub(super) mod config_of_web_user;
pub(super) mod cron;
pub(super) mod cron_allow;
pub(super) mod cron_closed;
pub(super) mod database_user;
pub(super) mod docker_socket;
pub(super) mod home;
pub(super) mod home_files;
pub(super) mod key_folder;
pub(super) mod loader;
pub(super) mod mount_options;
pub(super) mod no_sticky;
pub(super) mod passwd;
pub(super) mod private_keys;
pub(super) mod process_capabilities;
pub(super) mod search_path;
pub(super) mod service_programs;
pub(super) mod sgid;
pub(super) mod shadow;
pub(super) mod sockets;
pub(super) mod start_up_files;
pub(super) mod sudoers;
pub(super) mod suid;
pub(super) mod umask;
pub(super) mod units;
pub(super) mod unowned;
pub(super) mod web_programs;
pub(super) mod web_root_owner;
pub(super) mod web_world_writable;
pub(super) mod world_writable_files;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Accounts, Facts, Index, Node, Packages};
use burgrave_model::Severity;
use std::path::Path;

/// The walk and the accounts, or rows that they cannot be had.
fn ground<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Option<(&'f Index, &'f Accounts)> {
    let index = facts.index().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()?;
    let accounts = facts.accounts().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()?;
    Some((index, accounts))
}

/// The packages, or a row that they cannot be had.
fn packages<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Option<&'f Packages> {
    facts.packages().as_ref().map_err(|blind| rows.unknown(blind.clone())).ok()
}

/// Mode and owner for people.
pub(super) fn mode(node: &Node, accounts: &Accounts) -> String {
    let metadata = &node.metadata;
    format!(
        "mode {:04o}, owner {}:{}",
        metadata.mode,
        accounts.owner(metadata.uid),
        accounts.group_name(metadata.gid)
    )
}

/// Whether others than root can change a file or put another in its place.
pub(super) fn is_changeable(index: &Index, path: &Path) -> Option<String> {
    for place in path.ancestors() {
        let Some(node) = index.node(place) else { continue };
        let sticky = node.is_folder() && node.metadata.mode & 0o1000 != 0;
        if node.is_world_writable() && !sticky {
            return Some(format!("everybody can write {}", place.display()));
        }
        if place == path && node.metadata.uid != 0 && node.metadata.kind != burgrave_sys::Kind::Link
        {
            return Some(format!("{} belongs to uid {}", place.display(), node.metadata.uid));
        }
    }
    None
}

/// A file that must be root's and closed to others by these bits.
fn file(
    facts: &Facts<'_>,
    rows: &mut Rows,
    path: &str,
    forbidden: u32,
    severity: Severity,
    words: &str,
) {
    let path = Path::new(path);
    let Some(Some((real, metadata))) = rows.take(facts.followed(path)) else { return };
    let text = format!("mode {:04o}, uid {}, gid {}", metadata.mode, metadata.uid, metadata.gid);
    if metadata.mode & forbidden != 0 {
        let wide = metadata.mode & forbidden & 0o007 != 0;
        let severity = if wide { severity } else { severity.min(Severity::High) };
        rows.fail_as(
            severity,
            format!(
                "{} is {}: {words} (mode {:04o})",
                path.display(),
                reach(metadata.mode & forbidden),
                metadata.mode
            ),
            Evidence::path(&real, text),
        );
    } else if metadata.uid != 0 {
        rows.fail_as(
            severity,
            format!("{} belongs to uid {} and not to root: {words}", path.display(), metadata.uid),
            Evidence::path(&real, text),
        );
    } else {
        rows.looked(Evidence::path(&real, text));
    }
}

fn reach(bits: u32) -> &'static str {
    match (bits & 0o002 != 0, bits & 0o004 != 0, bits & 0o020 != 0) {
        (true, ..) => "world-writable",
        (_, true, _) => "world-readable",
        (_, _, true) => "writable by its group",
        _ => "open to its group",
    }
}

/// Names under which web servers and their programs run.
const WEB: [&str; 7] = ["www-data", "nginx", "apache", "http", "httpd", "php-fpm", "wwwrun"];

/// Whether an account is a web server's.
fn is_web_user(accounts: &Accounts, uid: u32) -> bool {
    WEB.contains(&accounts.owner(uid).as_str())
}

/// Whether a group is a web server's.
fn is_web_group(accounts: &Accounts, gid: u32) -> bool {
    WEB.contains(&accounts.group_name(gid).as_str())
}

/// Whether everybody can put something into a directory.
fn is_open(node: &Node) -> bool {
    node.is_folder() && node.is_world_writable()
}

/// Whether a file holds a private key, by what is in it.
pub(super) fn is_private_key(facts: &Facts<'_>, path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if [".p12", ".pfx", ".jks", ".ppk"].iter().any(|end| name.ends_with(end)) {
        return true;
    }
    let bytes = facts.bytes(path, 1024 * 1024).ok().flatten().unwrap_or_default();
    let text = crate::facts::text_of(bytes.get(..bytes.len().min(64 * 1024)).unwrap_or_default());
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")
}
