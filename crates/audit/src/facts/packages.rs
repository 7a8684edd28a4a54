//! Installed packages by dpkg's own files, the paths that belong to them, and Debian's order of
//! versions (Debian Policy, 5.6.12).

use super::{Facts, Seen, text_of};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

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
    /// It is kept at its version.
    pub is_held: bool,
}

/// All of them, and what belongs to them.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// By name.
    pub installed: HashMap<String, Package>,
    /// Paths as they are on the disk, links of directories followed; with the package's number.
    owned: HashMap<PathBuf, u32>,
    names: Vec<String>,
    /// Diverted away paths.
    diverted: HashSet<PathBuf>,
    /// Where `/bin` is a link to `/usr/bin`.
    is_merged: bool,
}

impl Packages {
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
fn merged(path: &Path, is_merged: bool) -> PathBuf {
    let first = path.components().nth(1).and_then(|part| part.as_os_str().to_str());
    let moved = matches!(first, Some("bin" | "sbin" | "lib" | "lib64" | "lib32" | "libx32"));
    if is_merged && moved {
        return Path::new("/usr").join(path.strip_prefix("/").unwrap_or(path));
    }
    path.to_owned()
}

impl Facts<'_> {
    /// dpkg's knowledge; empty where there is no dpkg.
    pub fn packages(&self) -> &Seen<Packages> {
        self.cells.packages.get_or_init(|| {
            let Some(status) = self.bytes("/var/lib/dpkg/status", STATUS_BYTES_MAX)? else {
                return Ok(Packages::default());
            };
            let link = self.metadata("/bin")?.is_some_and(|m| m.kind == burgrave_sys::Kind::Link);
            let mut packages = Packages { is_merged: link, ..Packages::default() };
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
    for line in paragraph.lines() {
        match line.split_once(": ") {
            Some(("Package", value)) => name = value.trim(),
            Some(("Version", value)) => version = value.trim(),
            Some(("Status", value)) => status = value.trim(),
            Some(("Source", value)) => source = value.split_whitespace().next().unwrap_or_default(),
            _ => {}
        }
    }
    if name.is_empty() || !status.ends_with(" installed") {
        return None;
    }
    let source = if source.is_empty() { name } else { source };
    Some(Package {
        name: name.to_owned(),
        version: version.to_owned(),
        source: source.to_owned(),
        is_held: status.starts_with("hold "),
    })
}

/// Compares two versions by Debian's rules: epoch, upstream version, revision.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (epoch_a, rest_a) = epoch(a);
    let (epoch_b, rest_b) = epoch(b);
    let (upstream_a, revision_a) = rest_a.rsplit_once('-').unwrap_or((rest_a, ""));
    let (upstream_b, revision_b) = rest_b.rsplit_once('-').unwrap_or((rest_b, ""));
    epoch_a
        .cmp(&epoch_b)
        .then_with(|| compare_parts(upstream_a, upstream_b))
        .then_with(|| compare_parts(revision_a, revision_b))
}

fn epoch(version: &str) -> (u64, &str) {
    let split = version.split_once(':');
    split.map_or((0, version), |(epoch, rest)| (epoch.parse().unwrap_or(0), rest))
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = cut(a, |letter| !letter.is_ascii_digit());
        let (text_b, rest_b) = cut(b, |letter| !letter.is_ascii_digit());
        let order = |text: &str| -> Vec<i32> { text.chars().map(weight).chain([0]).collect() };
        let texts = order(text_a).cmp(&order(text_b));
        let (number_a, next_a) = cut(rest_a, |letter| letter.is_ascii_digit());
        let (number_b, next_b) = cut(rest_b, |letter| letter.is_ascii_digit());
        let both = texts.then_with(|| compare_numbers(number_a, number_b));
        if both != Ordering::Equal {
            return both;
        }
        (a, b) = (next_a, next_b);
    }
    Ordering::Equal
}

fn cut(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    let at = text.find(|letter| !wanted(letter)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// A tilde comes before everything, even the end; letters before other signs.
fn weight(letter: char) -> i32 {
    let code = i32::try_from(u32::from(letter)).unwrap_or(i32::MAX);
    match letter {
        '~' => -1,
        letter if letter.is_ascii_alphabetic() => code,
        _ => code.saturating_add(256),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        for (a, b) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0~rc1", "1.0"),
            ("1.0", "1:0.1"),
            ("1.0-1", "1.0-2"),
            ("1:9.2p1-2", "1:9.2p1-2+deb12u3"),
            ("1.0a", "1.0+"),
            ("1.0~~", "1.0~"),
            ("2.36-9+deb12u4", "2.36-9+deb12u10"),
        ] {
            assert_eq!(compare_versions(a, b), Ordering::Less, "{a} < {b}");
            assert_eq!(compare_versions(b, a), Ordering::Greater, "{b} > {a}");
        }
        for (a, b) in [("1.0", "1.00"), ("0:1", "1"), ("1.0-0", "1.0")] {
            assert_eq!(compare_versions(a, b), Ordering::Equal, "{a} = {b}");
        }
    }

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
        assert_eq!(packages.owner(Path::new("/usr/bin/a")), Some("a"));
        assert_eq!(packages.owner(Path::new("/bin/a")), Some("a"));
        assert_eq!(packages.owner(Path::new("/usr/bin/gone")), None);
    }
}
