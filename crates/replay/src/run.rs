//! One recorded request, and its answer where there is one, through all phases.

use crate::message::{Request, Response};
use burgrave_model::Mode;
use burgrave_seclang::{
    BodyIntake, Connection, Decision, Focus, Interruption, Record, RequestLine, RuleSet,
    Transaction,
};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// What a rule may ask of a request beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The client's address; by default one of those that documents use (RFC 5737), so a stranger.
    pub client: IpAddr,
    /// The wall clock.
    pub now_unix_micros: i64,
    /// Over the mode of the rules.
    pub mode: Option<Mode>,
}

impl Circumstances {
    /// A stranger, at this time.
    pub fn at(now_unix_micros: i64) -> Self {
        Self { client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), now_unix_micros, mode: None }
    }
}

/// The address that the client reached, where one is asked for.
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

/// What the rules made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What the engine has to say at the end.
    pub record: Record,
    /// What really ended the request; in detection mode nothing does.
    pub ended: Option<Interruption>,
}

/// Runs it. The engine's time budget is not applied: the sizes are bounded, and nobody waits for an answer.
pub fn run(
    rules: &Arc<RuleSet>,
    request: &Request,
    response: Option<&Response>,
    circumstances: &Circumstances,
    focus: Option<Focus>,
) -> Seen {
    let connection = Connection { client: (circumstances.client, 50_000), server: (SERVER, 443) };
    let Circumstances { now_unix_micros, mode, .. } = *circumstances;
    let mut transaction =
        rules.transaction(connection, mode, "replay", now_unix_micros, || Duration::ZERO);
    if let Some(focus) = focus {
        transaction.trace_only(focus);
    }
    let asked = asks(&mut transaction, request);
    let ended = asked.and_then(|()| response.map_or(Ok(()), |own| answers(&mut transaction, own)));
    Seen { ended: ended.err(), record: transaction.finish() }
}

fn asks(transaction: &mut Transaction, request: &Request) -> Result<(), Interruption> {
    let Request { method, target, protocol, .. } = request;
    transaction.request_line(&RequestLine { method, target, protocol });
    for (name, value) in &request.fields {
        transaction.request_header(name, value);
    }
    obey(transaction.request_headers_done())?;
    if transaction.wants_request_body() {
        taken(transaction.request_body(&request.body))?;
    }
    obey(transaction.request_body_done())
}

fn answers(transaction: &mut Transaction, response: &Response) -> Result<(), Interruption> {
    transaction.response_line(response.status, &response.protocol);
    for (name, value) in &response.fields {
        transaction.response_header(name, value);
    }
    obey(transaction.response_headers_done(false))?;
    if transaction.wants_response_body() {
        taken(transaction.response_body(&response.body))?;
    }
    obey(transaction.response_body_done())
}

fn obey(decision: Decision) -> Result<(), Interruption> {
    match decision {
        Decision::Continue => Ok(()),
        Decision::Interrupt(interruption) => Err(interruption),
    }
}

fn taken(intake: BodyIntake) -> Result<(), Interruption> {
    match intake {
        BodyIntake::Wanted | BodyIntake::Enough => Ok(()),
        BodyIntake::Refused(interruption) => Err(interruption),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use burgrave_seclang::{Options, RuleFiles};
    use std::path::{Path, PathBuf};

    struct One(String);

    impl RuleFiles for One {
        fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
            Ok(self.0.clone().into_bytes())
        }

        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_path_buf()])
        }
    }

    pub(crate) fn rules(text: &str) -> Arc<RuleSet> {
        let options = Options { plain: true, response_body: Some(true), ..Options::default() };
        let rules = RuleSet::compile(&["own.conf".into()], &One(text.to_owned()), options);
        Arc::new(rules.unwrap_or_else(|errors| panic!("{errors:?}")))
    }

    pub(crate) fn request(raw: &str) -> Request {
        Request::parse(raw.as_bytes()).unwrap()
    }

    #[test]
    fn every_phase_may_end_it() {
        let rules = rules(
            "SecRule ARGS:a \"@streq 1\" \"id:1,phase:1,deny\"\n\
             SecRule ARGS_POST:a \"@streq 2\" \"id:2,phase:2,deny\"\n\
             SecRule RESPONSE_STATUS \"@streq 500\" \"id:3,phase:3,deny,status:502\"\n\
             SecRule RESPONSE_BODY \"secret\" \"id:4,phase:4,drop\"\n\
             SecRule REMOTE_ADDR \"@streq 192.0.2.1\" \"id:5,phase:5,pass\"",
        );
        let at = Circumstances::at(0);
        let answer = |text: &str| Response::parse(text.as_bytes()).unwrap();
        let body = "POST / HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 3\n\na=2";
        let plain = "HTTP/1.1 200 OK\nContent-Type: text/plain\n\na secret";
        for (raw, response, rule) in [
            ("GET /?a=1 HTTP/1.1\n", None, Some(1)),
            (body, None, Some(2)),
            ("GET / HTTP/1.1\n", Some("HTTP/1.1 500 X\n\n"), Some(3)),
            ("GET / HTTP/1.1\n", Some(plain), Some(4)),
            ("GET / HTTP/1.1\n", Some("HTTP/1.1 200 OK\n\n"), None),
            ("GET / HTTP/1.1\n", None, None),
        ] {
            let response = response.map(answer);
            let seen = run(&rules, &request(raw), response.as_ref(), &at, None);
            assert_eq!(seen.ended.and_then(|ended| ended.rule), rule, "{raw}");
            assert_eq!(seen.record.matches.last().map(|last| last.id), Some(5), "phase 5 is last");
            assert!(seen.record.trace.is_none());
            let detect = Circumstances { mode: Some(Mode::Detect), ..at };
            let seen = run(&rules, &request(raw), response.as_ref(), &detect, Some(Focus::Matches));
            assert_eq!(seen.ended, None, "detection ends nothing");
            assert_eq!(seen.record.interruption.and_then(|ended| ended.rule), rule);
            assert!(seen.record.trace.is_some());
        }
    }
}
