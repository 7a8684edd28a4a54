//! Installed packages by rpm's own data base: a table of headers, each with the package's name, files and digests.
//!
//! The header's form is that of rpm 4 (`lib/header.c`, "Header structure" of its manual): an index of tags, and a store that
//! their values lie in. The data base is `SQLite`'s since rpm 4.16; the older ones (Berkeley DB, NDB) are not read, and that is
//! said. Crates that read them open files by path and trust what is in them, which a tree of a stranger must not be.
//!
//! Invariants: what cannot be read makes all of it unknown, never less; numbers and lengths of a header are held to its size.

use super::packages::{Manager, Package, Packages, merged};
use super::sqlite::{Column, Database, columns};
use super::{Blind, Facts, Seen};
use std::path::Path;

/// Where the data base is, in the order of its age.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
/// What others made it of.
const OLDER: [&str; 2] = ["Packages", "Packages.db"];
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Files of a package.
const FILES_MAX: usize = 1_000_000;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCHITECTURE: u32 = 1022;
const MODES: u32 = 1030;
const DIGESTS: u32 = 1035;
const FLAGS: u32 = 1037;
const SOURCE: u32 = 1044;
const FOLDER_NUMBERS: u32 = 1116;
const FILE_NAMES: u32 = 1117;
const FOLDER_NAMES: u32 = 1118;
/// A file that the package does not bring, but owns.
const GHOST: u32 = 1 << 6;
/// A key that signs packages has a row of its own.
const NO_PACKAGE: &str = "gpg-pubkey";

impl Facts<'_> {
    /// rpm's knowledge. `None`: there is no rpm.
    pub(super) fn rpm_packages(&self, is_merged: bool) -> Seen<Option<Packages>> {
        for folder in FOLDERS {
            let file = format!("{folder}/rpmdb.sqlite");
            let Some(bytes) = self.bytes(&file, FILE_BYTES_MAX)? else { continue };
            let pending = self.metadata(format!("{file}-wal"))?.map_or(0, |facts| facts.len);
            if pending > 0 {
                return Err(Blind::new(file, "a change of it is under way: look again later"));
            }
            let packages = read(&bytes, Path::new(&file), is_merged);
            return packages.map(Some).map_err(|why| Blind::new(file, why));
        }
        for folder in FOLDERS {
            for name in OLDER {
                let file = format!("{folder}/{name}");
                if self.metadata(&file)?.is_some() {
                    let why = "an older form of rpm's data base is not read: `rpmdb --rebuilddb` of a newer rpm makes one that is";
                    return Err(Blind::new(file, why));
                }
            }
        }
        Ok(None)
    }
}

fn read(bytes: &[u8], file: &Path, is_merged: bool) -> Result<Packages, String> {
    let rows = Database::open(bytes).and_then(|database| database.rows("Packages"))?;
    let mut packages = Packages::of(Manager::Rpm, file, is_merged);
    for row in rows {
        let columns = columns(&row)?;
        let Some(Column::Bytes(blob)) = columns.get(1) else {
            return Err("a row of it is no package".to_owned());
        };
        add(&mut packages, &Header::parse(blob)?)?;
    }
    Ok(packages)
}

fn add(packages: &mut Packages, header: &Header<'_>) -> Result<(), &'static str> {
    let text = |tag| header.texts(tag).map(|all| all.first().cloned().unwrap_or_default());
    let name = text(NAME)?;
    if name.is_empty() {
        return Err("a package of it has no name");
    }
    if name == NO_PACKAGE {
        return Ok(());
    }
    let release = format!("{}-{}", text(VERSION)?, text(RELEASE)?);
    let version = match header.numbers(EPOCH, 4)?.first() {
        Some(epoch) => format!("{epoch}:{release}"),
        None => release,
    };
    let (source, source_version) = source(&text(SOURCE)?, &name, &version);
    let architecture = text(ARCHITECTURE)?;
    let package = Package {
        name: name.clone(),
        version,
        source,
        source_version,
        architecture,
        is_held: false,
    };
    let number = packages.add(package);
    let (names, folders) = (header.texts(FILE_NAMES)?, header.texts(FOLDER_NAMES)?);
    let digests = header.texts(DIGESTS)?;
    let places = header.numbers(FOLDER_NUMBERS, 4)?;
    let (modes, flags) = (header.numbers(MODES, 2)?, header.numbers(FLAGS, 4)?);
    for (index, name) in names.iter().enumerate().take(FILES_MAX) {
        let folder = places.get(index).and_then(|at| folders.get(usize::try_from(*at).ok()?));
        let folder = folder.ok_or("a file of it is in no folder")?;
        let path = merged(&Path::new(folder).join(name), packages.is_merged);
        let is_file = modes.get(index).is_some_and(|mode| mode & 0o170_000 == 0o100_000);
        let is_brought = flags.get(index).is_none_or(|flags| flags & GHOST == 0);
        let digest = digests.get(index).filter(|own| is_file && is_brought && !own.is_empty());
        packages.own(path, number, digest.map(String::as_str));
    }
    Ok(())
}

/// `bash` and `5.1.8-6.el9` of `bash-5.1.8-6.el9.src.rpm`.
fn source(file: &str, name: &str, version: &str) -> (String, String) {
    let own = || (name.to_owned(), version.to_owned());
    let Some(stem) = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))
    else {
        return own();
    };
    let mut parts = stem.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name)) => {
            (name.to_owned(), format!("{version}-{release}"))
        }
        _ => own(),
    }
}

/// A package's header.
struct Header<'h> {
    index: &'h [u8],
    store: &'h [u8],
}

const ENTRY_BYTES: usize = 16;

impl<'h> Header<'h> {
    fn parse(bytes: &'h [u8]) -> Result<Self, &'static str> {
        let short = "a header of it breaks off";
        let (entries, size) = (word(bytes, 0).ok_or(short)?, word(bytes, 4).ok_or(short)?);
        let end = usize::try_from(entries).ok().and_then(|count| count.checked_mul(ENTRY_BYTES));
        let end = end.and_then(|bytes| bytes.checked_add(8)).ok_or(short)?;
        let index = bytes.get(8..end).ok_or(short)?;
        let size = usize::try_from(size).map_err(|_huge| short)?;
        let store = bytes.get(end..).and_then(|rest| rest.get(..size)).ok_or(short)?;
        Ok(Self { index, store })
    }

    /// Where a tag's values begin, and how many they are; the last entry of a tag counts.
    fn find(&self, tag: u32) -> Option<(u32, &'h [u8], usize)> {
        let mut found = None;
        for entry in self.index.chunks_exact(ENTRY_BYTES) {
            if word(entry, 0) == Some(tag) {
                found = Some(entry);
            }
        }
        let entry = found?;
        let at = usize::try_from(word(entry, 8)?).ok()?;
        let count = usize::try_from(word(entry, 12)?).ok()?;
        Some((word(entry, 4)?, self.store.get(at..).unwrap_or_default(), count))
    }

    /// The texts of a tag; none where it is not there.
    fn texts(&self, tag: u32) -> Result<Vec<String>, &'static str> {
        let Some((kind, mut bytes, count)) = self.find(tag) else { return Ok(Vec::new()) };
        if !matches!(kind, 6 | 8 | 9) {
            return Err("a tag of it is no text");
        }
        // Each has a byte at least, its end.
        if count > bytes.len() {
            return Err("a tag of it leaves its header");
        }
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            let end = bytes.iter().position(|byte| *byte == 0).ok_or("a text of it has no end")?;
            let (text, rest) = bytes.split_at(end);
            all.push(super::text_of(text));
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(all)
    }

    /// The numbers of a tag, of so many bytes each; none where it is not there.
    fn numbers(&self, tag: u32, size: usize) -> Result<Vec<u32>, &'static str> {
        let Some((kind, bytes, count)) = self.find(tag) else { return Ok(Vec::new()) };
        if kind != if size == 2 { 3 } else { 4 } {
            return Err("a tag of it is no number");
        }
        let bytes = count.checked_mul(size).and_then(|end| bytes.get(..end));
        let bytes = bytes.ok_or("a tag of it leaves its header")?;
        let one = |own: &[u8]| own.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
        Ok(bytes.chunks_exact(size).map(one).collect())
    }
}

/// Big end first.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
