//! `burgrave baseline`: what is there is accepted, shown, and compared with what is there later.

use super::Exit;
use crate::cli::{Baseline as Command, BaselineOf, Format};
use crate::error::Error;
use crate::{load, output};
use burgrave_audit::Facts;
use burgrave_audit::baseline::{Baseline, Difference, folders, take};
use burgrave_audit::facts::{Blind, Seen};
use burgrave_sys::{
    Access, Live, SysError, System as _, UnixTime, make_own_directory, read_own, replace_own,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Bytes of what is kept.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Differences that are shown to people.
const SHOWN_MAX: usize = 200;

/// Runs the command.
pub(super) fn dispatch(command: &Command) -> Result<Exit, Error> {
    match command {
        Command::Accept { of, folders } => accept(of, folders),
        Command::Show { of, format } => show(of, *format),
        Command::Check { of, digest, format } => check(of, digest.as_deref(), *format),
    }
}

/// What is kept for a host; `None` where nothing was accepted. What is damaged is told.
pub(crate) fn kept(state: &Path, root: Option<&Path>) -> Seen<Option<Baseline>> {
    let path = file(state, root);
    let bytes = match read_own(&path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(SysError::Missing(_)) => return Ok(None),
        Err(error) => return Err(Blind::because(&path, &error)),
    };
    let text = String::from_utf8(bytes).ok();
    let baseline = text.and_then(|text| Baseline::parse(&text));
    let damaged = || {
        Blind::new(
            path.display().to_string(),
            "the accepted baseline was changed or is not whole: accept it again",
        )
    };
    baseline.map(Some).ok_or_else(damaged)
}

/// Length and time of what is kept for this machine: another one was accepted when they are others.
pub(crate) fn stamp(state: &Path) -> Option<(u64, UnixTime)> {
    Live.metadata(&file(state, None)).ok().map(|metadata| (metadata.len, metadata.modified))
}

/// Each tree has its own, by where it lies.
fn file(state: &Path, root: Option<&Path>) -> PathBuf {
    let folder = state.join("baseline");
    match root {
        None => folder.join("host"),
        Some(root) => {
            let real = root.canonicalize().unwrap_or_else(|_gone| root.to_path_buf());
            let digest = Sha256::digest(real.as_os_str().as_bytes());
            let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            folder.join(format!("tree-{hex}"))
        }
    }
}

fn accept(of: &BaselineOf, only: &[PathBuf]) -> Result<Exit, Error> {
    let state = load::state(of.config.as_deref())?;
    let (system, ground) = load::host(of.root.as_deref())?;
    let mut facts = Facts::new(system.as_ref(), ground);
    facts.served = load::served(of.config.as_deref())?;
    if let Some(relative) = only.iter().find(|folder| !folder.is_absolute()) {
        return Err(Error::NotAbsolute(relative.clone()));
    }
    let wanted = if only.is_empty() { folders(&facts).map_err(blind)? } else { only.to_vec() };
    let (baseline, unread) = take(&facts, &wanted).map_err(blind)?;
    for blind in unread.iter().take(SHOWN_MAX) {
        output::notice(&format!("warning: `{}` is not in the baseline: {}", blind.what, blind.why));
    }
    let path = file(&state, of.root.as_deref());
    let wrong = |error| Error::Write(path.clone(), error);
    make_own_directory(&state.join("baseline")).map_err(wrong)?;
    replace_own(&path, baseline.text().as_bytes(), Access::Owner).map_err(wrong)?;
    output::text(&told(&baseline))?;
    Ok(Exit::Clean)
}

fn told(baseline: &Baseline) -> String {
    let folders: Vec<String> =
        baseline.folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    format!(
        "{} paths of {} as of {}\ndigest {}\n",
        baseline.entries.len(),
        folders.join(", "),
        baseline.time.rfc3339(),
        baseline.digest()
    )
}

fn wanted(of: &BaselineOf) -> Result<Baseline, Error> {
    let state = load::state(of.config.as_deref())?;
    kept(&state, of.root.as_deref()).map_err(blind)?.ok_or(Error::NoBaseline)
}

fn show(of: &BaselineOf, format: Format) -> Result<Exit, Error> {
    let baseline = wanted(of)?;
    output::text(&match format {
        Format::Text => told(&baseline),
        Format::Json => {
            let value = json!({
                "version": 1,
                "time": baseline.time.rfc3339(),
                "digest": baseline.digest(),
                "folders": baseline.folders,
                "paths": baseline.entries.len(),
            });
            format!("{value:#}\n")
        }
    })?;
    Ok(Exit::Clean)
}

fn check(of: &BaselineOf, digest: Option<&str>, format: Format) -> Result<Exit, Error> {
    let baseline = wanted(of)?;
    let (system, ground) = load::host(of.root.as_deref())?;
    let facts = Facts::new(system.as_ref(), ground);
    let (now, mut unknown) = take(&facts, &baseline.folders).map_err(blind)?;
    let (differences, more) = baseline.differences(&now);
    unknown.extend(more);
    let is_other = digest.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&baseline.digest()));
    output::text(&match format {
        Format::Text => text(&differences, &unknown, is_other),
        Format::Json => answer(&differences, &unknown, is_other),
    })?;
    Ok(if is_other || !differences.is_empty() {
        Exit::Findings
    } else if unknown.is_empty() {
        Exit::Clean
    } else {
        Exit::Unproven
    })
}

fn text(differences: &[Difference], unknown: &[Blind], is_other: bool) -> String {
    let mut out = String::new();
    if is_other {
        out.push_str(
            "the accepted baseline is not the one of this digest: somebody has accepted another\n",
        );
    }
    for one in differences.iter().take(SHOWN_MAX) {
        out.push_str(&format!("{}: {}\n", one.shown_path(), one.words()));
    }
    if differences.len() > SHOWN_MAX {
        let more = differences.len() - SHOWN_MAX;
        out.push_str(&format!("… and {more} more: `--format json` lists all\n"));
    }
    for blind in unknown.iter().take(SHOWN_MAX) {
        out.push_str(&format!("unknown: `{}`: {}\n", blind.what, blind.why));
    }
    if out.is_empty() {
        out.push_str("everything is as it was accepted\n");
    }
    out
}

fn answer(differences: &[Difference], unknown: &[Blind], is_other: bool) -> String {
    let rows: Vec<_> = differences
        .iter()
        .map(|one| json!({ "path": one.shown_path(), "what": one.what }))
        .collect();
    let blind: Vec<_> =
        unknown.iter().map(|blind| json!({ "path": blind.what, "why": blind.why })).collect();
    let value =
        json!({ "version": 1, "differences": rows, "unknown": blind, "digest_differs": is_other });
    format!("{value:#}\n")
}

fn blind(blind: Blind) -> Error {
    Error::Blind(blind.what, blind.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tree_has_a_file_of_its_own() {
        let state = Path::new("/s");
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("a%b"));
        make_own_directory(&a).unwrap();
        make_own_directory(&b).unwrap();
        assert_eq!(file(state, None), Path::new("/s/baseline/host"));
        assert_ne!(file(state, Some(&a)), file(state, Some(&b)));
        assert_eq!(file(state, Some(&a)), file(state, Some(&a.join("../a"))));
        assert_eq!(file(state, Some(&a)).parent(), Some(Path::new("/s/baseline")));
    }

    #[test]
    fn what_cannot_be_told_is_not_in_order() {
        let unknown = [Blind::new("/etc/x", "no permission")];
        assert!(text(&[], &unknown, false).starts_with("unknown: `/etc/x`"));
        assert!(text(&[], &[], true).contains("somebody has accepted another"));
        assert_eq!(text(&[], &[], false), "everything is as it was accepted\n");
    }
}
