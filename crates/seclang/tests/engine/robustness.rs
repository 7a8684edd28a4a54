//! Whatever a stranger sends: the engine ends, keeps its record small, and never passes over what it
//! has not looked at.

use crate::{Files, Request, compile_files, ids, rules, run, run_with};
use burgrave_seclang::{Decision, Disruption, Options, RuleSet};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const COLLECTIONS: &[&str] = &[
    "ARGS",
    "ARGS_GET",
    "ARGS_GET_NAMES",
    "ARGS_NAMES",
    "ARGS_POST",
    "ARGS_POST_NAMES",
    "ENV",
    "FILES",
    "FILES_NAMES",
    "FILES_SIZES",
    "FILES_TMP_CONTENT",
    "GLOBAL",
    "IP",
    "MATCHED_VARS",
    "MATCHED_VARS_NAMES",
    "MULTIPART_FILENAME",
    "MULTIPART_NAME",
    "MULTIPART_PART_HEADERS",
    "REQUEST_COOKIES",
    "REQUEST_COOKIES_NAMES",
    "REQUEST_HEADERS",
    "REQUEST_HEADERS_NAMES",
    "RESPONSE_HEADERS",
    "RESPONSE_HEADERS_NAMES",
    "RULE",
    "SESSION",
    "TX",
    "XML:/*",
    "XML://@*",
    "XML://*",
    "XML:/*/b/text()",
];

const SCALARS: &[&str] = &[
    "ARGS_COMBINED_SIZE",
    "AUTH_TYPE",
    "DURATION",
    "FILES_COMBINED_SIZE",
    "FULL_REQUEST",
    "FULL_REQUEST_LENGTH",
    "HIGHEST_SEVERITY",
    "INBOUND_DATA_ERROR",
    "MATCHED_VAR",
    "MATCHED_VAR_NAME",
    "MULTIPART_STRICT_ERROR",
    "MULTIPART_UNMATCHED_BOUNDARY",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_USER",
    "REQBODY_ERROR",
    "REQBODY_ERROR_MSG",
    "REQBODY_PROCESSOR",
    "REQUEST_BASENAME",
    "REQUEST_BODY",
    "REQUEST_BODY_LENGTH",
    "REQUEST_FILENAME",
    "REQUEST_LINE",
    "REQUEST_METHOD",
    "REQUEST_PROTOCOL",
    "REQUEST_URI",
    "REQUEST_URI_RAW",
    "SERVER_NAME",
    "SESSIONID",
    "TIME",
    "UNIQUE_ID",
    "URLENCODED_ERROR",
    "USERID",
];

/// Chains of transformations that between them hold every one.
const CHAINS: &[&str] = &[
    "t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:lowercase,t:removeNulls",
    "t:base64DecodeExt,t:utf8toUnicode,t:compressWhitespace,t:normalisePathWin,t:cmdLine",
    "t:escapeSeqDecode,t:sqlHexDecode,t:replaceComments,t:removeCommentsChar,t:trim,t:replaceNulls",
    "t:urlDecode,t:removeComments,t:normalisePath,t:phpArgsNames,t:uppercase,t:removeWhitespace",
    "t:hexDecode,t:parityEven7bit,t:parityOdd7bit,t:parityZero7bit,t:trimLeft,t:trimRight",
    "t:hexEncode,t:base64Encode,t:urlEncode,t:base64Decode,t:length,t:md5,t:sha1",
];

const QUESTIONS: &[&str] = &[
    "@rx (?i)(a)(.*)?(b)",
    "@pm select a",
    "@detectSQLi",
    "@detectXSS",
    "@contains a",
    "!@validateByteRange 1-255",
    "@validateUtf8Encoding",
    "@validateUrlEncoding",
    "@ge 1",
    "@ipMatch 192.0.2.0/24",
    "@verifyCC \\d{13,16}",
    "@within a%{MATCHED_VAR}",
    "@rx ^(?=.*a)\\w+",
];

/// Every variable under every chain, with every kind of question, in all phases.
fn everything() -> &'static Arc<RuleSet> {
    static RULES: OnceLock<Arc<RuleSet>> = OnceLock::new();
    RULES.get_or_init(|| {
        let mut text = String::from(
            "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},initcol:global=g,setsid:%{REQUEST_COOKIES.s}\"\n",
        );
        let targets = [COLLECTIONS, SCALARS].concat();
        let mut id = 10;
        for phase in [1, 2, 5] {
            for (at, chain) in CHAINS.iter().enumerate() {
                for (part, few) in targets.chunks(11).enumerate() {
                    let question = QUESTIONS[(phase + at + part) % QUESTIONS.len()];
                    text.push_str(&format!(
                        "SecRule {} \"{question}\" \"id:{id},phase:{phase},pass,multiMatch,capture,{chain},\
                         msg:'%{{MATCHED_VAR}} %{{tx.0}}',logdata:'%{{FULL_REQUEST}}',\
                         setvar:'tx.%{{MATCHED_VAR_NAME}}=%{{tx.n}}x',setvar:'tx.n=+1',\
                         setvar:'ip.n=%{{tx.1}}',tag:'%{{tx.1}}'\"\n",
                        few.join("|")
                    ));
                    id += 1;
                }
            }
        }
        let files = BTreeMap::from([(PathBuf::from("main.conf"), text.into_bytes())]);
        let options = Options { budget: Some(Duration::from_mins(1)), ..Options::default() };
        let rules = RuleSet::compile(&[PathBuf::from("main.conf")], &Files(files), options);
        Arc::new(rules.unwrap_or_else(|errors| panic!("{errors:#?}")))
    })
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: &[&[u8]] = &[
        b"a",
        b"b",
        b"=",
        b"&",
        b"?",
        b"/",
        b"..",
        b"%",
        b"%00",
        b"%u0061",
        b";",
        b"\r\n",
        b"\n",
        b"--B",
        b"--B--",
        b"Content-Disposition: form-data; name=\"a\"",
        b"; filename=\"b\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"<a>",
        b"</a>",
        b"<b x='1'>",
        b"<!DOCTYPE a [<!ENTITY e 'x'>]>",
        b"&e;",
        b"1' OR 1=1--",
        b"<script>",
        b"\\u0061",
        b"\\",
        b"0x41",
        b"/*",
        b"*/",
        b"'",
        b" ",
        b"\0",
        b"\xff",
        b"4111111111111111",
        b"http://h/",
        b"#",
    ];
    prop_oneof![
        4 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

fn bytes(pieces: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(piece(), 0..pieces).prop_map(|all| all.concat())
}

const TYPES: &[&str] = &[
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=B",
    "application/json",
    "text/xml",
    "text/plain",
    "",
];

fn any_request() -> impl Strategy<Value = Request> {
    let names: &[&str] =
        &["Host", "Cookie", "Authorization", "Content-Length", "X-A", "", "\u{e9}"];
    let header = (prop::sample::select(names), bytes(6))
        .prop_map(|(name, value)| (name.as_bytes().to_vec(), value));
    let kind = prop::sample::select(TYPES);
    (bytes(2), bytes(8), proptest::collection::vec(header, 0..4), kind, bytes(20)).prop_map(
        |(method, target, mut headers, kind, body)| {
            headers.push((b"Content-Type".to_vec(), kind.as_bytes().to_vec()));
            Request { method, target, headers, body }
        },
    )
}

/// Bytes of everything that a record holds.
fn weight(record: &burgrave_seclang::Record) -> usize {
    let one = |found: &burgrave_seclang::MatchedRule| {
        let texts = [&found.message, &found.data, &found.variable, &found.matched];
        texts.iter().map(|text| text.len()).sum::<usize>()
            + found.tags.iter().map(Vec::len).sum::<usize>()
    };
    record.matches.iter().map(one).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_ends_with_a_bounded_record(request in any_request()) {
        let (_, record) = run(everything(), &request);
        prop_assert!(record.matches.len() <= 1_000);
        for found in &record.matches {
            prop_assert!(found.message.len() <= 1_024 && found.data.len() <= 1_024);
            prop_assert!(found.variable.len() <= 256 && found.matched.len() <= 256);
            prop_assert!(found.tags.iter().all(|tag| tag.len() <= 1_024));
        }
        // The same again: what the engine answers does not depend on what it has seen before, but
        // for the collections that are meant to be kept.
        let again = run(everything(), &request).1;
        let same = |record: &burgrave_seclang::Record| {
            record.matches.iter().map(|found| found.id).filter(|id| *id < 20).collect::<Vec<_>>()
        };
        prop_assert_eq!(same(&record), same(&again));
    }
}

#[test]
fn a_large_request_leaves_a_small_record() {
    let mut request =
        Request::get("/?").header("Content-Type", "application/x-www-form-urlencoded");
    request.target.extend(b"a=b&".repeat(900));
    request.body = b"a=aaaaaaaaaaaaaaaab&".repeat(50);
    let (_, record) = run(everything(), &request);
    assert!(!record.matches.is_empty());
    assert!(weight(&record) <= 1_000 * 8 * 1_024, "{} bytes", weight(&record));
}

/// An attack at the end of more arguments, cookies or headers than are looked at: looked at, or
/// refused; never let through.
#[test]
fn what_is_beyond_a_limit_is_not_passed() {
    let text = "SecRule ARGS|REQUEST_COOKIES|REQUEST_HEADERS|!REQUEST_HEADERS:Cookie \"@contains attack\" \"id:1,phase:2,deny\"\n\
                SecRule REQBODY_ERROR \"!@eq 0\" \"id:2,phase:2,deny\"";
    let rules = rules(text);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for count in [1, 999, 1_000, 1_001, 3_000] {
        let pairs = |separator: &str| format!("a{separator}").repeat(count) + "b=attack";
        let query = Request::get(&format!("/?{}", pairs("&")));
        let cookies = Request::get("/").header("Cookie", &pairs(";"));
        let body =
            Request { body: pairs("&").into_bytes(), ..Request::get("/").header(form.0, form.1) };
        let json = Request {
            body: format!("[{}\"attack\"]", "1,".repeat(count)).into_bytes(),
            ..Request::get("/?a&b").header(form.0, "application/json")
        };
        let mut half = Request::get("/?").header(form.0, form.1);
        half.target.extend(b"a&".repeat(count.min(1_000)));
        half.body = pairs("&").into_bytes();
        let all = [("query", query), ("cookies", cookies), ("body", body), ("both", half)];
        for (what, request) in all {
            let (interruption, _) = run(&rules, &request);
            assert!(interruption.is_some(), "{what} with {count}");
        }
        let with_base = RuleSet::compile(
            &[PathBuf::from("main.conf")],
            &Files(BTreeMap::from([(PathBuf::from("main.conf"), text.into())])),
            Options::default(),
        );
        let (interruption, _) = run(&Arc::new(with_base.unwrap()), &json);
        assert!(interruption.is_some(), "json with {count}");
    }
    let mut headers = Request::get("/");
    headers.headers = vec![(b"X-A".to_vec(), b"b".to_vec()); 10_001];
    assert!(run(&rules, &headers.header("X-B", "attack")).0.is_some(), "headers");
}

/// The same limits where rules only watch: the request goes on, and the record says so.
#[test]
fn a_limit_is_recorded_where_rules_only_watch() {
    let rules = rules("SecRuleEngine DetectionOnly\nSecAction \"id:1,phase:2,pass\"");
    let (interruption, record) = run(&rules, &Request::get(&format!("/?{}", "a&".repeat(1_001))));
    assert_eq!(interruption, None);
    assert_eq!(record.matches.len(), 1, "phase 2 is evaluated all the same");
    assert_eq!(record.interruption.unwrap().action, Disruption::Deny(400));
    let off = "SecRuleEngine Off\nSecAction \"id:1,phase:1,deny\"";
    let (_, record) = run(&crate::rules(off), &Request::get(&format!("/?{}", "a&".repeat(1_001))));
    assert_eq!(record.interruption, None);
}

/// Each look at the clock takes a second.
fn slow() -> Duration {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn an_engine_out_of_time_refuses_and_says_so() {
    let rules = rules(
        &(1..100).map(|id| format!("SecAction \"id:{id},phase:1,pass\"\n")).collect::<String>(),
    );
    let (interruption, record) = run_with(&rules, &Request::get("/"), slow);
    let why = interruption.unwrap();
    assert_eq!((why.rule, why.action), (None, Disruption::Deny(503)));
    assert!(why.reason.contains("time budget"));
    assert!(record.interruption.is_some());
}

#[test]
fn bodies_at_and_past_the_limit() {
    for (action, length, refused, seen) in [
        ("Reject", 9, false, 1),
        ("Reject", 10, false, 1),
        ("Reject", 11, true, 0),
        ("ProcessPartial", 10, false, 1),
        ("ProcessPartial", 11, false, 2),
    ] {
        let text = format!(
            "SecRequestBodyLimit 10\nSecRequestBodyLimitAction {action}\n\
             SecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:1,phase:2,pass\"\n\
             SecRule REQUEST_BODY_LENGTH \"@gt 0\" \"id:2,phase:2,pass\""
        );
        let body = b"a".repeat(length);
        let request = Request { body, ..Request::get("/") };
        let (interruption, record) = run(&rules(&text), &request);
        let status = interruption.map(|why| why.action);
        assert_eq!(status, refused.then_some(Disruption::Deny(413)), "{action} {length}");
        let count = if refused { 0 } else { record.matches.len() };
        assert_eq!(count, seen, "{action} {length}");
    }
}

#[test]
fn pieces_of_a_body_are_one_body() {
    let rules = rules("SecRule ARGS:b \"@streq cd\" \"id:1,phase:2,deny\"");
    let address = ("192.0.2.1".parse().unwrap(), 1);
    let connection = burgrave_seclang::Connection { client: address, server: address };
    for cut in 0..=8 {
        let body = b"a=b&b=cd";
        let mut transaction = rules.transaction(connection, None, "", 0, || Duration::ZERO);
        let line =
            burgrave_seclang::RequestLine { method: b"POST", target: b"/", protocol: b"HTTP/2.0" };
        transaction.request_line(&line);
        transaction.request_header(b"content-type", b"application/x-www-form-urlencoded");
        assert_eq!(transaction.request_headers_done(), Decision::Continue);
        transaction.request_body(&body[..cut]);
        transaction.request_body(b"");
        transaction.request_body(&body[cut..]);
        assert!(matches!(transaction.request_body_done(), Decision::Interrupt(_)), "cut at {cut}");
    }
}

#[test]
fn values_made_without_end_are_refused() {
    // Each match doubles a member; the engine's memory is bounded, and it refuses at the bound.
    let text =
        "SecRule ARGS \"@rx .\" \"id:1,phase:1,pass,nolog,setvar:'tx.a=%{tx.a}%{tx.a}aaaaaaaa'\"";
    let request = Request::get(&format!("/?{}", "a=b&".repeat(22)));
    let (interruption, _) = run(&rules(text), &request);
    assert_eq!(interruption, None, "32 MiB are within the bound");
    let longer = Request::get(&format!("/?{}", "a=b&".repeat(60)));
    let (interruption, _) = run(&rules(text), &longer);
    assert!(interruption.unwrap().reason.contains("too many values"));
}

#[test]
fn rules_that_load_are_there() {
    let text = b"SecAction \"id:1,phase:1,pass\"";
    assert_eq!(compile_files(&[("main.conf", text)]).unwrap().len(), 1);
    assert_eq!(ids("SecAction \"id:1,phase:1,pass\"", &Request::get("/")), [1]);
}
