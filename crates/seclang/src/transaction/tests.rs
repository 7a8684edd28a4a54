//! The language's meaning, one small rule set a case.

#![expect(clippy::wildcard_enum_match_arm, reason = "tests single out a few variables")]

use super::*;
use crate::interface::{Options, RuleFiles};
use std::path::{Path, PathBuf};

struct Text(String);

impl RuleFiles for Text {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Ok(self.0.clone().into_bytes())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

fn rules(text: &str) -> Arc<RuleSet> {
    rules_with(text, Options::default())
}

pub(crate) fn rules_with(text: &str, options: Options) -> Arc<RuleSet> {
    let options = Options { bare: true, ..options };
    let compiled = RuleSet::compile(&[PathBuf::from("t.conf")], &Text(text.to_owned()), options);
    Arc::new(compiled.unwrap_or_else(|errors| panic!("{errors:?}")))
}

fn refused(text: &str) -> Vec<String> {
    let options = Options { bare: true, ..Options::default() };
    let errors =
        RuleSet::compile(&[PathBuf::from("t.conf")], &Text(text.to_owned()), options).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

pub(super) struct Request<'a> {
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
    pub(super) response: &'a str,
}

pub(super) const GET: Request<'_> = Request { target: "/", headers: &[], body: "", response: "" };

fn start(rules: &Arc<RuleSet>, request: &Request<'_>) -> Transaction {
    let address = ("192.0.2.1".parse().unwrap(), 4711);
    let connection = Connection { client: address, server: address };
    let mut transaction =
        rules.transaction(connection, None, "id-1", 1_795_228_938_000_000, || Duration::ZERO);
    transaction.request_line(&RequestLine {
        method: if request.body.is_empty() { b"GET" } else { b"POST" },
        target: request.target.as_bytes(),
        protocol: b"HTTP/1.1",
    });
    for (name, value) in request.headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    transaction
}

/// Runs all phases; the record, and the phase in which the request was ended.
pub(super) fn run(rules: &Arc<RuleSet>, request: &Request<'_>) -> (Record, Option<u8>) {
    let mut transaction = start(rules, request);
    let ended = phases(&mut transaction, request);
    (transaction.finish(), ended)
}

fn phases(transaction: &mut Transaction, request: &Request<'_>) -> Option<u8> {
    if transaction.request_headers_done() != Decision::Continue {
        return Some(1);
    }
    if transaction.wants_request_body() {
        match transaction.request_body(request.body.as_bytes()) {
            BodyIntake::Wanted | BodyIntake::Enough => {}
            BodyIntake::Refused(_) => return Some(2),
        }
    }
    if transaction.request_body_done() != Decision::Continue {
        return Some(2);
    }
    transaction.response_line(200, b"HTTP/1.1");
    transaction.response_header(b"Content-Type", b"text/html");
    if transaction.response_headers_done(false) != Decision::Continue {
        return Some(3);
    }
    if transaction.wants_response_body() {
        let _ = transaction.response_body(request.response.as_bytes());
    }
    (transaction.response_body_done() != Decision::Continue).then_some(4)
}

/// The ids that are recorded of a request with this body, as often as it comes.
pub(crate) fn matching_with_body(rules: &str, options: Options, body: &str) -> Vec<u32> {
    let rules = rules_with(rules, Options { bare: true, ..options });
    let ids = || -> Vec<u32> {
        let (record, _) = run(&rules, &Request { body, ..GET });
        record.matches.iter().map(|found| found.id).collect()
    };
    let first = ids();
    assert_eq!(ids(), first);
    first
}

/// The ids that are recorded, in order.
fn ids(text: &str, request: &Request<'_>) -> Vec<u32> {
    let (record, _) = run(&rules(text), request);
    record.matches.iter().map(|found| found.id).collect()
}

#[test]
fn variables_of_a_request() {
    let request = Request {
        target: "/a/b.php?x=1&Y=%41+b&x=2",
        headers: &[("Host", "h.test:8080"), ("Cookie", "c=d; e=f"), ("X-Y", "z")],
        ..GET
    };
    for (targets, operator) in [
        ("REQUEST_URI", "@streq /a/b.php?x=1&Y=%41+b&x=2"),
        ("REQUEST_FILENAME", "@streq /a/b.php"),
        ("REQUEST_BASENAME", "@streq b.php"),
        ("QUERY_STRING", "@beginsWith x=1&Y="),
        ("REQUEST_LINE", "@beginsWith GET /a"),
        ("REQUEST_METHOD", "@streq GET"),
        ("REQUEST_PROTOCOL", "@streq HTTP/1.1"),
        ("ARGS:y", "@streq A b"),
        ("ARGS_NAMES", "@streq Y"),
        ("&ARGS", "@eq 3"),
        ("&ARGS:x", "@eq 2"),
        ("&ARGS:none", "@eq 0"),
        ("ARGS:/^Y$/", "@streq A b"),
        ("ARGS_COMBINED_SIZE", "@eq 8"),
        ("REQUEST_HEADERS:x-y", "@streq z"),
        ("REQUEST_HEADERS_NAMES", "@streq X-Y"),
        ("REQUEST_COOKIES:e", "@streq f"),
        ("REQUEST_COOKIES_NAMES", "@streq c"),
        ("REMOTE_ADDR", "@ipMatch 192.0.2.0/24"),
        ("SERVER_NAME", "@streq h.test"),
        ("UNIQUE_ID", "@streq id-1"),
        ("TIME_YEAR", "@eq 2026"),
        ("TIME", "@streq 02:42:18"),
        ("REQBODY_PROCESSOR", "!@rx ."),
        ("FULL_REQUEST", "@contains X-Y: z"),
    ] {
        let rule = format!("SecRule {targets} \"{operator}\" \"id:1,phase:1,pass\"");
        assert_eq!(ids(&rule, &request), [1], "{targets} {operator}");
    }
}

#[test]
fn bodies_by_processor() {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let json = [("Content-Type", "application/json")];
    let xml = [("Content-Type", "text/xml")];
    let multipart = [("Content-Type", "multipart/form-data; boundary=B")];
    let parts = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\nContent-Type: text/plain\r\n\r\ndata\r\n--B--\r\n";
    let choose = "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:8,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\nSecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";
    for (headers, body, targets, operator) in [
        (&form, "a=1&b=%32", "ARGS_POST:b", "@streq 2"),
        (&form, "a=1&b=%32", "REQUEST_BODY", "@streq a=1&b=%32"),
        (&form, "a=%zz", "URLENCODED_ERROR", "@eq 1"),
        (&json, "{\"a\":[{\"b\":\"c\"}]}", "ARGS:json.a.array_0.b", "@streq c"),
        (&json, "{", "REQBODY_ERROR", "@eq 1"),
        (&json, "{}", "REQBODY_PROCESSOR", "@streq JSON"),
        (&xml, "<a b='x'>y<c>z</c></a>", "XML:/*", "@streq yz"),
        (&xml, "<a b='x'>y</a>", "XML://@*", "@streq x"),
        (&xml, "<a>", "REQBODY_ERROR", "@eq 1"),
        (&multipart, parts, "ARGS:a", "@streq 1"),
        (&multipart, parts, "FILES:f", "@streq x.php"),
        (&multipart, parts, "FILES_NAMES", "@streq f"),
        (&multipart, parts, "FILES_SIZES:f", "@eq 4"),
        (&multipart, parts, "FILES_COMBINED_SIZE", "@eq 4"),
        (&multipart, parts, "FILES_TMP_CONTENT:f", "@streq data"),
        (&multipart, parts, "MULTIPART_PART_HEADERS:f", "@streq Content-Type: text/plain"),
        (&multipart, parts, "MULTIPART_STRICT_ERROR", "@eq 0"),
        (&multipart, "--B\nx", "MULTIPART_STRICT_ERROR", "@eq 1"),
        (&multipart, parts, "&REQUEST_BODY", "@eq 0"),
        (&form, "a=1", "REQUEST_BODY_LENGTH", "@eq 3"),
    ] {
        let rules = format!("{choose}SecRule {targets} \"{operator}\" \"id:1,phase:2,pass\"");
        let request = Request { headers: &headers[..], body, ..GET };
        assert_eq!(ids(&rules, &request), [1], "{targets} {operator} of {body}");
    }
}

/// A variable that is known and never filled would be a rule that never matches.
#[test]
fn every_variable_is_filled_by_some_request() {
    let parts = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nd\r\n--B--\r\n";
    let basic = ("Authorization", "Basic dXNlcjpwYXNzd29yZA==");
    let multipart = [
        ("Host", "h"),
        ("Cookie", "c=d"),
        basic,
        ("Content-Type", "multipart/form-data; boundary=B"),
    ];
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let xml = [("Content-Type", "text/xml")];
    let json = [("Content-Type", "text/x-broken")];
    let requests = [
        Request { target: "/p/b?q=1", headers: &multipart, body: parts, response: "answer" },
        Request { headers: &form, body: "a=1", ..GET },
        Request { headers: &xml, body: "<!DOCTYPE a><a/>", ..GET },
        Request { headers: &[("X-Odd", "(x)")], ..GET },
        Request { headers: &json, body: "{", ..GET },
    ];
    let opened = "SecResponseBodyAccess On\nSecAction \"id:1,phase:1,pass,nolog,initcol:global=g,initcol:ip=i,setsid:s,setuid:u,setrsc:r,setenv:e=1,setvar:global.a=1,setvar:ip.a=1,setvar:session.a=1,setvar:user.a=1,setvar:resource.a=1,setvar:tx.a=1\"\nSecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\nSecRule REQUEST_HEADERS:Content-Type \"@contains broken\" \"id:3,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";
    for &variable in Variable::ALL {
        let rule = match variable {
            // Without a database and a profile there is nothing in them; with these they have tests of their own.
            Variable::Geo | Variable::ArgsMistyped => continue,
            Variable::Xml => {
                "SecRule XML:/* \"@unconditionalMatch\" \"id:9,phase:5,pass\"".to_owned()
            }
            // What matched is known to the links that follow.
            Variable::MatchedVar
            | Variable::MatchedVarName
            | Variable::MatchedVars
            | Variable::MatchedVarsNames => {
                format!(
                    "SecRule REQUEST_METHOD \"@rx .\" \"id:9,phase:5,pass,chain\"\nSecRule {} \"@rx .\"",
                    variable.name()
                )
            }
            _ => {
                format!("SecRule {} \"@unconditionalMatch\" \"id:9,phase:5,pass\"", variable.name())
            }
        };
        let rules = rules(&format!("{opened}{rule}"));
        let filled = requests
            .iter()
            .any(|request| run(&rules, request).0.matches.iter().any(|found| found.id == 9));
        assert!(filled, "`{}` is never filled", variable.name());
    }
}

#[test]
fn matching_values_act_each() {
    let request = Request { target: "/?a=x&b=x&c=y", ..GET };
    let text = "SecRule ARGS \"@streq x\" \"id:1,phase:1,pass,nolog,setvar:tx.n=+2,setvar:tx.last=%{MATCHED_VAR_NAME}\"\n\
        SecRule TX:n \"@eq 4\" \"id:2,phase:1,pass\"\n\
        SecRule TX:LAST \"@streq ARGS:b\" \"id:3,phase:1,pass\"\n\
        SecRule &TX:gone \"@eq 0\" \"id:4,phase:1,pass,setvar:!tx.n\"\n\
        SecRule TX:n \"@unconditionalMatch\" \"id:5,phase:1,pass\"";
    assert_eq!(ids(text, &request), [2, 3, 4]);
}

#[test]
fn chains_match_as_a_whole() {
    let request = Request { target: "/?a=x&b=y", ..GET };
    let both = "SecRule ARGS:a \"@streq x\" \"id:1,phase:1,deny,status:418,chain,setvar:tx.seen=1\"\nSecRule ARGS:b \"@streq y\" \"t:none\"";
    let (record, ended) = run(&rules(both), &request);
    assert_eq!((record.matches.len(), ended), (1, Some(1)));
    assert_eq!(record.interruption.unwrap().action, Disruption::Deny(418));
    let half =
        both.replace("@streq y", "@streq z") + "\nSecRule TX:seen \"@eq 1\" \"id:2,phase:1,pass\"";
    assert_eq!(ids(&half, &request), [2], "the first link acted, the chain did not match");
    let of_the_first =
        "SecRule ARGS \"@rx [xy]\" \"id:1,phase:1,pass,chain\"\nSecRule MATCHED_VARS \"@streq y\"";
    assert_eq!(ids(of_the_first, &request), [1]);
}

#[test]
fn captures_stand_in_tx() {
    let request = Request { target: "/?a=foobar", ..GET };
    let text = "SecRule ARGS \"@rx (fo+)(x)?(bar)\" \"id:1,phase:1,pass,capture,msg:'%{tx.0}/%{TX.1}/%{tx.2}/%{tx.3}',logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}'\"";
    let (record, _) = run(&rules(text), &request);
    assert_eq!(bstr::BStr::new(&record.matches[0].message), "foobar/foo//bar");
    assert_eq!(bstr::BStr::new(&record.matches[0].data), "ARGS:a=foobar");
    assert_eq!(bstr::BStr::new(&record.matches[0].variable), "ARGS:a");
}

#[test]
fn transformations_defaults_and_multi_match() {
    let request = Request { target: "/?a=%2541B", ..GET };
    for (actions, operator, matches) in [
        ("t:urlDecode,t:lowercase", "@streq ab", true),
        ("t:lowercase,t:urlDecode", "@streq Ab", true),
        ("t:urlDecode", "@streq ab", false),
        ("t:urlDecode,t:lowercase,multiMatch", "@streq AB", true),
        ("t:urlDecode,t:lowercase", "@streq AB", false),
        ("t:none", "@streq %41B", true),
    ] {
        let rule = format!("SecRule ARGS \"{operator}\" \"id:1,phase:1,pass,{actions}\"");
        assert_eq!(!ids(&rule, &request).is_empty(), matches, "{actions} {operator}");
    }
    let defaults = "SecDefaultAction \"phase:1,log,deny,status:401,t:lowercase\"\nSecRule ARGS \"@streq %41b\" \"id:1,phase:1,block\"";
    let (record, ended) = run(&rules(defaults), &request);
    assert_eq!((ended, record.interruption.unwrap().action), (Some(1), Disruption::Deny(401)));
}

#[test]
fn flow() {
    let request = Request { target: "/?a=1", ..GET };
    let rule =
        |id: u32, more: &str| format!("SecRule ARGS:a \"@eq 1\" \"id:{id},phase:1,pass{more}\"\n");
    let skip = rule(1, ",skip:1") + &rule(2, "") + &rule(3, "");
    assert_eq!(ids(&skip, &request), [1, 3]);
    let after = rule(1, ",skipAfter:END") + &rule(2, "") + "SecMarker END\n" + &rule(3, "");
    assert_eq!(ids(&after, &request), [1, 3]);
    let by_id = rule(1, ",skipAfter:2") + &rule(2, "") + &rule(3, "");
    assert_eq!(ids(&by_id, &request), [1, 3]);
    let allow = |scope: &str| {
        rule(1, "").replace("pass", &format!("allow{scope}"))
            + &rule(2, "")
            + &rule(3, "").replace("phase:1", "phase:2")
            + &rule(4, "").replace("phase:1", "phase:3")
            + &rule(5, "").replace("phase:1", "phase:5")
    };
    assert_eq!(ids(&allow(""), &request), [1, 5]);
    assert_eq!(ids(&allow(":phase"), &request), [1, 3, 4, 5]);
    assert_eq!(ids(&allow(":request"), &request), [1, 4, 5]);
}

#[test]
fn disruptions_by_mode() {
    let request = Request { target: "/?a=1", ..GET };
    let rule = |engine: &str, action: &str| {
        format!(
            "SecRuleEngine {engine}\nSecRule ARGS:a \"@eq 1\" \"id:1,phase:1,{action}\"\nSecRule ARGS:a \"@eq 1\" \"id:2,phase:5,pass\""
        )
    };
    for (engine, action, ended, expected) in [
        ("On", "deny", Some(1), Some(Disruption::Deny(403))),
        ("On", "drop", Some(1), Some(Disruption::Drop)),
        (
            "On",
            "redirect:https://e.test/%{ARGS.a},status:301",
            Some(1),
            Some(Disruption::Redirect { status: 301, location: b"https://e.test/1".to_vec() }),
        ),
        ("On", "pass", None, None),
        ("On", "block", None, None),
        ("DetectionOnly", "deny", None, Some(Disruption::Deny(403))),
    ] {
        let (record, at) = run(&rules(&rule(engine, action)), &request);
        assert_eq!(at, ended, "{engine} {action}");
        assert_eq!(record.interruption.map(|found| found.action), expected, "{engine} {action}");
        assert_eq!(record.matches.last().unwrap().id, 2, "phase 5 always runs");
    }
    assert!(ids(&rule("Off", "deny"), &request).is_empty());
}

#[test]
fn exclusions_are_exact() {
    let request = Request { target: "/?id=x&identity=x&sid=y", ..GET };
    let names = |text: &str| {
        let text = format!("{text}\nSecRule MATCHED \"\" \"\"")
            .split("\nSecRule MATCHED")
            .next()
            .unwrap()
            .to_owned();
        let (record, _) = run(&rules(&text), &request);
        record
            .matches
            .iter()
            .map(|found| String::from_utf8(found.data.clone()).unwrap())
            .collect::<Vec<_>>()
    };
    let rule = "SecRule ARGS%s \"@rx .\" \"id:1,tag:t1,msg:'m',phase:1,pass,nolog,setvar:'tx.l=%{tx.l} %{MATCHED_VAR_NAME}'\"\nSecAction \"id:99,phase:1,pass,logdata:'%{tx.l}'\"\n";
    let plain = |more: &str| rule.replace("%s", more);
    assert_eq!(names(&plain("|!ARGS:id")), [" ARGS:identity ARGS:sid"]);
    assert_eq!(names(&plain("|!ARGS:/^id/")), [" ARGS:sid"]);
    assert_eq!(names(&plain("|!ARGS_NAMES:id")), [" ARGS:id ARGS:identity ARGS:sid"]);
    for control in ["ById=1;ARGS:id", "ByTag=t1;ARGS:id", "ByMsg=m;ARGS:id"] {
        let text = format!("SecAction \"id:5,phase:1,pass,nolog,ctl:ruleRemoveTarget{control}\"\n")
            + &plain("");
        assert_eq!(names(&text), [" ARGS:identity ARGS:sid"], "{control}");
    }
    let near_misses = ["ById=11;ARGS:id", "ByTag=t;ARGS:id", "ByMsg=mm;ARGS:id", "ById=1;ARGS:i"];
    for control in near_misses {
        let text = format!("SecAction \"id:5,phase:1,pass,nolog,ctl:ruleRemoveTarget{control}\"\n")
            + &plain("");
        assert_eq!(names(&text), [" ARGS:id ARGS:identity ARGS:sid"], "{control}");
    }
    for update in [
        "SecRuleUpdateTargetById 1 \"!ARGS:id\"",
        "SecRuleUpdateTargetByTag t1 !ARGS:id",
        "SecRuleUpdateTargetByMsg m \"!ARGS:id\"",
    ] {
        assert_eq!(names(&(plain("") + update)), [" ARGS:identity ARGS:sid"], "{update}");
    }
}

#[test]
fn rules_are_removed_and_changed() {
    let request = Request { target: "/?a=1", ..GET };
    let rule = "SecRule ARGS:a \"@eq 1\" \"id:10,phase:1,pass,tag:'t',msg:'m'\"\n";
    for directive in [
        "SecRuleRemoveById 10",
        "SecRuleRemoveById 1-5 9-12",
        "SecRuleRemoveById \"3,10\"",
        "SecRuleRemoveByTag t",
        "SecRuleRemoveByMsg m",
    ] {
        assert!(ids(&format!("{rule}{directive}"), &request).is_empty(), "{directive}");
    }
    for directive in [
        "SecRuleRemoveById 1",
        "SecRuleRemoveById 11-20",
        "SecRuleRemoveByTag tt",
        "SecRuleRemoveByMsg M",
    ] {
        assert_eq!(ids(&format!("{rule}{directive}"), &request), [10], "{directive}");
    }
    for control in [
        "ruleRemoveById=10",
        "ruleRemoveById=5-15",
        "ruleRemoveByTag=t",
        "ruleRemoveByMsg=m",
        "ruleEngine=Off",
    ] {
        let text = format!("SecAction \"id:1,phase:1,pass,nolog,ctl:{control}\"\n{rule}");
        assert!(ids(&text, &request).is_empty(), "{control}");
    }
    let changed = format!("{rule}SecRuleUpdateActionById 10 \"deny,status:410,msg:'n'\"");
    let (record, ended) = run(&rules(&changed), &request);
    assert_eq!((ended, record.interruption.unwrap().action), (Some(1), Disruption::Deny(410)));
    assert_eq!(record.matches[0].message, b"n");
}

#[test]
fn kept_collections_outlive_the_request() {
    let text = "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1\"\nSecRule IP:n \"@ge 3\" \"id:2,phase:1,deny\"";
    let rules = rules(text);
    assert_eq!(run(&rules, &GET).1, None);
    assert_eq!(run(&rules, &GET).1, None);
    assert_eq!(run(&rules, &GET).1, Some(1));
}

#[test]
fn responses() {
    let text = "SecResponseBodyAccess On\nSecRule RESPONSE_STATUS \"@eq 200\" \"id:1,phase:3,pass\"\nSecRule RESPONSE_HEADERS:content-type \"@contains html\" \"id:2,phase:3,pass\"\nSecRule RESPONSE_BODY \"@contains leak\" \"id:3,phase:4,deny\"";
    let (record, ended) = run(&rules(text), &Request { response: "a leak", ..GET });
    assert_eq!(ended, Some(4));
    assert_eq!(record.matches.len(), 3);
    let plain = text.replace("Access On", "Access Off");
    assert_eq!(run(&rules(&plain), &Request { response: "a leak", ..GET }).1, None);
    let other = format!("{text}\nSecResponseBodyMimeType text/plain");
    assert_eq!(run(&rules(&other), &Request { response: "a leak", ..GET }).1, None);
}

#[test]
fn an_encoded_answer_that_is_to_be_inspected_is_not_passed() {
    for (access, kind, encoding, passes) in [
        ("On", "text/html", "gzip", false),
        ("On", "text/html", "identity", true),
        ("On", "image/png", "gzip", true),
        ("Off", "text/html", "gzip", true),
    ] {
        let mut transaction = start(&rules(&format!("SecResponseBodyAccess {access}")), &GET);
        assert_eq!(transaction.inspects_responses(), access == "On");
        transaction.response_line(200, b"HTTP/1.1");
        transaction.response_header(b"Content-Type", kind.as_bytes());
        transaction.response_header(b"Content-Encoding", encoding.as_bytes());
        let passed = transaction.response_headers_done(false) == Decision::Continue;
        assert_eq!(passed, passes, "{access} {kind} {encoding}");
    }
}

#[test]
fn more_arguments_than_the_limit_are_an_error_wherever_they_stand() {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let many = "a&".repeat(1000);
    let (target, body) = (format!("/?{many}q=attack"), format!("{many}q=attack"));
    let rule = "SecRule REQBODY_ERROR \"@eq 1\" \"id:1,phase:2,deny,status:400\"";
    let query = Request { target: &target, ..GET };
    let posted = Request { headers: &form, body: &body, ..GET };
    for (request, phase) in [(&query, 1), (&posted, 2)] {
        assert_eq!(run(&rules(rule), request).1, Some(phase));
    }
    let few = format!("/?{}", "a&".repeat(700));
    let fewer = Request { target: &few, ..GET };
    assert_eq!(run(&rules(rule), &fewer).1, None);
}

#[test]
fn bodies_have_limits() {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let request = Request { headers: &form, body: "a=123456789", ..GET };
    let rule = "SecRule ARGS:a \"@beginsWith 123\" \"id:1,phase:2,pass\"\nSecRule INBOUND_DATA_ERROR \"@eq 1\" \"id:2,phase:2,pass\"\n";
    let (record, ended) = run(&rules(&format!("{rule}SecRequestBodyLimit 5")), &request);
    assert_eq!((ended, record.interruption.unwrap().action), (Some(2), Disruption::Deny(413)));
    assert_eq!(
        ids(
            &format!("{rule}SecRequestBodyLimit 5\nSecRequestBodyLimitAction ProcessPartial"),
            &request
        ),
        [1, 2]
    );
    assert_eq!(ids(&format!("{rule}SecRequestBodyLimit 11"), &request), [1]);
    assert!(ids(&format!("{rule}SecRequestBodyAccess Off"), &request).is_empty());
    let response =
        "SecResponseBodyAccess On\nSecResponseBodyLimit 3\nSecResponseBodyLimitAction Reject\n";
    let mut transaction = start(&rules(response), &GET);
    transaction.response_line(200, b"HTTP/1.1");
    assert!(matches!(transaction.response_body(b"abcd"), BodyIntake::Refused(_)));
}

fn ticking() -> Duration {
    use std::sync::atomic::{AtomicU64, Ordering};
    static TICKS: AtomicU64 = AtomicU64::new(0);
    Duration::from_millis(TICKS.fetch_add(600, Ordering::Relaxed))
}

#[test]
fn an_engine_that_cannot_answer_refuses() {
    let slow = "SecRule ARGS \"@rx .\" \"id:%,phase:1,pass\"\n";
    let text: String = (1..20).map(|n| slow.replace('%', &n.to_string())).collect();
    let address = ("192.0.2.1".parse().unwrap(), 1);
    let rules = rules(&text);
    for (mode, decision) in [(Mode::Block, false), (Mode::Detect, true)] {
        let connection = Connection { client: address, server: address };
        let mut transaction = rules.transaction(connection, Some(mode), "id", 0, ticking);
        transaction.request_line(&RequestLine {
            method: b"GET",
            target: b"/?a=b",
            protocol: b"HTTP/1.1",
        });
        assert_eq!(transaction.request_headers_done() == Decision::Continue, decision, "{mode:?}");
        let record = transaction.finish();
        assert!(record.interruption.unwrap().reason.contains("budget"), "recorded in either mode");
    }
    let bomb = "SecRule ARGS \"@rx ^(?:(a+)+)\\1b$\" \"id:1,phase:1,pass\"";
    let target = format!("/?a={}", "a".repeat(40));
    let (record, ended) = run(&self::rules(bomb), &Request { target: &target, ..GET });
    assert_eq!(ended, Some(1));
    assert!(record.interruption.unwrap().reason.contains("regular expression"));
}

#[test]
fn what_cannot_be_answered_loads_with_a_warning_and_refuses_who_reaches_it() {
    let text = "SecRule ARGS:on \"@eq 1\" \"id:1,phase:1,deny,chain\"\nSecRule REMOTE_ADDR \"@geoLookup\" \"chain\"\nSecRule GEO:COUNTRY_CODE \"@streq XX\" \"\"";
    let rules = rules(text);
    assert_eq!(rules.warnings().len(), 1);
    assert!(rules.warnings()[0].contains("t.conf:1: rule 1 asks `@geoLookup`"));
    assert_eq!(run(&rules, &GET).1, None);
    let (record, ended) = run(&rules, &Request { target: "/?on=1", ..GET });
    assert_eq!(ended, Some(1));
    assert!(record.interruption.unwrap().reason.contains("not available"));
}

#[test]
fn an_error_in_a_chain_is_one_error() {
    let errors = refused(
        "SecRule NOPE \"x\" \"id:1,chain\"\nSecRule ARGS \"y\" \"chain\"\nSecRule ARGS \"z\"\nSecRule ARGS \"a\" \"id:2,pass\"",
    );
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn one_rule_over_many_values_is_within_the_budget_too() {
    fn slow() -> Duration {
        use std::sync::atomic::{AtomicU64, Ordering};
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        Duration::from_millis(LOOKS.fetch_add(100, Ordering::Relaxed))
    }
    let address = ("192.0.2.1".parse().unwrap(), 1);
    let connection = Connection { client: address, server: address };
    let rules = rules(
        "SecRule ARGS \"@rx ^(?:x|y)$\" \"id:1,phase:1,deny,t:none,chain\"\nSecRule ARGS \"@rx z\"",
    );
    let mut transaction = rules.transaction(connection, None, "id", 0, slow);
    let values: Vec<String> = (0..900).map(|n| format!("a={}{n}", "xy".repeat(2000))).collect();
    let target = format!("/?{}", values.join("&"));
    transaction.request_line(&RequestLine {
        method: b"GET",
        target: target.as_bytes(),
        protocol: b"HTTP/1.1",
    });
    assert_ne!(transaction.request_headers_done(), Decision::Continue);
    assert!(transaction.finish().interruption.unwrap().reason.contains("budget"));
}

#[test]
fn secrets_can_be_kept_out_of_the_record() {
    let request = Request { target: "/?password=hunter2", ..GET };
    for hide in ["sanitiseArg:password", "sanitiseMatched"] {
        let text = format!(
            "SecRule ARGS:password \"@rx .\" \"id:1,phase:1,pass,{hide},logdata:'%{{MATCHED_VAR}}'\""
        );
        let (record, _) = run(&rules(&text), &request);
        assert_eq!(record.matches[0].matched, b"*******");
        assert_eq!(record.matches[0].data, b"(sanitised)");
    }
}

#[test]
fn scores_are_told() {
    let text = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.inbound_anomaly_score_pl1=5,setvar:tx.inbound_anomaly_score_pl2=3\"";
    assert_eq!(run(&rules(text), &GET).0.score_in, 8);
    let blocking = format!(
        "{text}\nSecAction \"id:2,phase:1,pass,nolog,setvar:tx.blocking_inbound_anomaly_score=6\""
    );
    assert_eq!(run(&rules(&blocking), &GET).0.score_in, 6);
}

mod audit;
mod language;
mod lists;

#[test]
fn what_will_not_be_done_is_refused_with_its_line() {
    for (text, expected) in [
        ("\nSecRule NOPE \"x\" \"id:1\"", "t.conf:2: unknown variable `NOPE`"),
        ("SecRule ARGS \"@frob x\" \"id:1\"", "t.conf:1: unknown operator `@frob`"),
        ("SecRule ARGS \"x\" \"id:1,t:frob\"", "t.conf:1: unknown transformation `t:frob`"),
        ("SecRule ARGS \"x\" \"id:1,frob\"", "t.conf:1: unknown action `frob`"),
        ("SecFrob On", "t.conf:1: unknown directive `SecFrob`"),
        ("SecRule ARGS \"(\" \"id:1\"", "regular expression does not compile"),
        ("SecRule ARGS", "a rule is `SecRule VARIABLES OPERATOR [ACTIONS]`"),
        ("SecRule ARGS \"x\" \"phase:1\"", "a rule needs an `id`"),
        ("SecAction \"id:1\"\nSecAction \"id:1\"", "t.conf:2: rule id 1 is taken by t.conf:1"),
        ("SecAction \"id:1,phase:1,skipAfter:END\"", "names no marker or rule behind it"),
        (
            "SecMarker END\nSecAction \"id:1,phase:1,skipAfter:END\"",
            "names no marker or rule behind it",
        ),
        ("SecRule ARGS \"x\" \"id:1,chain\"\nSecRuleEngine On", "has no next rule"),
        (
            "SecRule ARGS \"x\" \"id:1,chain\"\nSecRule ARGS \"y\" \"deny\"",
            "t.conf:2: a disruptive action may stand only",
        ),
        ("SecAction \"id:1,phase:5,deny\"", "only `pass` is possible there"),
        ("SecRuleScript x.lua", "scripts are not run"),
        ("SecXmlExternalEntity On", "never fetched"),
        ("SecRule ARGS \"@fuzzyHash x\" \"id:1\"", "operator `@fuzzyHash` is refused"),
        ("SecAction \"id:1,exec:/bin/true\"", "action `exec` is refused"),
        ("SecRuleEngine Perhaps", "On, Off or DetectionOnly"),
        ("SecDefaultAction \"phase:1,block\"", "cannot be its own default"),
    ] {
        let errors = refused(text);
        assert!(errors.iter().any(|error| error.contains(expected)), "{text}: {errors:?}");
    }
    let several = refused("SecFrob\nSecRule ARGS \"x\"\nSecRule NOPE \"x\" \"id:1\"");
    assert_eq!(several.len(), 3, "all at once: {several:?}");
    assert!(refused("SecXmlExternalEntity Off\nSecNope").len() == 1, "switched off is no error");
}

/// What a match does not capture is gone, whoever set it.
#[test]
fn a_capture_clears_what_was_set_before() {
    let rules = "SecRule REQUEST_FILENAME \"@rx (.)(.)(.)\" \"id:1,phase:1,pass,nolog,capture,setvar:tx.7=x\"\n\
         SecRule REQUEST_FILENAME \"@rx ^/(a)\" \"id:2,phase:1,pass,nolog,capture\"\n\
         SecRule TX:/^\\d$/ \"@rx .\" \"id:3,phase:1,pass,log,setvar:tx.left=%{tx.left}%{matched_var_name};\"\n\
         SecAction \"id:4,phase:1,pass,log,msg:'%{tx.left}'\"";
    let rules = rules_with(rules, Options::default());
    for (target, expected) in [("/abc", "TX:0;TX:1;"), ("/xyz", "TX:0;TX:1;TX:2;TX:3;TX:7;")] {
        let (record, _) = run(&rules, &Request { target, ..GET });
        let last = record.matches.last().unwrap();
        assert_eq!(last.message, expected.as_bytes(), "{target}");
    }
}
