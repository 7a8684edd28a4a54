//! What the documents name is there: files, commands, options, proofs, rules, messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use burgrave_documents::{arguments, code, documents, files, links, root, text};
use std::collections::BTreeSet;
use std::path::Path;

/// Folders at the root; a name in backticks that begins with one is a path of the repository.
const FOLDERS: &[&str] = &[".ci", "crates", "dist", "docs", "examples", "tests", "xtask"];
/// Names that look like files of the repository and are the reader's own.
const READERS: &[&str] = &["burgrave.toml"];

fn is_path(span: &str) -> bool {
    if span.contains(char::is_whitespace) || READERS.contains(&span) {
        return false;
    }
    match span.split_once('/') {
        Some((first, _)) => FOLDERS.contains(&first),
        None => {
            [".rs", ".md", ".toml", ".svg"].iter().any(|end| span.len() > 4 && span.ends_with(end))
        }
    }
}

#[test]
fn paths_are_told_from_other_words() {
    for (span, wanted) in [
        ("crates/x/src/y.rs", true),
        ("deny.toml", true),
        ("burgrave.toml", false),
        ("application/json", false),
        ("/etc/burgrave/crs", false),
        ("target/release/burgrave", false),
        ("cargo test", false),
    ] {
        assert_eq!(is_path(span), wanted, "{span}");
    }
}

#[test]
fn every_link_and_path_leads_somewhere() {
    let (mut missing, mut seen) = (Vec::new(), 0);
    for (document, text) in documents().unwrap() {
        let folder = Path::new(&document).parent().unwrap().to_owned();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let target = link.split('#').next().unwrap();
            seen += 1;
            if !target.is_empty() && !root().join(&folder).join(target).exists() {
                missing.push(format!("{document}: link to `{link}`"));
            }
        }
        for span in code(&text).into_iter().filter(|span| is_path(span)) {
            seen += 1;
            if !root().join(span).exists() {
                missing.push(format!("{document}: `{span}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(seen > 80, "only {seen} paths and links were seen");
}

/// The commands of an enum of the command line, in lower case.
fn variants(cli: &str, name: &str) -> BTreeSet<String> {
    let start = format!("enum {name} {{");
    let body = cli.split_once(&start).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let word = |line: &str| -> String { line.chars().take_while(|c| c.is_alphabetic()).collect() };
    lines
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| word(line).to_lowercase())
        .collect()
}

fn is_word(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && !word.starts_with('-')
}

#[test]
fn every_command_and_option_exists() {
    let files = [
        "crates/burgrave/src/cli.rs",
        "crates/burgrave/src/cli/advisories.rs",
        "crates/burgrave/src/cli/alert.rs",
        "crates/burgrave/src/cli/audit.rs",
        "crates/burgrave/src/cli/backup.rs",
        "crates/burgrave/src/cli/baseline.rs",
        "crates/burgrave/src/cli/ledger.rs",
        "crates/burgrave/src/cli/rules.rs",
        "crates/burgrave/src/command/change.rs",
    ];
    let cli: String = files.iter().map(|file| text(file).unwrap()).collect();
    let (commands, rules) = (variants(&cli, "Command"), variants(&cli, "Rules"));
    assert!(commands.contains("prove") && rules.contains("update"), "{commands:?} {rules:?}");
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for (document, text) in documents().unwrap() {
        for line in code(&text) {
            let Some(words) = arguments("burgrave", line) else { continue };
            let Some(command) = words.first().filter(|word| is_word(word)) else { continue };
            seen.insert((*command).to_owned());
            let nested = words.get(1).filter(|word| *command == "rules" && is_word(word));
            let option = |word: &&str| {
                let long = word.trim_start_matches("--");
                let field = format!(" {}:", long.replace('-', "_"));
                let named = format!("long = \"{long}\"");
                word.starts_with("--") && !cli.contains(&field) && !cli.contains(&named)
            };
            if !commands.contains(*command)
                || nested.is_some_and(|word| !rules.contains(*word))
                || words.iter().any(option)
            {
                wrong.push(format!("{document}: `{line}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(seen, commands, "every command is shown somewhere");
}

#[test]
fn every_task_exists_and_the_readme_names_the_two() {
    let tasks = text("xtask/src/main.rs").unwrap();
    let mut seen = BTreeSet::new();
    for (document, text) in documents().unwrap() {
        for words in code(&text).into_iter().filter_map(|line| arguments("cargo xtask", line)) {
            let task = words.first().unwrap_or_else(|| panic!("{document}: no task"));
            assert!(tasks.contains(&format!("[\"{task}\"")), "{document}: `cargo xtask {task}`");
            seen.insert((*task).to_owned());
        }
    }
    assert!(seen.len() >= 4, "{seen:?}");
    let readme = text("README.md").unwrap();
    for command in ["cargo xtask demo [--once]", "cargo xtask test"] {
        assert!(code(&readme).contains(&command), "the README does not name `{command}`");
    }
}

/// The string that a function of this name returns in its next line.
fn returned<'a>(source: &'a str, function: &str) -> Option<&'a str> {
    let (_, rest) = source.split_once(&format!("fn {function}(&self)"))?;
    rest.split('"').nth(1)
}

#[test]
fn the_readmes_table_of_proofs_is_what_they_claim() {
    let readme = text("README.md").unwrap();
    let mut ids = Vec::new();
    for path in
        files(".rs").unwrap().iter().filter(|path| path.starts_with("crates/prove/src/proofs/"))
    {
        let source = text(path).unwrap();
        let Some(id) = returned(&source, "id").filter(|_| source.contains("impl Attack for"))
        else {
            continue;
        };
        let title = returned(&source, "title").unwrap();
        let row = |line: &&str| {
            line.starts_with(&format!("| `{id}` |")) && line.ends_with(&format!("| {title} |"))
        };
        assert!(readme.lines().any(|line| row(&line)), "README has no row for `{id}`: {title}");
        ids.push(id.to_owned());
    }
    assert_eq!(ids.len(), 29, "the README says twenty-nine: {ids:?}");
}

#[test]
fn the_base_rules_are_those_in_the_manual() {
    let (conf, manual) =
        (text("crates/seclang/src/base.conf").unwrap(), text("docs/rules.md").unwrap());
    let loaded: Vec<&str> = conf.split("\"id:").skip(1).filter_map(|rest| rest.get(..7)).collect();
    let told: Vec<&str> =
        manual.lines().filter_map(|line| line.strip_prefix("| 7")?.split(' ').next()).collect();
    assert_eq!(loaded.iter().filter_map(|id| id.get(1..)).collect::<Vec<_>>(), told);
}

#[test]
fn the_access_logs_keys_are_those_that_are_written() {
    let manual = text("docs/access-log.md").unwrap();
    let source = text("crates/gateway/src/log/line.rs").unwrap();
    let table = manual.split("## Decisions").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let keys: Vec<&str> = rows.collect();
    assert_eq!(keys.len(), 23, "{keys:?}");
    let example = manual.lines().find(|line| line.starts_with("{\"time\"")).unwrap();
    let mut from = 0;
    for key in keys {
        assert!(source.contains(&format!("\\\"{key}\\\":")), "`{key}` is not written");
        let at = example.get(from..).unwrap().find(&format!("\"{key}\":"));
        from += at.unwrap_or_else(|| panic!("`{key}` is not in its place in the example"));
    }
    for decision in ["forward", "file", "block", "limit", "challenge", "redirect", "refuse"] {
        assert!(manual.contains(&format!("| `{decision}` |")), "{decision}");
        assert!(source.contains(&format!("=> \"{decision}\"")), "{decision}");
    }
}

#[test]
fn messages_that_the_manual_quotes_are_said() {
    let sources: String = files(".rs")
        .unwrap()
        .iter()
        .filter(|path| path.contains("/src/"))
        .map(|path| text(path).unwrap())
        .collect();
    for (document, message) in [
        ("docs/operation.md", "configuration taken"),
        ("docs/operation.md", "configuration not taken: the last good one stays in force"),
        ("docs/operation.md", "access log cannot be written"),
        ("docs/operation.md", "access log is written again"),
        ("docs/operation.md", "requests have 30 s to finish"),
        ("docs/first-steps.md", "inspecting with "),
        ("docs/first-steps.md", "listening on "),
        ("docs/first-steps.md", "did you mean `"),
        ("docs/rules.md", "rule engine fault"),
        ("docs/rules.md", "names no marker or rule behind it"),
        ("docs/rules.md", "unknown directive `"),
        ("docs/rules.md", "regular expression does not compile"),
    ] {
        assert!(text(document).unwrap().contains(message), "{document} does not quote `{message}`");
        assert!(sources.contains(message), "nothing says `{message}` any more");
    }
}
