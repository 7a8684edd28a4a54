//! A case through the engine, with the calls that the suite's own runner makes: it goes on with the later
//! phases after an interruption, and the last one's status counts.

use super::case::Case;
use super::{logs, vocabulary, words};
use crate::engine;
use burgrave_seclang::{
    BodyIntake, Connection, Decision, Disruption, Interruption, Options, RequestLine, RuleFiles,
    RuleSet, Transaction,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Without the directive the suite's engine records and does not block. The debug log is the trace here.
const BEFORE: &str = "SecRuleEngine DetectionOnly\n";
const BEFORE_NAME: &str = "before.conf";
/// What every transaction is dated.
const NOW_MICROS: i64 = 1_764_000_000_000_000;

/// What was seen of a case.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) location: String,
    pub(super) debug_log: String,
    pub(super) error_log: String,
    pub(super) audit_log: String,
}

/// A case's rules as if they were a file, and the suite's data files by the paths that it uses.
struct Files<'a> {
    case: PathBuf,
    rules: String,
    /// Folders of data files; the first that has one counts.
    data: [&'a Path; 2],
}

impl Files<'_> {
    /// `…/test-cases/data/x` is `x` of the data folder; other folders of the suite stand beside it.
    fn place(&self, path: &Path) -> PathBuf {
        let text = path.to_string_lossy();
        let Some((_, rest)) = text.split_once("test-cases/") else { return path.to_path_buf() };
        let places = self.data.map(|data| match rest.strip_prefix("data/") {
            Some(name) => data.join(name),
            None => data.join("..").join(rest.trim_start_matches("secrules-language-tests/")),
        });
        let [own, given] = places;
        if own.exists() { own } else { given }
    }
}

impl RuleFiles for Files<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        if path == Path::new(BEFORE_NAME) {
            return Ok(BEFORE.as_bytes().to_vec());
        }
        if path == self.case {
            return Ok(self.rules.clone().into_bytes());
        }
        std::fs::read(self.place(path)).map_err(|error| error.to_string())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        let own = pattern == self.case || pattern == Path::new(BEFORE_NAME);
        if own {
            return Ok(vec![pattern.to_path_buf()]);
        }
        crate::rules::Disk.glob(&self.place(pattern))
    }
}

/// Compiles a case's rules; the errors as text.
pub(super) fn compile(
    path: &Path,
    data: [&Path; 2],
    case: &Case,
) -> Result<Arc<RuleSet>, Vec<String>> {
    let is_debug = |line: &str| line.trim_start().to_ascii_lowercase().starts_with("secdebuglog");
    let rules: String = case
        .rules
        .iter()
        .flat_map(|rule| rule.split('\n'))
        .map(|line| if is_debug(line) { "\n".to_owned() } else { format!("{line}\n") })
        .collect();
    let files = Files { case: path.to_path_buf(), rules, data };
    let include = [PathBuf::from(BEFORE_NAME), path.to_path_buf()];
    let options = Options { bare: true, plain: true, ..Options::default() };
    RuleSet::compile(&include, &files, options)
        .map(Arc::new)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// Runs it.
pub(super) fn run(rules: &Arc<RuleSet>, case: &Case) -> Seen {
    let address = |text: &str| text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let connection = Connection {
        client: (address(&case.client.ip), case.client.port()),
        server: (address(&case.server.ip), case.server.port()),
    };
    let mut transaction =
        rules.transaction(connection, None, "1764000000.1", NOW_MICROS, engine::clock);
    transaction.trace();
    let mut ends = Ends { status: 200, location: String::new() };
    phases(&mut transaction, case, &mut ends);
    let record = transaction.finish();
    let events = record.trace.map(|trace| trace.events).unwrap_or_default();
    Seen {
        status: ends.status,
        location: ends.location,
        debug_log: words::debug_log(&events, rules),
        error_log: logs::error_log(&events, case, rules),
        audit_log: vocabulary::text(&record.audit.unwrap_or_default()),
    }
}

fn phases(transaction: &mut Transaction, case: &Case, ends: &mut Ends) {
    let request = &case.request;
    transaction.request_line(&RequestLine {
        method: request.method.as_bytes(),
        target: request.uri.as_bytes(),
        protocol: request.protocol().as_bytes(),
    });
    for (name, value) in request.headers() {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    ends.decide(transaction.request_headers_done());
    if transaction.wants_request_body() {
        ends.intake(transaction.request_body(&request.body()));
    }
    ends.decide(transaction.request_body_done());
    transaction.response_line(ends.status, case.response.protocol.as_bytes());
    for (name, value) in case.response.headers() {
        transaction.response_header(name.as_bytes(), value.as_bytes());
    }
    ends.decide(transaction.response_headers_done(false));
    if transaction.wants_response_body() {
        ends.intake(transaction.response_body(&case.response.body()));
    }
    ends.decide(transaction.response_body_done());
}

/// How the request ended.
struct Ends {
    status: u16,
    location: String,
}

impl Ends {
    fn decide(&mut self, decision: Decision) {
        if let Decision::Interrupt(interruption) = decision {
            self.interrupt(interruption);
        }
    }

    fn intake(&mut self, intake: BodyIntake) {
        if let BodyIntake::Refused(interruption) = intake {
            self.interrupt(interruption);
        }
    }

    fn interrupt(&mut self, Interruption { action, .. }: Interruption) {
        self.status = match &action {
            // The suite's engine answers `drop` with the status of `deny`.
            Disruption::Drop => 403,
            Disruption::Deny(_) | Disruption::Redirect { .. } => action.status(),
        };
        if let Disruption::Redirect { location, .. } = action {
            self.location.push_str(&vocabulary::text(&location));
        }
    }
}
