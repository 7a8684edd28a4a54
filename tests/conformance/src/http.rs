//! The CRS tests over real HTTP through the gateway, in detection mode at paranoia 4, with go-ftw's
//! meaning: raw sockets, a marker request behind each stage, the log between two markers. The rules come
//! from the access log, what they say of their data from the audit log.

use crate::crs::{self, Seen};
use crate::{Tally, rules, upstream};
use anyhow::{Context as _, Result, anyhow, ensure};
use burgrave_gateway::Gateway;
use burgrave_seclang::Options;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Runs the tests below `tests` on the rule set in `crs`; also how many requests were refused before any
/// rule was asked.
pub fn run(crs: &Path, tests: &Path) -> Result<(Tally, usize)> {
    let scratch = tempfile::tempdir()?;
    let (gateway, address) = start(crs, scratch.path())?;
    let files = crs::load(tests)?;
    let mut statuses = BTreeMap::new();
    for (name, stage) in stages(&files) {
        statuses.insert(name.clone(), send(address, &stage.input.raw()?));
        mark(address, &name)?;
    }
    gateway.shutdown(Duration::from_mins(1));
    let audit = audit(&scratch.path().join("audit.json"))?;
    let mut log = log(&scratch.path().join("access.ndjson"), &audit)?;
    let (mut tally, mut refused) = (Tally::default(), 0);
    for file in &files {
        for test in &file.tests {
            let mut result = Ok(());
            for (index, stage) in test.stages.iter().enumerate() {
                let name = stage_name(file, test, index);
                let mut seen =
                    log.remove(&name).with_context(|| format!("{name} left no record"))?;
                seen.status = statuses.get(&name).copied().flatten();
                refused += usize::from(seen.refused);
                let early = if seen.refused { " (refused before any rule)" } else { "" };
                let checked = stage.output.check(&seen, true);
                result = result.and(checked.map_err(|saw| format!("{saw}{early}")));
            }
            tally.case(format!("{}-{}", file.rule_id, test.test_id), result);
        }
    }
    Ok((tally, refused))
}

fn stage_name(file: &crs::File, test: &crs::Test, index: usize) -> String {
    format!("{}-{}-{index}", file.rule_id, test.test_id)
}

fn stages(files: &[crs::File]) -> impl Iterator<Item = (String, &crs::Stage)> {
    files.iter().flat_map(|file| {
        file.tests.iter().flat_map(move |test| {
            let stages = test.stages.iter().enumerate();
            stages.map(move |(index, stage)| (stage_name(file, test, index), stage))
        })
    })
}

fn start(crs: &Path, scratch: &Path) -> Result<(Gateway, SocketAddr)> {
    let audit = format!(
        "SecAuditEngine On\nSecAuditLogParts AHZ\nSecAuditLogFormat JSON\nSecAuditLog {}/audit.json\n",
        scratch.display()
    );
    let include = rules::includes(crs, scratch, &[rules::LIMITS, rules::TEST_SETTINGS, &audit])?;
    let rules = Arc::new(rules::compile(&include, Options::default())?);
    let application = upstream::start()?;
    let text = format!(
        "state = \"{0}\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n[rules]\ninclude = [\"/unused\"]\nmode = \"detect\"\n\
         [log]\naccess = \"{0}/access.ndjson\"\nheaders = [\"x-crs-test\"]\n\
         [[site]]\nhosts = [\"*\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{application}\"]\n",
        scratch.display()
    );
    let settings =
        burgrave_config::parse(&text).map_err(|errors| anyhow!("{}", errors.render("settings")))?;
    let gateway = Gateway::start(settings, Some(rules), 1).context("starting the gateway")?;
    let address = gateway.addresses().first().copied().context("no listener")?;
    Ok((gateway, address))
}

/// Sends raw bytes and reads the answer's status; `None` when there is none.
fn send(address: SocketAddr, raw: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    // A refusal may come while the rest is still being sent.
    drop(stream.write_all(raw));
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

fn mark(address: SocketAddr, name: &str) -> Result<()> {
    let raw = format!(
        "GET /marker HTTP/1.1\r\nHost: localhost\r\nX-CRS-Test: {name}\r\nConnection: close\r\n\r\n"
    );
    ensure!(send(address, raw.as_bytes()) == Some(200), "the marker of {name} has no answer");
    Ok(())
}

/// The audit log: request → what its rules say, a line each.
fn audit(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        let text = |value: &Value, at: &str| {
            value.pointer(at).and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
        };
        let messages = record.pointer("/transaction/messages").and_then(Value::as_array);
        let said = messages.into_iter().flatten().map(|message| {
            format!(
                "[id \"{}\"] [msg \"{}\"] [data \"{}\"]\n",
                text(message, "/details/ruleId"),
                text(message, "/message").escape_debug(),
                text(message, "/details/data").escape_debug()
            )
        });
        found.insert(text(&record, "/transaction/unique_id"), said.collect());
    }
    Ok(found)
}

/// Marker → what the log shows before it, since the marker before.
fn log(path: &Path, audit: &BTreeMap<String, String>) -> Result<BTreeMap<String, Seen>> {
    let mut found = BTreeMap::new();
    let mut seen = Seen::default();
    for line in std::fs::read_to_string(path)?.lines() {
        let record: Value = serde_json::from_str(line)?;
        if let Some(name) = record.pointer("/headers/x-crs-test").and_then(Value::as_str) {
            found.insert(name.to_owned(), std::mem::take(&mut seen));
            continue;
        }
        seen.refused |= record.get("decision").is_some_and(|decision| decision == "refuse");
        for rule in record.get("rules").and_then(Value::as_array).into_iter().flatten() {
            let id = rule.get("id").and_then(Value::as_u64).context("a rule without id")?;
            seen.ids.push(u32::try_from(id)?);
        }
        let said = record.get("request.id").and_then(Value::as_str).and_then(|id| audit.get(id));
        seen.text.push_str(said.map_or("", String::as_str));
    }
    Ok(found)
}
