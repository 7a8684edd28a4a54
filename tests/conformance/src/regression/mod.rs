//! `ModSecurity`'s regression cases: a rule set, a request, and what must be seen of it.
//!
//! Compared are the status and place of an interruption, that a rule set is refused at load, and what the
//! engine's own trace knows of the facts that the suite looks for in its logs ([`words`], [`logs`]). A
//! case whose rules need what this engine refuses passes when it is refused for that reason, and is
//! counted apart.

mod case;
mod driver;
mod logs;
mod place;
mod vocabulary;
mod words;

use crate::Tally;
use anyhow::{Context as _, Result};
use case::{Case, Expected};
use driver::Seen;
use std::path::Path;

/// The outcome of the suite.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Cases that need nothing that is refused.
    pub tally: Tally,
    /// Cases that are refused at load as they should be.
    pub refused: usize,
}

/// What is refused, as the errors name it: a case that needs one of these is as expected when it is refused
/// for it.
static REFUSED: &[&str] = &[
    "action `exec`",
    "operator `@fuzzyHash`",
    "operator `@inspectFile`",
    "operator `@rsub`",
    "operator `@validateDTD`",
    "operator `@validateHash`",
    "operator `@validateSchema`",
    "operator `@gsbLookup`",
    "a data file on another machine",
    "variable `FILES_TMPNAMES`",
    "variable `MSC_PCRE_ERROR`",
    "variable `MSC_PCRE_LIMITS_EXCEEDED`",
    "`SecAuditLogType",
    "`SecContentInjection`",
    "`SecGeoLookupDb`",
    "`SecHashEngine`",
    "`SecRemoteRules`",
    "`SecRuleScript`",
    "`SecTmpSaveUploadedFiles`",
    "`SecUploadKeepFiles`",
    "`SecStreamInBodyInspection`",
    "`SecStreamOutBodyInspection`",
];

/// Runs every file of `folder`; `data` is where the cases' data files stand, the first that has one counts.
pub fn run(folder: &Path, data: [&Path; 2]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for path in crate::json_files(folder)? {
        let text = std::fs::read(&path)?;
        let cases: Vec<Case> =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (index, case) in cases.iter().enumerate().filter(|(_, case)| case.enabled != 0) {
            let name = format!("{stem}/{}", index + 1);
            match one(&path, data, case) {
                Ok(Ran::AsRefused) => outcome.refused += 1,
                Ok(Ran::AsExpected) => outcome.tally.case(name, Ok(())),
                Err(saw) => outcome.tally.case(name, Err(saw)),
            }
        }
    }
    Ok(outcome)
}

/// How a case passed.
enum Ran {
    AsExpected,
    AsRefused,
}

fn one(path: &Path, data: [&Path; 2], case: &Case) -> Result<Ran, String> {
    let rules = match driver::compile(path, data, case) {
        Ok(rules) => rules,
        Err(errors) => return not_loaded(&errors, &case.expected),
    };
    if !case.expected.parser_error.is_empty() {
        return Err(format!("loads, expected `{}`", case.expected.parser_error));
    }
    let seen = driver::run(&rules, case);
    check(&case.expected, &seen).map(|()| Ran::AsExpected)
}

fn not_loaded(errors: &[String], expected: &Expected) -> Result<Ran, String> {
    let shown = errors.join("; ");
    if expected.parser_error.is_empty() {
        let refused = |error: &String| {
            error.contains("is refused") && REFUSED.iter().any(|known| error.contains(known))
        };
        return if errors.iter().any(refused) { Ok(Ran::AsRefused) } else { Err(shown) };
    }
    // The texts are each engine's own; the line must be the same.
    let line = expected.parser_error.split("Line: ").nth(1);
    let line = line.and_then(|rest| rest.split('.').next());
    match line {
        Some(line) if !errors.iter().any(|error| error.contains(&format!(":{line}: "))) => {
            Err(format!("{shown}; expected `{}`", expected.parser_error))
        }
        _ => Ok(Ran::AsExpected),
    }
}

fn check(expected: &Expected, seen: &Seen) -> Result<(), String> {
    if seen.status != expected.status() {
        return Err(format!("status {}, expected {}", seen.status, expected.status()));
    }
    if !expected.redirect_url.is_empty() && seen.location != expected.redirect_url {
        return Err(format!("to `{}`, expected `{}`", seen.location, expected.redirect_url));
    }
    for (log, pattern, text) in [
        ("debug log", &expected.debug_log, &seen.debug_log),
        ("error log", &expected.error_log, &seen.error_log),
        ("audit log", &expected.audit_log, &seen.audit_log),
    ] {
        if !found(pattern, text)? {
            // The debug log is long; the others are a line or two.
            let shown = if log == "debug log" { "" } else { text.trim_end() };
            return Err(format!("`{pattern}` is not in the {log}: {shown}"));
        }
    }
    Ok(())
}

/// As the suite's own runner looks: `.` is any byte, and names of members have no case.
fn found(pattern: &str, text: &str) -> Result<bool, String> {
    if pattern.is_empty() {
        return Ok(true);
    }
    let named = pattern.contains("with value") || pattern.contains("Variable:");
    let syntax = regex_automata::util::syntax::Config::new()
        .unicode(false)
        .utf8(false)
        .multi_line(true)
        .dot_matches_new_line(true)
        .case_insensitive(named || pattern.contains("t:"));
    let regex = regex_automata::meta::Regex::builder()
        .syntax(syntax)
        .configure(regex_automata::meta::Config::new().utf8_empty(false))
        .build(pattern)
        .map_err(|error| format!("`{pattern}`: {error}"))?;
    Ok(regex.is_match(text))
}
