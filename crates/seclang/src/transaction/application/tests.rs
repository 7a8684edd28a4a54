//! What a profile takes away, beside the same rules without it.

#![expect(clippy::wildcard_enum_match_arm, reason = "tests single out a few events")]

use super::*;
use crate::interface::{BodyIntake, Connection, Layer, Options, Record, RequestLine, RuleFiles};
use crate::ruleset::RuleSet;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROFILE: &str = "route GET /a/{id}\n\
    path id integer\n\
    query id integer\n\
    query t token A-Za-z0-9_- 1..40\n\
    query mode one-of admin user whoami\n\
    query day date\n\
    route POST /a\n\
    query id integer\n\
    form f integer\n\
    json j[].n integer\n";

struct Two<'a>(&'a str);

impl RuleFiles for Two<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let text = if path == Path::new("p") { PROFILE } else { self.0 };
        Ok(text.as_bytes().to_vec())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

/// With the profile and without.
fn both(text: &str, decode: bool) -> [Arc<RuleSet>; 2] {
    let options =
        Options { bare: true, layer: Layer { decode, ..Layer::default() }, ..Options::default() };
    [Some(Path::new("p")), None].map(|application| {
        let include = ["t.conf".into()];
        let compiled = RuleSet::compile_for(application, &include, &Two(text), options);
        Arc::new(compiled.unwrap_or_else(|errors| panic!("{errors:?}")))
    })
}

/// A request: a first line, and for one with a body its type and the body behind an empty line.
fn run(rules: &Arc<RuleSet>, raw: &str) -> Record {
    let address = ("192.0.2.1".parse().unwrap(), 4711);
    let connection = Connection { client: address, server: address };
    let mut own = rules.transaction(connection, None, "id", 0, || Duration::ZERO);
    own.trace();
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let (method, target) = (method.as_bytes(), target.as_bytes());
    own.request_line(&RequestLine { method, target, protocol: b"HTTP/1.1" });
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        own.request_header(name.as_bytes(), value.as_bytes());
    }
    own.request_headers_done();
    assert_eq!(own.request_body(body.as_bytes()), BodyIntake::Wanted);
    own.request_body_done();
    own.finish()
}

fn seen(record: &Record) -> Vec<(u32, String, Vec<u8>)> {
    let name = |text: &[u8]| bstr::BStr::new(text).to_string();
    record.matches.iter().map(|own| (own.id, name(&own.variable), own.matched.clone())).collect()
}

/// Whether the profile takes the match of a rule away that is there without it.
fn is_spared(text: &str, raw: &str) -> bool {
    let [with, without] = both(text, true).map(|rules| seen(&run(&rules, raw)));
    assert!(!without.is_empty(), "nothing to take away: {raw}");
    assert!(with.is_empty() || with == without, "{raw}: {with:?} {without:?}");
    with.is_empty()
}

/// A rule about attacks that matches every value.
const ANY: &str = "SecRule ARGS \"@rx .\" \"id:1,phase:2,pass,t:none,tag:'attack-sqli'\"";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

#[test]
fn a_match_on_a_value_of_its_type_does_not_count() {
    let json = "SecAction \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n";
    for (raw, wanted) in [
        ("GET /a/7?id=7", true),
        ("GET /a/7?id=7%27", false),
        ("GET /a/7?id=7+", false),
        ("GET /a/7?id=7&id=8", true),
        ("GET /a/7?%69d=7", true),
        ("GET /a/7?t=x9-1", true),
        ("GET /a/7?t=whoami", false),
        ("GET /a/7?mode=whoami", true),
        ("GET http://h/a/7?id=7", true),
        ("GET /a/7?id=7#x", true),
    ] {
        assert_eq!(is_spared(ANY, raw), wanted, "{raw}");
    }
    let form = format!("POST /a\n{FORM}\n\nf=7");
    assert!(is_spared(ANY, &form));
    let parts = "POST /a\nContent-Type: multipart/form-data; boundary=B\n\n--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n7\r\n--B--\r\n";
    assert!(is_spared(ANY, parts));
    let with_json = format!("{json}{ANY}");
    assert!(is_spared(&with_json, "POST /a\n\n{\"j\":[{\"n\":7},{\"n\":\"8\"}]}"));
    assert!(!is_spared(&with_json, "POST /a\n\n{\"j\":[{\"n\":7,\"n\":\"a b\"}]}"));
    assert!(!is_spared(&with_json, "POST /a\n\n{\"j\":{\"n\":7}}"));
}

#[test]
fn another_spelling_of_the_path_or_the_name_has_no_profile() {
    for raw in [
        "GET /a/7/?id=7",
        "GET //a/7?id=7",
        "GET /a//7?id=7",
        "GET /a/%37?id=7",
        "GET /%61/7?id=7",
        "GET /a/7;x?id=7",
        "GET /a/./7?id=7",
        "GET /b/../a/7?id=7",
        "GET /A/7?id=7",
        "GET /a/x?id=7",
        "GET /a\\7?id=7",
        "GET /a/7%3f?id=7",
        "HEAD /a/7?id=7",
        "get /a/7?id=7",
        "GET /a/7?ID=7",
        "GET /a/7?id%00=7",
        "GET /a/7?+id=7",
        "GET /a/7?id[]=7",
        "POST /a?f=7",
    ] {
        assert!(!is_spared(ANY, raw), "{raw}");
    }
}

/// An application may read the first, the last or all values of a name.
#[test]
fn every_value_of_a_name_has_to_be_of_its_type() {
    for raw in [
        "GET /a/7?id=7&id=x%27",
        "GET /a/7?id=x%27&id=7",
        "GET /a/7?id=7&ID=8",
        "GET /a/7?id=7&id=",
    ] {
        let [with, without] = both(ANY, false).map(|rules| seen(&run(&rules, raw)));
        assert_eq!(with, without, "{raw}");
    }
    // The same name in the query, where it is declared, and in the form, where it is not.
    assert!(!is_spared(ANY, &format!("POST /a?id=7\n{FORM}\n\nid=7")));
    // Before the body is there, nothing else is known of the name.
    let early = ANY.replace("phase:2", "phase:1");
    assert!(is_spared(&early, &format!("POST /a?id=7\n{FORM}\n\nid=7")));
}

#[test]
fn what_is_no_argument_is_looked_at_as_ever() {
    let rule = |variable: &str, operator: &str| {
        format!("SecRule {variable} \"{operator}\" \"id:1,phase:2,pass,t:none,tag:'attack-rce'\"")
    };
    for variable in [
        "ARGS_NAMES",
        "ARGS_GET_NAMES",
        "QUERY_STRING",
        "REQUEST_URI",
        "REQUEST_FILENAME",
        "REQUEST_BASENAME",
        "REQUEST_COOKIES",
        "REQUEST_HEADERS",
        "REQUEST_LINE",
        "ARGS_COMBINED_SIZE",
    ] {
        let raw = "GET /a/7?id=7\nCookie: id=7";
        assert!(!is_spared(&rule(variable, "@rx ."), raw), "{variable}");
    }
    for (variable, operator) in [
        ("&ARGS", "@eq 1"),
        ("ARGS", "@eq 7"),
        ("ARGS", "@streq 7"),
        ("ARGS", "!@rx x"),
        ("ARGS", "@validateByteRange 65-90"),
        ("ARGS", "@unconditionalMatch"),
        ("REQUEST_BODY", "@rx 7"),
        ("FULL_REQUEST", "@rx 7"),
    ] {
        let raw = format!("POST /a\n{FORM}\n\nf=7");
        assert!(!is_spared(&rule(variable, operator), &raw), "{variable} {operator}");
    }
    let file = "POST /a\nContent-Type: multipart/form-data; boundary=B\n\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"7\"\r\n\r\n7\r\n--B--\r\n";
    for variable in ["FILES", "FILES_NAMES", "MULTIPART_PART_HEADERS"] {
        assert!(!is_spared(&rule(variable, "@rx ."), file), "{variable}");
    }
}

/// A rule of the operator's own that names the argument, or is about no attack, decides as it did.
#[test]
fn only_rules_about_attacks_are_narrowed() {
    let own = |targets: &str, actions: &str| {
        format!("SecRule {targets} \"@rx admin\" \"id:1,phase:2,pass,t:none{actions}\"")
    };
    let raw = "GET /a/7?mode=admin";
    for (targets, actions, wanted) in [
        ("ARGS", ",tag:'attack-rce'", true),
        ("ARGS_GET|REQUEST_COOKIES", ",tag:'attack-rce'", true),
        ("ARGS", ",tag:'CWE-78'", true),
        ("ARGS|!ARGS:other", ",tag:'CWE-78'", true),
        ("ARGS", "", false),
        ("ARGS", ",tag:'policy'", false),
        ("ARGS", ",tag:'attack-rce',tag:'attack-protocol'", false),
        ("ARGS:mode", ",tag:'attack-rce'", false),
        ("ARGS:/^mo/", ",tag:'attack-rce'", false),
        ("ARGS|ARGS:mode", ",tag:'attack-rce'", false),
    ] {
        assert_eq!(is_spared(&own(targets, actions), raw), wanted, "{targets} {actions}");
    }
    let late = own("ARGS", ",tag:'attack-rce'").replace("phase:2", "phase:3");
    let [with, without] = both(&late, false).map(|rules| rules.rules[0].links[0].spares_types);
    assert_eq!((with, without), (false, false));
}

#[test]
fn of_a_chain_the_first_line_is_narrowed_where_the_rest_goes_on_with_it() {
    let chain = |first: &str, second: &str| {
        format!(
            "SecRule {first} \"id:1,phase:2,pass,t:none,capture,tag:'attack-rce',chain\"\nSecRule {second} \"t:none\""
        )
    };
    let raw = "GET /a/7?mode=whoami\nX-A: curl x\nCookie: c=whoami";
    for (first, second, wanted) in [
        ("ARGS \"@rx whoami\"", "MATCHED_VAR \"@rx who\"", true),
        ("ARGS \"@rx (whoami)\"", "TX:1 \"@streq whoami\"", true),
        ("ARGS \"@rx whoami\"", "REQUEST_HEADERS:X-A \"@rx curl\"", false),
        ("REQUEST_HEADERS:X-A \"@rx curl\"", "ARGS \"@rx whoami\"", false),
        ("ARGS \"@rx whoami\"", "ARGS \"@rx whoami\"", false),
        ("REQUEST_COOKIES|ARGS \"@rx whoami\"", "REQUEST_COOKIES \"@rx whoami\"", false),
    ] {
        assert_eq!(is_spared(&chain(first, second), raw), wanted, "{first} {second}");
    }
    // The cookie is an attack, whatever the argument is.
    let text = chain("ARGS|REQUEST_COOKIES \"@rx whoami\"", "MATCHED_VARS \"@rx who\"");
    let [with, without] = both(&text, false).map(|rules| seen(&run(&rules, raw)).len());
    assert_eq!((with, without), (1, 1));
}

#[test]
fn what_was_decoded_counts() {
    // `d2hvYW1p` is `whoami` in base64.
    let rule = |steps: &str| {
        format!("SecRule ARGS \"@rx whoami\" \"id:1,phase:2,pass,{steps},tag:'attack-rce'\"")
    };
    for (steps, raw, wanted) in [
        ("t:none", "GET /a/7?mode=whoami", true),
        ("t:none,t:lowercase,t:removeWhitespace", "GET /a/7?mode=whoami", true),
        ("t:none", "GET /a/7?t=d2hvYW1pMQ", false),
        ("t:none,t:base64Decode", "GET /a/7?t=d2hvYW1pMQ", false),
        ("t:none,t:hexDecode", "GET /a/7?t=77686f616d69", false),
        ("t:none,multiMatch,t:hexDecode", "GET /a/7?t=77686f616d69", false),
    ] {
        assert_eq!(is_spared(&rule(steps), raw), wanted, "{steps} {raw}");
    }
    let digest = "SecRule ARGS \"@rx ^[0-9a-f]{40}$\" \"id:1,phase:2,pass,t:sha1,t:hexEncode,tag:'attack-rce'\"";
    assert!(!is_spared(digest, "GET /a/7?id=7"));
}

#[test]
fn a_trace_says_which_type_it_was() {
    let [with, _] = both(ANY, false);
    let record = run(&with, "GET /a/7?id=7");
    let told = record.trace.unwrap().events.into_iter().find_map(|event| match event {
        Event::OfItsType(text) => Some(text),
        _ => None,
    });
    assert_eq!(told.as_deref(), Some("integer (p:3)"));
}

#[test]
fn errors_of_profile_and_rules_come_together() {
    struct Bad;
    impl RuleFiles for Bad {
        fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
            match path.to_str() {
                Some("p") => Ok(b"route GET /\nquery q text\nquery r token . 1..2".to_vec()),
                Some("none") => Err("no such file".to_owned()),
                _ => Ok(b"SecFrob".to_vec()),
            }
        }
        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_path_buf()])
        }
    }
    let errors = |application| {
        let include = ["t.conf".into()];
        let options = Options::default();
        RuleSet::compile_for(Some(Path::new(application)), &include, &Bad, options).unwrap_err()
    };
    let places: Vec<(String, usize)> =
        errors("p").iter().map(|own| (own.file.display().to_string(), own.line)).collect();
    assert_eq!(places, [("t.conf".to_owned(), 1), ("p".to_owned(), 2), ("p".to_owned(), 3)]);
    assert_eq!(errors("none")[1].to_string(), "none:0: no such file");
}

/// Off unless it is asked for: then it adds to the score like any rule about attacks.
#[test]
fn what_is_not_of_its_type_is_a_rule_where_that_is_asked_for() {
    let rules = |enforce, extra| {
        let layer = Layer { extra, enforce, ..Layer::default() };
        let options = Options { layer, ..Options::default() };
        let include = ["t.conf".into()];
        let compiled = RuleSet::compile_for(Some(Path::new("p")), &include, &Two(""), options);
        Arc::new(compiled.unwrap_or_else(|errors| panic!("{errors:?}")))
    };
    let found = |enforce, extra, raw: &str| {
        let all = seen(&run(&rules(enforce, extra), raw)).into_iter();
        all.filter(|(id, ..)| *id == 7_211_001).map(|(_, variable, _)| variable).collect::<Vec<_>>()
    };
    let form = format!("POST /a?id=x\n{FORM}\n\nf=&f=9&f=y&g=z");
    for (raw, wanted) in [
        ("GET /a/7?id=7&q=x'", &[][..]),
        ("GET /a/7?id=x&day=7", &["ARGS_MISTYPED:day"]),
        ("GET /a/7?id=", &[]),
        ("GET /b?id=x", &[]),
        ("GET /a/x?id=x", &[]),
        (form.as_str(), &["ARGS_MISTYPED:f"]),
    ] {
        assert_eq!(found(true, true, raw), wanted, "{raw}");
        assert!(found(false, true, raw).is_empty() && found(true, false, raw).is_empty(), "{raw}");
    }
    let record = run(&rules(true, true), "GET /a/7?id=x");
    let ended = record.interruption.and_then(|own| own.rule);
    assert_eq!((ended, record.score_in), (Some(7_290_002), 5), "without a rule set that adds up");
    assert_eq!(run(&rules(false, true), "GET /a/7?id=x").interruption, None);
}

/// Rules as rule sets have them, of every sort.
fn rules() -> impl Strategy<Value = String> {
    let targets = prop_oneof![
        Just("ARGS"),
        Just("ARGS|REQUEST_COOKIES"),
        Just("ARGS_GET"),
        Just("ARGS:id"),
        Just("ARGS_NAMES|ARGS"),
        Just("REQUEST_URI"),
        Just("&ARGS"),
        Just("REQUEST_COOKIES"),
    ];
    let operators = prop_oneof![
        Just("@rx [0-9]"),
        Just("@rx ['x-]"),
        Just("!@rx ^[0-9]+$"),
        Just("@contains a"),
        Just("@streq 7"),
        Just("@detectSQLi"),
        Just("@ge 1"),
        Just("@rx ."),
    ];
    let steps =
        prop_oneof![Just("t:none"), Just("t:lowercase"), Just("t:base64Decode"), Just("t:length")];
    let tags = prop_oneof![Just("attack-sqli"), Just("attack-protocol"), Just("policy")];
    let one = (targets, operators, steps, tags, 1..=2_u8);
    proptest::collection::vec(one, 1..6).prop_map(|all| {
        let rule = |(at, (targets, operator, steps, tag, phase)): (usize, &(_, _, _, _, u8))| {
            let (targets, operator, steps, tag): (&&str, &&str, &&str, &&str) = (targets, operator, steps, tag);
            format!("SecRule {targets} \"{operator}\" \"id:{},phase:{phase},pass,{steps},tag:'{tag}',setvar:tx.n=+1\"\n", at + 1)
        };
        all.iter().enumerate().map(rule).collect()
    })
}

fn arguments() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![Just("id"), Just("ID"), Just("t"), Just("mode"), Just("day"), Just("q")];
    let value = prop_oneof![
        "[0-9]{1,3}",
        "[a-z0-9-]{1,8}",
        "[ -~]{0,8}",
        Just("admin".to_owned()),
        Just("2024-01-01".to_owned()),
        Just("d2hvYW1pMQ".to_owned()),
        Just("1' or '1'='1".to_owned()),
    ];
    proptest::collection::vec((name.prop_map(str::to_owned), value), 0..5)
}

/// What matched, by rule and variable with its member, and the values, as the trace has them.
fn answers(record: &Record) -> Vec<(u32, String, Vec<u8>, bool)> {
    let mut found: Vec<(u32, String, Vec<u8>, bool)> = Vec::new();
    let mut rule = 0;
    for event in &record.trace.as_ref().unwrap().events {
        match event {
            Event::Asks { id, .. } => rule = *id,
            Event::Answer { value, matched: true, .. } => {
                let name = bstr::BStr::new(&value.name).to_string();
                found.push((rule, name, value.value.clone(), true));
            }
            Event::OfItsType(_) => found.last_mut().unwrap().3 = false,
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// No value outside of its type has another answer than without a profile; those within differ for
    /// their own argument alone.
    #[test]
    fn a_profile_takes_nothing_away_but_matches_of_values_of_their_type(
        text in rules(),
        arguments in arguments(),
        path in prop_oneof![Just("/a/7"), Just("/a/x"), Just("//a/7"), Just("/b")],
        decode in any::<bool>(),
    ) {
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let query: Vec<String> =
            arguments.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let raw = format!("GET {path}?{}\nCookie: id=7; t=a1", query.join("&"));
        let [with, without] = both(&text, decode).map(|rules| answers(&run(&rules, &raw)));
        let profile = crate::application::read(Path::new("p"), PROFILE.as_bytes()).unwrap();
        let route = profile.route(b"GET", path.as_bytes());
        let is_of_type = |name: &str| {
            let same = || arguments.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
            same().count() > 0 && same().all(|(own, value)| {
                let declared = route.and_then(|own_route| own_route.argument(Place::Query, own.as_bytes()));
                declared.is_some_and(|declared| declared.kind.admits(value.as_bytes()))
            })
        };
        // A form that is asked in the place of a value that does not count comes on top of what was.
        let is_old = |answer: &&(u32, String, Vec<u8>, bool)| {
            without.iter().any(|(id, name, value, _)| (id, name, value) == (&answer.0, &answer.1, &answer.2))
        };
        let kept: Vec<_> = with.iter().filter(is_old).collect();
        let shown: Vec<_> = without.iter().collect();
        prop_assert_eq!(kept.len(), shown.len());
        for (kept, shown) in kept.iter().zip(&shown) {
            prop_assert_eq!((kept.0, &kept.1, &kept.2), (shown.0, &shown.1, &shown.2));
            if !kept.3 {
                let name = kept.1.strip_prefix("ARGS:").or_else(|| kept.1.strip_prefix("ARGS_GET:"));
                prop_assert!(name.is_some_and(is_of_type), "{kept:?} of {raw}");
            }
        }
    }
}
