//! `burgrave rules test`: test files of go-ftw's form, in process.

use crate::cli::{Format, Test};
use crate::command::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_replay::Circumstances;
use burgrave_replay::suite::{self, Outcome, Report, SUITE_BYTES_MAX, Suite};
use burgrave_sys::{Kind, Live, System};
use std::path::{Path, PathBuf};

/// Folders within folders.
const DEPTH_MAX: usize = 8;
/// Names in one folder, and files in all.
const FILES_MAX: usize = 20_000;

/// Runs every test of every file.
pub(super) fn run(test: &Test) -> Result<Exit, Error> {
    let settings = load::settings(&Live, &test.config)?;
    let rules = load::rules(&Live, &settings)?.ok_or(Error::NoRules)?;
    let mut files = Vec::new();
    for path in &test.paths {
        find(&Live, path, 0, &mut files)?;
    }
    if files.is_empty() {
        let names: Vec<String> =
            test.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        return Err(Error::NoTests(names.join(", ")));
    }
    let (mut suites, mut wrong) = (Vec::new(), Vec::new());
    for path in files {
        match read(&Live, &path) {
            Ok(suite) => suites.push((path, suite)),
            Err(why) => wrong.push(format!("{}: {why}", path.display())),
        }
    }
    if !wrong.is_empty() {
        return Err(Error::Tests(wrong));
    }
    let circumstances = Circumstances::at(Live.now().0);
    let mut report = Report::default();
    for (path, suite) in suites {
        report.add(&path.display().to_string(), suite::run(&rules, &suite, &circumstances));
    }
    output::text(&match test.format {
        Format::Json => format!("{:#}\n", report.json()),
        Format::Text => report.text(),
    })?;
    Ok(match report.outcome() {
        Outcome::Passed => Exit::Clean,
        Outcome::Failed(_) => Exit::Findings,
        Outcome::Skipped(_) => Exit::Unproven,
    })
}

fn read(system: &dyn System, path: &Path) -> Result<Suite, String> {
    let bytes = system.read(path, SUITE_BYTES_MAX).map_err(|why| why.to_string())?;
    let name = path.file_name().unwrap_or_default().display().to_string();
    Suite::parse(&name, &bytes).map_err(|why| why.to_string())
}

/// A file as it is; of a folder the test files below it, sorted.
fn find(
    system: &dyn System,
    path: &Path,
    depth: usize,
    found: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let unread = |why| Error::Read(path.to_path_buf(), Box::new(why));
    let is_folder = system.metadata(path).map_err(unread)?.kind == Kind::Directory;
    if !is_folder {
        found.push(path.to_path_buf());
        return Ok(());
    }
    for entry in system.list(path, FILES_MAX).map_err(unread)? {
        let ending = entry.path.extension().and_then(|ending| ending.to_str());
        let is_test = matches!(ending, Some("yaml" | "yml" | "json"));
        let goes_down = entry.kind == Kind::Directory && depth < DEPTH_MAX;
        if goes_down || (is_test && entry.kind == Kind::File && found.len() < FILES_MAX) {
            find(system, &entry.path, depth + 1, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;

    #[test]
    fn test_files_are_found_below_folders() {
        let fake = Fake::new();
        for name in ["/t/b/2.yaml", "/t/a/1.json", "/t/a/readme.md", "/t/3.yml", "/other.txt"] {
            fake.file(name, "x");
        }
        let found = |path: &str| {
            let mut found = Vec::new();
            find(&fake, Path::new(path), 0, &mut found).unwrap();
            found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("/t"), ["/t/3.yml", "/t/a/1.json", "/t/b/2.yaml"]);
        assert_eq!(found("/other.txt"), ["/other.txt"], "what is named is taken");
        assert!(find(&fake, Path::new("/none"), 0, &mut Vec::new()).is_err());
    }
}
