//! The documents, as the tests that keep them true read them.
//!
//! Invariants: reads this repository and nothing else; changes nothing; a document or file that
//! cannot be read fails the test that wanted it.

#![expect(clippy::disallowed_methods, reason = "tests read the repository's own files")]

use std::path::{Path, PathBuf};

/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 12;
/// Folders that hold nothing of ours.
const FOREIGN: &[&str] = &["target", ".git"];

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of a file, by its path from the root.
pub fn text(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(root().join(path))
}

/// All files whose names end so, by their paths from the root, sorted.
pub fn files(ending: &str) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(&root(), "", ending, 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    folder: &Path,
    name: &str,
    ending: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> std::io::Result<()> {
    if depth > DEPTH_MAX {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(own) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !FOREIGN.contains(&own.as_str()) {
            walk(&entry.path(), &path, ending, depth + 1, found)?;
        } else if kind.is_file() && own.ends_with(ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// The documents for people: path and text.
pub fn documents() -> std::io::Result<Vec<(String, String)>> {
    let own = |path: &String| !path.contains('/') || path.starts_with("docs/");
    let paths = files(".md")?.into_iter().filter(own);
    paths.map(|path| text(&path).map(|text| (path, text))).collect()
}

/// Where the links of a document lead, as written.
pub fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target)).collect()
}

/// What stands between single backticks, and the lines of fenced blocks.
pub fn code(text: &str) -> Vec<&str> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push(line);
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// What follows a program's name in a command line, where it is one: `("burgrave", "burgrave run
/// --threads 2")` gives `["run", "--threads", "2"]`.
pub fn arguments<'a>(program: &str, line: &'a str) -> Option<Vec<&'a str>> {
    let mut words = line.trim_start_matches("$ ").split_whitespace();
    let mut named = program.split(' ');
    named.all(|name| words.next() == Some(name)).then(|| words.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_code_are_found() {
        let text =
            "see [a](b.md) and ![c](d/e.svg#f)\n`x` or `y z`\n```\nin a fence\n```\n`after`\n";
        assert_eq!(links(text), ["b.md", "d/e.svg#f"]);
        assert_eq!(code(text), ["x", "y z", "in a fence", "after"]);
    }

    #[test]
    fn commands_are_told_from_mentions() {
        assert_eq!(arguments("burgrave", "$ burgrave run --x"), Some(vec!["run", "--x"]));
        assert_eq!(arguments("cargo xtask", "cargo xtask demo"), Some(vec!["demo"]));
        assert_eq!(arguments("burgrave", "burgrave: an error"), None);
        assert_eq!(arguments("burgrave", "User=burgrave"), None);
    }

    #[test]
    fn the_walk_finds_this_file_and_nothing_built() {
        let found = files(".rs").unwrap();
        assert!(found.iter().any(|path| path == "tests/documents/src/lib.rs"));
        assert!(found.iter().all(|path| !path.starts_with("target/")));
        assert!(documents().unwrap().len() >= 10);
    }
}
