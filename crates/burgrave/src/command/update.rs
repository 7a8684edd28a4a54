//! `burgrave rules update`: a pinned release of the OWASP Core Rule Set.
//!
//! The archive is checked against the digest that the operator gave, unpacked in memory within bounds,
//! compiled, written to a folder of its own, and only then is `current` pointed at it, in one rename.

use super::Exit;
use crate::cli::Update;
use crate::error::Error;
use crate::load::Files;
use crate::output;
use burgrave_seclang::{Options, RuleSet};
use burgrave_sys::{Access, Invocation, Live, System};
use flate2::read::GzDecoder;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Bytes of the archive.
const ARCHIVE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes of all files that are taken from it.
const UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Entries looked at.
const ENTRIES_MAX: usize = 20_000;
/// Where releases are, for a machine with a network.
const RELEASES: &str = "https://github.com/coreruleset/coreruleset/archive/refs/tags";
const CURL: &str = "/usr/bin/curl";

/// Takes a release, or goes back to the one before.
pub(super) fn run(update: &Update) -> Result<Exit, Error> {
    if update.rollback {
        return roll_back(&update.to);
    }
    let release = release_name(update.release.as_deref().unwrap_or_default())?;
    let wanted = digest(update.sha256.as_deref().unwrap_or_default())?;
    let archive = match &update.archive {
        Some(path) => Live
            .read(path, ARCHIVE_BYTES_MAX)
            .map_err(|error| Error::update_because("cannot read the archive", error))?,
        None => fetch(&release)?,
    };
    let found = hex(&Sha256::digest(&archive));
    if found != wanted {
        return Err(Error::update(format!(
            "the archive's SHA-256 is {found}, not {wanted}: nothing was changed; do not use this file"
        )));
    }
    let files = unpack(&archive)?;
    let folder = update
        .to
        .join("releases")
        .join(format!("{release}-{}", &wanted.get(..12).unwrap_or(&wanted)));
    write(&folder, &files)?;
    let rules = compile(&folder)?;
    let before = burgrave_sys::own_link(&update.to.join("current"))
        .map_err(|error| Error::update_because("cannot look at the release in use", error))?;
    if let Some(before) = before.filter(|before| *before != folder) {
        point(&update.to, "previous", &before)?;
    }
    point(&update.to, "current", &folder)?;
    output::text(&format!(
        "release {release} with {rules} rules is `{}`; reload burgrave to use it, \
         `burgrave rules update --rollback` to go back\n",
        update.to.join("current").display()
    ))?;
    Ok(Exit::Clean)
}

fn roll_back(to: &Path) -> Result<Exit, Error> {
    let look = |name: &str| {
        burgrave_sys::own_link(&to.join(name))
            .map_err(|error| Error::update_because(format!("cannot look at `{name}`"), error))
    };
    let previous =
        look("previous")?.ok_or_else(|| Error::update("there is no release before this one"))?;
    compile(&previous)?;
    let current = look("current")?;
    point(to, "current", &previous)?;
    if let Some(current) = current {
        point(to, "previous", &current)?;
    }
    output::text(&format!("back to `{}`; reload burgrave to use it\n", previous.display()))?;
    Ok(Exit::Clean)
}

fn point(to: &Path, name: &str, folder: &Path) -> Result<(), Error> {
    burgrave_sys::replace_link(&to.join(name), folder)
        .map_err(|error| Error::update_because(format!("cannot change `{name}`"), error))
}

/// Digits and dots only: it becomes part of a path and of an address.
fn release_name(text: &str) -> Result<String, Error> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if text.is_empty() || text.len() > 32 || !text.chars().all(plain) || text.contains("..") {
        return Err(Error::update(format!(
            "`{}` is no release, as in `4.18.0`",
            text.escape_debug()
        )));
    }
    Ok(text.to_owned())
}

fn digest(text: &str) -> Result<String, Error> {
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::update("the SHA-256 is not 64 hexadecimal digits"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fetch(release: &str) -> Result<Vec<u8>, Error> {
    let most = usize::try_from(ARCHIVE_BYTES_MAX).unwrap_or(usize::MAX);
    let failed = |error| Error::update_because("cannot run curl", error);
    let invocation = Invocation::new(CURL, Duration::from_mins(5), most)
        .map_err(failed)?
        .arg("--fail")
        .arg("--silent")
        .arg("--show-error")
        .arg("--location")
        .arg("--proto")
        .arg("=https")
        .arg(format!("{RELEASES}/v{release}.tar.gz"));
    let ran = Live.run(&invocation).map_err(failed)?;
    if ran.ended != burgrave_sys::Ended::Exit(0) {
        let why = bstr::BStr::new(&ran.stderr).to_string();
        return Err(Error::update(format!(
            "cannot fetch release {release}: {}; give a file with `--archive`",
            why.trim()
        )));
    }
    Ok(ran.stdout)
}

/// The rule and data files of an archive, by name; everything else stays in it.
fn unpack(archive: &[u8]) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
    let bad =
        |error: std::io::Error| Error::update_because("the archive cannot be unpacked", error);
    let mut files = BTreeMap::new();
    let mut room = UNPACKED_BYTES_MAX;
    let limited = GzDecoder::new(archive).take(UNPACKED_BYTES_MAX * 4);
    let mut unpacked = tar::Archive::new(limited);
    for (index, entry) in unpacked.entries().map_err(bad)?.enumerate() {
        let entry = entry.map_err(bad)?;
        if index >= ENTRIES_MAX {
            return Err(Error::update("the archive has too many entries"));
        }
        let path = entry.path().map_err(bad)?.into_owned();
        let Some(name) = wanted(&path).filter(|_| entry.header().entry_type().is_file()) else {
            continue;
        };
        let mut content = Vec::new();
        entry.take(room + 1).read_to_end(&mut content).map_err(bad)?;
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        room = room
            .checked_sub(size)
            .ok_or_else(|| Error::update("the archive's rule files are too large"))?;
        files.insert(name, content);
    }
    if !files.contains_key(Path::new("crs-setup.conf.example")) {
        return Err(Error::update(
            "the archive holds no `crs-setup.conf.example`: it is no rule set",
        ));
    }
    Ok(files)
}

/// `*/crs-setup.conf.example` and `*/rules/*.conf|data`, without the archive's own first folder.
fn wanted(path: &Path) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    match parts.as_slice() {
        [_, "crs-setup.conf.example"] => Some(PathBuf::from("crs-setup.conf.example")),
        [_, "rules", name]
            if matches!(Path::new(name).extension()?.to_str(), Some("conf" | "data")) =>
        {
            Some(Path::new("rules").join(name))
        }
        _ => None,
    }
}

fn write(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<(), Error> {
    let failed = |error| Error::update_because("cannot write the release", error);
    burgrave_sys::make_own_directory(&folder.join("rules")).map_err(failed)?;
    for (name, content) in files {
        burgrave_sys::replace_own(&folder.join(name), content, Access::All).map_err(failed)?;
    }
    Ok(())
}

/// The number of rules; a release that does not load is never put to use.
fn compile(folder: &Path) -> Result<usize, Error> {
    let include = [folder.join("crs-setup.conf.example"), folder.join("rules/*.conf")];
    let rules =
        RuleSet::compile(&include, &Files(&Live), Options::default()).map_err(Error::Rules)?;
    Ok(rules.len())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make and look at files")]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::fs;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder =
            tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(content.len()).unwrap());
            header.set_mode(0o644);
            // Set by hand: the builder itself refuses names that climb.
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn release(rule: &str) -> Vec<u8> {
        archive(&[
            ("crs/crs-setup.conf.example", "SecAction \"id:900990,phase:1,pass,nolog\""),
            ("crs/rules/A.conf", rule),
            ("crs/rules/a.data", "word"),
            ("crs/tests/x.py", "print()"),
            ("crs/../../escape.conf", "SecMarker X"),
        ])
    }

    fn take(to: &Path, name: &str, archive: &[u8], sha256: &str) -> Result<Exit, Error> {
        let path = to.join("archive.tar.gz");
        fs::write(&path, archive).unwrap();
        run(&Update {
            to: to.to_path_buf(),
            release: Some(name.to_owned()),
            sha256: Some(sha256.to_owned()),
            archive: Some(path),
            rollback: false,
        })
    }

    fn good(to: &Path, name: &str, rule: &str) -> Result<Exit, Error> {
        let archive = release(rule);
        take(to, name, &archive, &hex(&Sha256::digest(&archive)))
    }

    const RULE: &str = "SecRule ARGS \"@pmFromFile a.data\" \"id:1,phase:1,deny\"";

    #[test]
    fn a_release_is_verified_compiled_swapped_and_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path();
        good(to, "1.0.0", RULE).unwrap();
        let first = fs::read_link(to.join("current")).unwrap();
        assert!(to.join("current/rules/a.data").exists());
        assert!(!to.join("current/tests").exists() && !to.join("releases/escape.conf").exists());
        good(to, "1.1.0", &RULE.replace("deny", "pass")).unwrap();
        let second = fs::read_link(to.join("current")).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_link(to.join("previous")).unwrap(), first);
        let back = Update {
            to: to.to_path_buf(),
            release: None,
            sha256: None,
            archive: None,
            rollback: true,
        };
        run(&back).unwrap();
        assert_eq!(fs::read_link(to.join("current")).unwrap(), first);
        assert_eq!(fs::read_link(to.join("previous")).unwrap(), second);
    }

    #[test]
    fn nothing_changes_when_a_release_is_not_right() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path();
        good(to, "1.0.0", RULE).unwrap();
        let current = fs::read_link(to.join("current")).unwrap();
        let wrong = take(to, "1.1.0", &release(RULE), &"0".repeat(64)).unwrap_err().to_string();
        assert!(wrong.contains("nothing was changed"), "{wrong}");
        let broken = good(to, "1.2.0", "SecFrob").unwrap_err().to_string();
        assert!(broken.contains("unknown directive"), "{broken}");
        let empty = archive(&[("x/README", "")]);
        assert!(take(to, "1.3.0", &empty, &hex(&Sha256::digest(&empty))).is_err());
        let garbage = b"not gzip".to_vec();
        assert!(take(to, "1.4.0", &garbage, &hex(&Sha256::digest(&garbage))).is_err());
        assert!(take(to, "../x", &garbage, &hex(&Sha256::digest(&garbage))).is_err());
        assert!(take(to, "1.5.0", &garbage, "abc").is_err());
        assert_eq!(fs::read_link(to.join("current")).unwrap(), current);
    }
}
