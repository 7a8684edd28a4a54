//! Installed packages by the own files of dpkg, or of rpm where there is no dpkg, and the paths that belong to them.

use super::{Facts, Seen, text_of};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_BYTES_MAX: u64 = 64 * 1024 * 1024;
const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;
const LISTS_MAX: usize = 20_000;

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// As `1:9.2p1-2+deb12u3`.
    pub version: String,
    /// The package that it was built from.
    pub source: String,
    /// The version of that one, which may be another.
    pub source_version: String,
    /// As `amd64` or `all`.
    pub architecture: String,
    /// It is kept at its version.
    pub is_held: bool,
}

/// Who keeps packages, and by which rules their versions are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manager {
    /// None that is known.
    #[default]
    None,
    /// Debian's.
    Dpkg,
    /// Red Hat's and SUSE's.
    Rpm,
}

/// All of them, and what belongs to them.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// Who keeps them.
    pub manager: Manager,
    /// Where that is written.
    pub source: PathBuf,
    /// By name.
    pub installed: HashMap<String, Package>,
    /// Files with the digest that they came with, where the package manager's own data base has them.
    digests: Vec<(PathBuf, u32, String)>,
    /// Paths as they are on the disk, links of directories followed; with the package's number.
    owned: HashMap<PathBuf, u32>,
    names: Vec<String>,
    /// Diverted away paths.
    diverted: HashSet<PathBuf>,
    /// Where `/bin` is a link to `/usr/bin`.
    pub(super) is_merged: bool,
}

impl Packages {
    /// Without any.
    pub(super) fn of(manager: Manager, source: &Path, is_merged: bool) -> Self {
        Self { manager, source: source.to_owned(), is_merged, ..Self::default() }
    }

    /// One more; its number.
    pub(super) fn add(&mut self, package: Package) -> u32 {
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(package.name.clone());
        self.installed.insert(package.name.clone(), package);
        number
    }

    /// A path that belongs to a package, with the digest that it came with.
    pub(super) fn own(&mut self, path: PathBuf, number: u32, digest: Option<&str>) {
        if let Some(digest) = digest {
            self.digests.push((path.clone(), number, digest.to_owned()));
        }
        self.owned.entry(path).or_insert(number);
    }

    /// Files with their package and the digest in hexadecimal digits that they came with, as far as the data base has it.
    pub fn digests(&self) -> impl Iterator<Item = (&Path, &str, &str)> {
        self.digests.iter().filter_map(|(path, number, digest)| {
            let name = self.names.get(usize::try_from(*number).ok()?)?;
            Some((path.as_path(), name.as_str(), digest.as_str()))
        })
    }

    /// Whether a package is installed.
    pub fn has(&self, name: &str) -> bool {
        self.installed.contains_key(name)
    }

    /// Whether anything is known at all.
    pub fn is_empty(&self) -> bool {
        self.installed.is_empty()
    }

    /// The package that a path belongs to.
    pub fn owner(&self, path: &Path) -> Option<&str> {
        let number = *self.owned.get(&merged(path, self.is_merged))?;
        self.names.get(usize::try_from(number).ok()?).map(String::as_str)
    }

    /// Every path of a package, in no order.
    pub fn paths<'p>(&'p self, package: &'p str) -> impl Iterator<Item = &'p Path> {
        let name = |number: u32| self.names.get(usize::try_from(number).ok()?);
        let own = move |number: u32| name(number).is_some_and(|name| name == package);
        self.owned.iter().filter(move |(_, number)| own(**number)).map(|(path, _)| path.as_path())
    }

    /// The path where it really lies, through the links of a merged `/usr`.
    pub fn real(&self, path: &Path) -> PathBuf {
        merged(path, self.is_merged)
    }

    /// Whether the path was diverted by another package.
    pub fn is_diverted(&self, path: &Path) -> bool {
        self.diverted.contains(&merged(path, self.is_merged))
    }
}

/// The path without the links of a merged `/usr`.
pub(super) fn merged(path: &Path, is_merged: bool) -> PathBuf {
    let first = path.components().nth(1).and_then(|part| part.as_os_str().to_str());
    let moved = matches!(first, Some("bin" | "sbin" | "lib" | "lib64" | "lib32" | "libx32"));
    if is_merged && moved {
        return Path::new("/usr").join(path.strip_prefix("/").unwrap_or(path));
    }
    path.to_owned()
}

impl Facts<'_> {
    /// dpkg's knowledge, or rpm's; empty where there is neither.
    pub fn packages(&self) -> &Seen<Packages> {
        self.cells.packages.get_or_init(|| {
            let link = self.metadata("/bin")?.is_some_and(|m| m.kind == burgrave_sys::Kind::Link);
            let Some(status) = self.bytes(STATUS, STATUS_BYTES_MAX)? else {
                return Ok(self.rpm_packages(link)?.unwrap_or_default());
            };
            let mut packages = Packages::of(Manager::Dpkg, Path::new(STATUS), link);
            for paragraph in text_of(&status).split("\n\n") {
                if let Some(package) = package(paragraph) {
                    packages.installed.insert(package.name.clone(), package);
                }
            }
            self.owned_paths(&mut packages)?;
            self.diversions(&mut packages)?;
            Ok(packages)
        })
    }

    fn owned_paths(&self, packages: &mut Packages) -> Seen<()> {
        for path in self.files_in("/var/lib/dpkg/info", ".list")?.into_iter().take(LISTS_MAX) {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let name = name.split(':').next().unwrap_or_default().to_owned();
            if !packages.installed.contains_key(&name) {
                continue;
            }
            let number = u32::try_from(packages.names.len()).unwrap_or(u32::MAX);
            packages.names.push(name);
            let bytes = self.bytes(&path, LIST_BYTES_MAX)?.unwrap_or_default();
            for line in text_of(&bytes).lines() {
                let path = merged(Path::new(line), packages.is_merged);
                packages.owned.entry(path).or_insert(number);
            }
        }
        Ok(())
    }

    /// Three lines each: what, whereto, by whom.
    fn diversions(&self, packages: &mut Packages) -> Seen<()> {
        let lines = self.lines("/var/lib/dpkg/diversions")?;
        let all: Vec<_> = lines.iter().flat_map(|lines| lines.iter()).collect();
        for three in all.chunks(3) {
            if let [what, whereto, _] = three {
                packages.diverted.insert(merged(Path::new(&what.text), packages.is_merged));
                packages
                    .owned
                    .entry(merged(Path::new(&whereto.text), packages.is_merged))
                    .or_insert(0);
            }
        }
        Ok(())
    }
}

fn package(paragraph: &str) -> Option<Package> {
    let (mut name, mut version, mut status, mut source) = ("", "", "", "");
    let (mut source_version, mut architecture) = ("", "");
    for line in paragraph.lines() {
        match line.split_once(": ") {
            Some(("Package", value)) => name = value.trim(),
            Some(("Version", value)) => version = value.trim(),
            Some(("Status", value)) => status = value.trim(),
            Some(("Source", value)) => {
                let mut words = value.split_whitespace();
                source = words.next().unwrap_or_default();
                source_version =
                    words.next().unwrap_or_default().trim_start_matches('(').trim_end_matches(')');
            }
            Some(("Architecture", value)) => architecture = value.trim(),
            _ => {}
        }
    }
    if name.is_empty() || !status.ends_with(" installed") {
        return None;
    }
    let source = if source.is_empty() { name } else { source };
    let source_version = if source_version.is_empty() { version } else { source_version };
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source: source.to_owned(),
        source_version: source_version.to_owned(),
        architecture: architecture.to_owned(),
        is_held: status.starts_with("hold "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn packages_own_their_paths_also_through_a_merged_usr() {
        let fake = Fake::new();
        fake.file("/var/lib/dpkg/status", "Package: a\nStatus: hold ok installed\nVersion: 1\nSource: s (2)\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n");
        fake.file("/var/lib/dpkg/info/a:amd64.list", "/.\n/bin\n/bin/a\n").link("/bin", "usr/bin");
        fake.file("/var/lib/dpkg/info/gone.list", "/usr/bin/gone\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let packages = facts.packages().as_ref().unwrap();
        assert_eq!(packages.installed.len(), 1);
        assert!(packages.installed["a"].is_held);
        assert_eq!(packages.installed["a"].source, "s");
        assert_eq!(packages.installed["a"].source_version, "2");
        assert_eq!(packages.owner(Path::new("/usr/bin/a")), Some("a"));
        assert_eq!(packages.owner(Path::new("/bin/a")), Some("a"));
        assert_eq!(packages.owner(Path::new("/usr/bin/gone")), None);
    }
}
