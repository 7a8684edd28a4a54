//! The CRS tests over real HTTP through the gateway, in detection mode at paranoia 4, with go-ftw's
//! meaning: raw sockets, a marker request behind each stage, the log between two markers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

use burgrave_conformance::crs::{self, Seen};
use burgrave_conformance::exceptions::Exceptions;
use burgrave_conformance::{Tally, rules, shared, upstream};
use burgrave_gateway::Gateway;
use burgrave_seclang::Options;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn start(shared: &Path, scratch: &Path) -> (Gateway, SocketAddr) {
    let include =
        rules::includes(&shared.join("crs"), scratch, &[rules::LIMITS, rules::TEST_SETTINGS])
            .unwrap();
    let rules = Arc::new(rules::compile(&include, Options::default()).unwrap());
    let application = upstream::start().unwrap();
    let text = format!(
        "state = \"{0}\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n[rules]\ninclude = [\"/unused\"]\nmode = \"detect\"\n\
         [log]\naccess = \"{0}/access.ndjson\"\nheaders = [\"x-crs-test\"]\n\
         [[site]]\nhosts = [\"*\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{application}\"]\n",
        scratch.display()
    );
    let settings =
        burgrave_config::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("t")));
    let gateway = Gateway::start(settings, Some(rules), 1).unwrap();
    let address = gateway.addresses()[0];
    (gateway, address)
}

/// Sends raw bytes and reads the answer's status; `None` when there is none.
fn send(address: SocketAddr, raw: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    // A refusal may come while the rest is still being sent.
    drop(stream.write_all(raw));
    drop(stream.shutdown(std::net::Shutdown::Write));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

fn marker(address: SocketAddr, name: &str) {
    let raw = format!(
        "GET /marker HTTP/1.1\r\nHost: localhost\r\nX-CRS-Test: {name}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(send(address, raw.as_bytes()), Some(200), "marker {name}");
}

/// Marker → what the log shows before it, since the marker before.
fn log(path: &Path) -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    let mut seen = Seen::default();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        if let Some(name) = record["headers"]["x-crs-test"].as_str() {
            found.insert(name.to_owned(), std::mem::take(&mut seen));
            continue;
        }
        seen.refused |= record["decision"] == "refuse";
        for rule in record["rules"].as_array().unwrap() {
            seen.ids.push(u32::try_from(rule["id"].as_u64().unwrap()).unwrap());
            let text = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
            seen.text.push_str(&format!(
                "[id \"{}\"] [msg \"{}\"] [data \"Matched Data: {} found within {}: {}\"]\n",
                rule["id"],
                text("message"),
                text("matched"),
                text("variable"),
                text("matched")
            ));
        }
    }
    found
}

#[test]
fn crs_regression_tests_over_http() {
    let Some(shared) = shared() else { return println!("crs over http: the suites are not here") };
    let scratch = tempfile::tempdir().unwrap();
    let (gateway, address) = start(&shared, scratch.path());
    let files = crs::load(&shared.join("crs/tests")).unwrap();
    let mut statuses = BTreeMap::new();
    for file in &files {
        for test in &file.tests {
            for (index, stage) in test.stages.iter().enumerate() {
                let name = format!("{}-{}-{index}", file.rule_id, test.test_id);
                statuses.insert(name.clone(), send(address, &stage.input.raw().unwrap()));
                marker(address, &name);
            }
        }
    }
    gateway.shutdown(Duration::from_secs(5));
    let mut seen = log(&scratch.path().join("access.ndjson"));
    let (mut tally, mut refused) = (Tally::default(), 0);
    for file in &files {
        for test in &file.tests {
            let mut result = Ok(());
            for (index, stage) in test.stages.iter().enumerate() {
                let name = format!("{}-{}-{index}", file.rule_id, test.test_id);
                let mut seen = seen.remove(&name).expect("every stage has its marker in the log");
                seen.status = statuses[&name];
                refused += usize::from(seen.refused);
                let checked = stage.output.check(&seen, true);
                let early = if seen.refused { " (refused before any rule)" } else { "" };
                result = result.and(checked.map_err(|saw| format!("{saw}{early}")));
            }
            tally.case(format!("{}-{}", file.rule_id, test.test_id), result);
        }
    }
    let exceptions = Exceptions::parse(include_str!("../exceptions/crs-http.txt"));
    println!(
        "crs, over http: {} of {} cases as expected ({:.2} %), {} exceptions, {refused} requests refused before any rule",
        tally.passed,
        tally.total(),
        tally.percent(),
        exceptions.len()
    );
    let problems = exceptions.problems(&tally, &|_| true);
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
