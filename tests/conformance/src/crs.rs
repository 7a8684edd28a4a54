//! The CRS project's regression tests, one JSON file a rule, with the meaning that go-ftw gives them.

use crate::message::Request;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use bstr::ByteSlice as _;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The tests of one rule.
#[derive(Debug, Deserialize)]
pub struct File {
    /// The rule that is tested.
    pub rule_id: String,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Deserialize)]
pub struct Test {
    /// Unique within the file.
    pub test_id: String,
    /// Requests in order.
    pub stages: Vec<Stage>,
}

/// One request with what it must bring.
#[derive(Debug, Deserialize)]
pub struct Stage {
    /// What is sent.
    pub input: Input,
    /// What is expected.
    pub output: Output,
}

/// What is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Input {
    method: Option<String>,
    uri: Option<String>,
    version: Option<String>,
    headers: BTreeMap<String, String>,
    data: Option<String>,
    encoded_request: Option<String>,
    autocomplete_headers: Option<serde_json::Value>,
    dest_addr: Option<String>,
    port: Option<serde_json::Value>,
}

/// What is expected.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// The answer's status.
    pub status: Option<serde_json::Value>,
    /// The connection ends without an answer.
    pub expect_error: Option<serde_json::Value>,
    /// What the log must show.
    pub log: Log,
    retry_once: Option<serde_json::Value>,
}

/// What the log must show.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    expect_ids: Vec<serde_json::Value>,
    no_expect_ids: Vec<serde_json::Value>,
    match_regex: Option<String>,
    no_match_regex: Option<String>,
}

/// What was seen of one request.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `None`: the connection ended without an answer, or there was no connection (in process).
    pub status: Option<u16>,
    /// The rules in the log.
    pub ids: Vec<u32>,
    /// The log as text, a line a match: `[id "…"] [msg "…"] [data "…"]`.
    pub text: String,
    /// Refused before any rule was asked.
    pub refused: bool,
}

/// All files below a folder, in order.
pub fn load(folder: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut groups: Vec<_> =
        std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    groups.sort();
    for group in groups.iter().filter(|group| group.is_dir()) {
        let mut paths: Vec<_> =
            std::fs::read_dir(group)?.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        {
            let text = std::fs::read(path)?;
            let file = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
            files.push(file);
        }
    }
    Ok(files)
}

fn is_true(value: Option<&serde_json::Value>) -> bool {
    value.is_some_and(|value| value == "true" || *value == serde_json::Value::Bool(true))
}

fn number(value: &serde_json::Value) -> u32 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().unwrap_or(0)
}

impl Input {
    /// The raw request.
    pub fn raw(&self) -> Result<Vec<u8>> {
        if let Some(encoded) = &self.encoded_request {
            let text: String = encoded.chars().filter(|c| !c.is_whitespace()).collect();
            return base64::engine::general_purpose::STANDARD
                .decode(text)
                .context("encoded_request");
        }
        let method = self.method.as_deref().unwrap_or("GET");
        let uri = self.uri.as_deref().unwrap_or("/");
        let version = self.version.as_deref().unwrap_or("HTTP/1.1");
        let data = self.data.as_deref().unwrap_or_default();
        let mut raw = format!("{method} {uri} {version}\r\n");
        for (name, value) in &self.headers {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.autocomplete_headers.as_ref().is_none_or(|value| is_true(Some(value))) {
            let has = |name: &str| self.headers.keys().any(|own| own.eq_ignore_ascii_case(name));
            if !has("connection") {
                raw.push_str("Connection: close\r\n");
            }
            if !data.is_empty() && !has("content-type") {
                raw.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            }
            if !data.is_empty() && !has("content-length") && !has("transfer-encoding") {
                raw.push_str(&format!("Content-Length: {}\r\n", data.len()));
            }
        }
        raw.push_str("\r\n");
        raw.push_str(data);
        Ok(raw.into_bytes())
    }

    /// The same, taken apart as a server does that must go on: a line without a version is HTTP/0.9, and a
    /// CR alone in the head is a space (RFC 9112 §2.2).
    pub fn request(&self) -> Result<Option<Request>> {
        let mut raw = self.raw()?;
        let head = raw.find(b"\r\n\r\n").unwrap_or(raw.len());
        let mut head = raw.get_mut(..head).unwrap_or_default();
        while let Some(at) = head.find_byte(b'\r') {
            let (_, rest) = std::mem::take(&mut head).split_at_mut(at);
            if let [own, after, ..] = rest
                && *after != b'\n'
            {
                *own = b' ';
            }
            head = rest.get_mut(1..).unwrap_or_default();
        }
        Ok(Request::parse(&raw).map(|mut request| {
            if request.protocol.is_empty() {
                request.protocol = b"HTTP/0.9".to_vec();
            }
            request
        }))
    }
}

impl Output {
    /// Whether what was seen is as expected. Expectations of status and connection are for runs over
    /// HTTP; in process (`connected` false) only the log is looked at.
    pub fn check(&self, seen: &Seen, connected: bool) -> Result<(), String> {
        if connected {
            if is_true(self.expect_error.as_ref()) && seen.status.is_none() {
                return Ok(());
            }
            if let Some(status) = &self.status
                && seen.status.map(u32::from) != Some(number(status))
            {
                return Err(format!("status {:?}, expected {status}", seen.status));
            }
        }
        self.log.check(seen)
    }

    /// Whether only the answer's status matters.
    pub fn is_about_status_only(&self) -> bool {
        self.log.expect_ids.is_empty()
            && self.log.no_expect_ids.is_empty()
            && self.log.match_regex.is_none()
            && self.log.no_match_regex.is_none()
    }
}

impl Log {
    fn check(&self, seen: &Seen) -> Result<(), String> {
        for id in &self.expect_ids {
            if !seen.ids.contains(&number(id)) {
                return Err(format!("{id} not in {:?}", seen.ids));
            }
        }
        for id in &self.no_expect_ids {
            if seen.ids.contains(&number(id)) {
                return Err(format!("{id} in {:?}", seen.ids));
            }
        }
        let found = |pattern: &str| {
            let regex = regex_automata::meta::Regex::new(pattern);
            regex.map(|regex| regex.is_match(&seen.text)).map_err(|error| error.to_string())
        };
        if let Some(pattern) = &self.match_regex
            && !found(pattern)?
        {
            return Err(format!("`{pattern}` not in {}", seen.text));
        }
        if let Some(pattern) = &self.no_match_regex
            && found(pattern)?
        {
            return Err(format!("`{pattern}` in {}", seen.text));
        }
        Ok(())
    }
}
