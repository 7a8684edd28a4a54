//! The engine from outside: against a second evaluator that shares nothing with it, against golden lists
//! of load errors, and against whatever a stranger may send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::let_underscore_must_use,
    reason = "tests"
)]

mod agreement;
mod compatibility;
mod golden;
mod naive;
mod operators;
mod robustness;
mod syntax;
mod transformations;

use burgrave_seclang::{
    BodyIntake, Connection, Decision, Interruption, LoadError, Options, Record, RequestLine,
    RuleFiles, RuleSet,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rule files by name.
struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl RuleFiles for Files {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| format!("there is no `{}`", path.display()))
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        let Some(start) = pattern.to_str().and_then(|text| text.strip_suffix("*.conf")) else {
            return Ok(vec![pattern.to_path_buf()]);
        };
        let found = self.0.keys().filter(|path| path.starts_with(start));
        Ok(found.cloned().collect())
    }
}

/// Compiles `main.conf` without the base rules.
fn compile_files(files: &[(&str, &[u8])]) -> Result<RuleSet, Vec<LoadError>> {
    let files = files.iter().map(|(name, text)| (PathBuf::from(name), text.to_vec()));
    let options = Options { bare: true, ..Options::default() };
    RuleSet::compile(&[PathBuf::from("main.conf")], &Files(files.collect()), options)
}

/// Rules that must load.
fn rules(text: &str) -> Arc<RuleSet> {
    match compile_files(&[("main.conf", text.as_bytes())]) {
        Ok(rules) => Arc::new(rules),
        Err(errors) => panic!("{errors:#?}\n{text}"),
    }
}

/// Why rules do not load, one line each.
fn refusals(text: &str) -> Vec<String> {
    match compile_files(&[("main.conf", text.as_bytes())]) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// A request as bytes.
#[derive(Clone, Debug)]
struct Request {
    method: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    fn get(target: &str) -> Self {
        Self {
            method: b"GET".to_vec(),
            target: target.as_bytes().to_vec(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        self
    }
}

/// Phases 1, 2 and 5; a request that is interrupted goes to phase 5 at once.
fn run_with(
    rules: &Arc<RuleSet>,
    request: &Request,
    clock: fn() -> Duration,
) -> (Option<Interruption>, Record) {
    let address = ("192.0.2.1".parse().unwrap(), 4711);
    let connection = Connection { client: address, server: address };
    let mut transaction = rules.transaction(connection, None, "id", 0, clock);
    transaction.request_line(&RequestLine {
        method: &request.method,
        target: &request.target,
        protocol: b"HTTP/1.1",
    });
    for (name, value) in &request.headers {
        transaction.request_header(name, value);
    }
    if let Decision::Interrupt(why) = transaction.request_headers_done() {
        return (Some(why), transaction.finish());
    }
    if transaction.wants_request_body()
        && let BodyIntake::Refused(why) = transaction.request_body(&request.body)
    {
        return (Some(why), transaction.finish());
    }
    match transaction.request_body_done() {
        Decision::Interrupt(why) => (Some(why), transaction.finish()),
        Decision::Continue => (None, transaction.finish()),
    }
}

fn run(rules: &Arc<RuleSet>, request: &Request) -> (Option<Interruption>, Record) {
    run_with(rules, request, || Duration::ZERO)
}

/// The ids in the record.
fn ids(text: &str, request: &Request) -> Vec<u32> {
    run(&rules(text), request).1.matches.iter().map(|found| found.id).collect()
}
