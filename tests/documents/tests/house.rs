//! What holds for every file: its beginning, its length, its words.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use burgrave_documents::{files, text};

/// Lines of a file without its tests.
const LINES_MAX: usize = 500;

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs")
}

fn without_tests(source: &str) -> usize {
    source.lines().take_while(|line| line.trim() != "#[cfg(test)]").count()
}

/// What the file says of itself at its beginning.
fn header(source: &str) -> String {
    source.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
}

fn rust() -> Vec<(String, String)> {
    let read = |path: String| text(&path).map(|text| (path, text)).unwrap();
    files(".rs").unwrap().into_iter().map(read).collect()
}

#[test]
fn headers_and_lengths_are_measured_right() {
    let source = "//! Why.\n//! Invariants: one.\n\nfn x() {}\n#[cfg(test)]\nmod tests {}\n";
    assert_eq!(header(source), "//! Why.\n//! Invariants: one.");
    assert_eq!(without_tests(source), 4);
    assert!(is_test("crates/x/tests/y.rs") && !is_test("crates/x/src/y.rs"));
}

#[test]
fn every_file_says_why_it_exists() {
    let silent: Vec<_> = rust()
        .into_iter()
        .filter(|(_, source)| !source.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "without `//!` at their beginning: {silent:#?}");
}

#[test]
fn every_crate_states_its_invariants() {
    let roots: Vec<_> = rust()
        .into_iter()
        .filter(|(path, _)| {
            path.starts_with("crates/")
                && (path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
        })
        .collect();
    assert!(roots.len() >= 8, "only {} crates were seen", roots.len());
    for (path, source) in roots {
        assert!(header(&source).contains("Invariants"), "{path} states no invariants");
    }
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<_> = rust()
        .into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, source)| (without_tests(&source), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines without tests: {long:#?}");
}

/// Words that speak of how something was made, or of one machine, in halves so that this file does
/// not hold them itself.
const FOREIGN: &[(&str, &str)] = &[
    ("work", "tree"),
    ("sub", "agent"),
    ("coding ", "agent"),
    ("language ", "model"),
    ("this ", "session's"),
    ("co-authored", "-by"),
    ("as the brief", " says"),
    ("/work", "/gateway"),
    ("/root", "/.cargo"),
    ("lorem", " ipsum"),
    ("fix", "me"),
];

#[test]
fn files_speak_of_burgrave_alone() {
    let mut paths = Vec::new();
    for ending in [".md", ".rs", ".toml", ".txt", ".svg", ".html", ".conf"] {
        paths.extend(files(ending).unwrap());
    }
    assert!(paths.len() > 150, "only {} files were seen", paths.len());
    let mut found = Vec::new();
    for path in paths {
        let lower = text(&path).unwrap().to_lowercase();
        let hits = FOREIGN.iter().map(|(one, two)| format!("{one}{two}"));
        found
            .extend(hits.filter(|word| lower.contains(word)).map(|word| format!("{path}: {word}")));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Where one program holds the tests of many files, a file that is named nowhere is never run.
#[test]
fn every_file_of_a_test_program_is_run() {
    let mut seen = 0;
    for (package, folder, own) in [
        ("crates/burgrave", "tests", "main"),
        ("crates/burgrave", "tests/backup", "mod"),
        ("crates/burgrave", "tests/firewall", "mod"),
        ("tests/front-door", "tests", "main"),
        ("tests/front-door", "tests/support", "mod"),
    ] {
        let manifest = text(&format!("{package}/Cargo.toml")).unwrap();
        let parent = text(&format!("{package}/{folder}/{own}.rs")).unwrap();
        let modules: Vec<_> =
            parent.lines().map(|line| line.strip_prefix("pub ").unwrap_or(line)).collect();
        let entries =
            std::fs::read_dir(burgrave_documents::root().join(package).join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        for name in names.filter(|name| name != "golden" && *name != "mod.rs") {
            seen += 1;
            let module = format!("mod {};", name.trim_end_matches(".rs"));
            let program = format!("path = \"{folder}/{name}\"");
            let is_run = modules.contains(&module.as_str()) || manifest.contains(&program);
            assert!(is_run, "{package}/{folder}/{name} is named nowhere");
        }
    }
    assert!(seen > 60, "only {seen} files were seen");
}
