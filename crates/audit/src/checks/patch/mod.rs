//! Patches: updates that wait, and whether they would come at all.

// Checks of this family.
pub(super) mod end_of_life;
pub(super) mod foreign_packages;
pub(super) mod held;
pub(super) mod known_holes;
pub(super) mod mixed_sources;
pub(super) mod no_security_source;
pub(super) mod old_kernel;
pub(super) mod old_libraries;
pub(super) mod restart;
#[cfg(test)]
mod samples;
pub(super) mod stale_lists;
pub(super) mod unattended;
pub(super) mod unsigned;
pub(super) mod waiting;
// End of the checks.

use crate::facts::{Blind, Facts, Package, Seen, compare_versions, text_of};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Largest list of packages that is read.
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Sources whose programs take what strangers send.
const EXPOSED: [&str; 22] = [
    "openssh",
    "nginx",
    "apache2",
    "openssl",
    "sudo",
    "glibc",
    "exim4",
    "postfix",
    "bind9",
    "php8.2",
    "redis",
    "postgresql-15",
    "mariadb",
    "samba",
    "linux",
    "haproxy",
    "dovecot",
    "vsftpd",
    "proftpd-dfsg",
    "rsync",
    "gnutls28",
    "xz-utils",
];

/// Holes that are attacked everywhere: source, release of Debian, the version that fixes it, its
/// name (Debian's security tracker).
const HOLES: &[(&str, &str, &str, &str)] = &[
    ("openssh", "12", "1:9.2p1-2+deb12u3", "CVE-2024-6387"),
    ("openssh", "11", "1:8.4p1-5+deb11u3", "CVE-2023-48795"),
    ("glibc", "12", "2.36-9+deb12u3", "CVE-2023-4911"),
    ("glibc", "11", "2.31-13+deb11u7", "CVE-2023-4911"),
    ("sudo", "12", "1.9.13p3-1+deb12u2", "CVE-2025-32462"),
    ("sudo", "11", "1.9.5p2-3+deb11u1", "CVE-2023-22809"),
    ("openssl", "12", "3.0.11-1~deb12u2", "CVE-2023-5363"),
    ("curl", "12", "7.88.1-10+deb12u4", "CVE-2023-38545"),
    ("exim4", "12", "4.96-15+deb12u2", "CVE-2023-42115"),
    ("nginx", "12", "1.22.1-9+deb12u2", "CVE-2025-23419"),
    ("php8.2", "12", "8.2.20-1~deb12u1", "CVE-2024-4577"),
    ("redis", "12", "5:7.0.15-1~deb12u6", "CVE-2025-49844"),
    ("rsync", "12", "3.2.7-1+deb12u2", "CVE-2024-12084"),
    ("apache2", "12", "2.4.61-1~deb12u1", "CVE-2024-38474"),
    ("samba", "12", "2:4.17.12+dfsg-0+deb12u1", "CVE-2023-4091"),
    ("bind9", "12", "1:9.18.24-1", "CVE-2023-50387"),
    ("postgresql-15", "12", "15.11-0+deb12u1", "CVE-2025-1094"),
    ("vim", "12", "2:9.0.1378-2+deb12u2", "CVE-2024-22667"),
    ("gnutls28", "12", "3.7.9-2+deb12u2", "CVE-2024-0553"),
    ("systemd", "12", "252.23-1~deb12u1", "CVE-2023-7008"),
    ("expat", "12", "2.5.0-1+deb12u1", "CVE-2024-45490"),
    ("krb5", "12", "1.20.1-2+deb12u2", "CVE-2024-37371"),
    ("linux", "12", "6.1.76-1", "CVE-2024-1086"),
];

/// What apt's lists say.
#[derive(Default)]
struct Waiting {
    /// Installed packages with a newer version in a security archive, and the list that says so.
    updates: Vec<(Package, String, PathBuf)>,
    /// Packages of security archives that were compared.
    seen: usize,
    /// Names that any list knows.
    known: HashSet<String>,
}

/// Compares what is installed with apt's own lists of security archives.
fn waiting(facts: &Facts<'_>) -> Seen<Waiting> {
    let packages = facts.packages().as_ref().map_err(Clone::clone)?;
    let mut out = Waiting::default();
    let mut best: HashMap<String, (String, PathBuf)> = HashMap::new();
    for path in facts.files_in("/var/lib/apt/lists", "_Packages")? {
        let is_security = path.to_str().is_some_and(|path| path.contains("security"));
        let Some(bytes) = facts.bytes(&path, LIST_BYTES_MAX)? else { continue };
        for (name, version) in stanzas(&bytes) {
            out.known.insert(name.clone());
            if !is_security {
                continue;
            }
            out.seen += 1;
            let newer =
                best.get(&name).is_none_or(|(known, _)| compare_versions(known, &version).is_lt());
            if newer && packages.has(&name) {
                best.insert(name, (version, path.clone()));
            }
        }
    }
    let mut names: Vec<_> = best.into_iter().collect();
    names.sort();
    for (name, (version, path)) in names {
        let package = packages
            .installed
            .get(&name)
            .ok_or_else(|| Blind::new("dpkg", "the package vanished"))?;
        if compare_versions(&package.version, &version).is_lt() {
            out.updates.push((package.clone(), version, path));
        }
    }
    Ok(out)
}

/// Names and versions of a list; everything else is passed over.
fn stanzas(bytes: &[u8]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut name: Option<&[u8]> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Some(value) = line.strip_prefix(b"Package: ") {
            name = Some(value);
        } else if let Some(value) = line.strip_prefix(b"Version: ")
            && let Some(name) = name.take()
        {
            out.push((text_of(name.trim_ascii()), text_of(value.trim_ascii())));
        }
    }
    out
}
