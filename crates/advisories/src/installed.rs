//! What is installed on a host, and who reaches it: a package is as exposed as the most exposed listener whose program
//! or library it brings.
//!
//! Invariant: where a listener's process cannot be seen, what no seen listener uses is unknown and not unexposed.

use crate::AdvisoryError;
use burgrave_audit::Facts;
use burgrave_audit::facts::{Manager, Package, Reach};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// From where the code of a package is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// No listener uses it.
    Silent,
    /// A listener does.
    Listens(Reach),
    /// It could not be seen.
    Unknown,
}

impl Exposure {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Silent => "nobody over the network",
            Self::Listens(reach) => reach.words(),
            Self::Unknown => "unknown",
        }
    }
}

/// A host as far as advisories ask about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// As `debian`.
    pub system: String,
    /// As `12`.
    pub version: String,
    /// As `bookworm`.
    pub codename: String,
    /// Who keeps packages.
    pub manager: Manager,
    /// By name.
    pub packages: BTreeMap<String, Package>,
    /// By the name of the package; those that are missing are [`Self::others`].
    pub exposed: BTreeMap<String, Reach>,
    /// Whether all listeners were seen with their processes.
    pub sees_all: bool,
}

impl Host {
    /// Whether its packages can be compared with data of holes: versions of rpm's go by other rules than those here.
    ///
    /// # Errors
    ///
    /// They cannot.
    pub fn is_comparable(&self) -> Result<(), AdvisoryError> {
        match self.manager {
            Manager::Dpkg | Manager::None => Ok(()),
            Manager::Rpm => Err(AdvisoryError::OtherRules),
        }
    }

    /// From where a package is reached.
    pub fn exposure(&self, package: &str) -> Exposure {
        match self.exposed.get(package) {
            Some(reach) => Exposure::Listens(*reach),
            None if self.sees_all => Exposure::Silent,
            None => Exposure::Unknown,
        }
    }

    /// Whether a record's release is this host's.
    pub fn is_of(&self, release: &str) -> bool {
        let Some((system, version)) = release.split_once(':') else {
            return release == self.codename && self.system == "debian";
        };
        let version = version.strip_suffix(":LTS").unwrap_or(version);
        system.eq_ignore_ascii_case(&self.system) && version == self.version
    }

    /// As `debian 12 (bookworm)`.
    pub fn release(&self) -> String {
        format!("{} {} ({})", self.system, self.version, self.codename)
    }
}

/// Looks at a host.
pub fn host(facts: &Facts<'_>) -> Result<Host, AdvisoryError> {
    let blind = |blind: &burgrave_audit::facts::Blind| AdvisoryError::Blind(blind.clone());
    let packages = facts.packages().as_ref().map_err(blind)?;
    if packages.is_empty() {
        return Err(AdvisoryError::NoPackages);
    }
    let value =
        |key| facts.release(key).map(Option::unwrap_or_default).map_err(AdvisoryError::Blind);
    let mut host = Host {
        name: facts.host_name(),
        system: value("ID")?.to_ascii_lowercase(),
        version: value("VERSION_ID")?,
        codename: value("VERSION_CODENAME")?,
        manager: packages.manager,
        packages: packages
            .installed
            .iter()
            .map(|(name, own)| (name.clone(), own.clone()))
            .collect(),
        exposed: BTreeMap::new(),
        sees_all: facts.is_running(),
    };
    match facts.listeners() {
        Ok(listeners) => {
            for listener in listeners {
                let Some(process) = &listener.process else {
                    host.sees_all = false;
                    continue;
                };
                let program = process.program();
                let mapped = process
                    .mapped
                    .iter()
                    .map(|path| Path::new(path.trim_end_matches(" (deleted)")));
                let names: BTreeSet<&str> = program
                    .iter()
                    .map(std::path::PathBuf::as_path)
                    .chain(mapped)
                    .filter_map(|path| packages.owner(path))
                    .collect();
                for name in names {
                    let reach = host.exposed.entry(name.to_owned()).or_insert(listener.reach);
                    *reach = (*reach).max(listener.reach);
                }
            }
        }
        Err(_) => host.sees_all = false,
    }
    Ok(host)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use burgrave_audit::Ground;
    use burgrave_sys::Fake;

    /// A running Debian 12 with nginx open to everybody, redis on this machine, and a library of both.
    pub(crate) fn fake() -> Fake {
        let fake = Fake::new();
        fake.file("/etc/hostname", "shop1\n");
        fake.file("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n");
        let package = |name: &str, source: &str, version: &str| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: {version}\n\n"
            )
        };
        let status = [
            package("nginx", "nginx", "1.22.1-9"),
            package("libssl3", "openssl", "3.0.9-1"),
            package("redis-server", "redis", "5:7.0.11-1"),
            package("vim", "vim", "2:9.0-1"),
            package("libc-bin", "glibc (2.36-9)", "2.36-9+b1"),
        ];
        fake.file("/var/lib/dpkg/status", status.concat());
        fake.file("/var/lib/dpkg/info/nginx.list", "/usr/sbin/nginx\n");
        fake.file("/var/lib/dpkg/info/libssl3.list", "/usr/lib/libssl.so.3\n");
        fake.file("/var/lib/dpkg/info/redis-server.list", "/usr/bin/redis-server\n");
        let row = |address: &str, inode: u32| {
            format!("0: {address} 00000000:0000 0A 0:0 0:0 0 0 0 {inode} 1\n")
        };
        fake.file(
            "/proc/net/tcp",
            format!("{}{}", row("00000000:01BB", 77), row("0100007F:18EB", 78)),
        );
        for (pid, name, program, inode) in
            [(9, "nginx", "/usr/sbin/nginx", 77), (10, "redis-server", "/usr/bin/redis-server", 78)]
        {
            fake.file(
                format!("/proc/{pid}/status"),
                format!("Name:\t{name}\nPPid:\t1\nUid:\t7\t7\t7\t7\n"),
            );
            fake.link(format!("/proc/{pid}/exe"), program);
            fake.link(format!("/proc/{pid}/fd/3"), format!("socket:[{inode}]"));
            fake.file(
                format!("/proc/{pid}/maps"),
                "7f00-7f01 r-xp 00000000 08:01 1 /usr/lib/libssl.so.3\n",
            );
        }
        fake
    }

    #[test]
    fn a_library_is_as_exposed_as_the_most_exposed_that_uses_it() {
        let fake = fake();
        let host = host(&Facts::new(&fake, Ground::Running)).unwrap();
        assert_eq!(host.exposure("nginx"), Exposure::Listens(Reach::Outside));
        assert_eq!(host.exposure("libssl3"), Exposure::Listens(Reach::Outside));
        assert_eq!(host.exposure("redis-server"), Exposure::Listens(Reach::Local));
        assert_eq!(host.exposure("vim"), Exposure::Silent);
        assert_eq!(host.release(), "debian 12 (bookworm)");
    }

    #[test]
    fn what_cannot_be_seen_is_not_silent() {
        let fake = fake();
        let tree = host(&Facts::new(&fake, Ground::Tree)).unwrap();
        assert_eq!(tree.exposure("vim"), Exposure::Unknown);
        fake.remove("/proc/9/fd/3");
        let host = host(&Facts::new(&fake, Ground::Running)).unwrap();
        assert_eq!(host.exposure("vim"), Exposure::Unknown, "one listener's process is not seen");
        let empty = Fake::new();
        let found = super::host(&Facts::new(&empty, Ground::Tree));
        assert!(matches!(found, Err(AdvisoryError::NoPackages)));
    }

    #[test]
    fn releases_are_told_apart() {
        let fake = fake();
        let mut host = host(&Facts::new(&fake, Ground::Tree)).unwrap();
        for (release, wanted) in [
            ("bookworm", true),
            ("Debian:12", true),
            ("Debian:1", false),
            ("trixie", false),
            ("Debian:12:LTS", true),
            ("Ubuntu:12", false),
            ("", false),
        ] {
            assert_eq!(host.is_of(release), wanted, "{release}");
        }
        host.system = "ubuntu".to_owned();
        host.version = "22.04".to_owned();
        host.codename = "jammy".to_owned();
        assert!(
            host.is_of("Ubuntu:22.04:LTS")
                && !host.is_of("Ubuntu:Pro:22.04:LTS")
                && !host.is_of("jammy")
        );
    }
}
