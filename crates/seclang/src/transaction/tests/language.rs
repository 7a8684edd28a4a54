//! Where the language is read as version 3 of `ModSecurity` reads it, and traces.

use super::*;
use crate::trace::{Event, LeftOut};

/// The value of `TX:seen` at the end, by a rule that records it.
fn seen(text: &str, request: &Request<'_>) -> Option<String> {
    let text =
        format!("{text}\nSecRule TX:seen \"@unconditionalMatch\" \"id:99,phase:5,pass,log\"");
    let (record, _) = run(&rules(&text), request);
    let found = record.matches.iter().find(|found| found.id == 99)?;
    Some(String::from_utf8(found.matched.clone()).unwrap())
}

fn status(text: &str, request: &Request<'_>) -> Option<u16> {
    let (record, ended) = run(&rules(text), request);
    ended.and(record.interruption).map(|interruption| interruption.action.status())
}

const ASKING: Request<'_> = Request { target: "/?a=b&Ab=c", ..GET };

#[test]
fn only_block_takes_the_default_and_any_link_may_name_the_status() {
    let default = "SecDefaultAction \"phase:2,deny,block,status:400\"\n";
    for (rule, expected) in [
        ("SecRule ARGS \"b\" \"id:1,phase:2,block\"", Some(400)),
        ("SecRule ARGS \"b\" \"id:1,phase:2,block,status:444\"", Some(444)),
        ("SecRule ARGS \"b\" \"id:1,phase:2\"", None),
        ("SecRule ARGS \"b\" \"id:1,phase:2,pass\"", None),
        ("SecRule ARGS \"b\" \"id:1,phase:2,deny,status:302\"", Some(302)),
        ("SecRule ARGS \"b\" \"id:1,phase:2,deny,status:100\"", Some(403)),
        (
            "SecRule ARGS \"b\" \"id:1,deny,chain\"\nSecRule ARGS \"c\" \"id:2,status:437\"",
            Some(437),
        ),
    ] {
        assert_eq!(status(&format!("{default}{rule}"), &ASKING), expected, "{rule}");
    }
}

#[test]
fn what_is_no_error_is_told() {
    for (text, expected) in [
        ("SecRule ARGS \"x\" \"id:1,chain\"", "t.conf:1: rule 1 has `chain` and no next rule"),
        ("SecRule ARGS \"x\" \"id:1,deny", "t.conf:1: the actions lack their closing quote"),
        ("SecRule XML \"x\" \"id:1\"", "t.conf:1: `XML` without a path"),
        ("SecAuditEngine On", "no `SecAuditLog` names its file"),
        (
            "SecDefaultAction \"phase:2,deny\"\nSecRule ARGS \"x\" \"id:1\"",
            "t.conf:2: rule 1 has no `block`",
        ),
        ("SecRule REMOTE_ADDR \"@geoLookup\" \"id:1\"", "rule 1 asks `@geoLookup`"),
    ] {
        let told = rules(text).warnings();
        assert!(told.iter().any(|line| line.contains(expected)), "{text}: {told:?}");
    }
    assert!(rules("SecRule ARGS \"x\" \"id:1,block\"").warnings().is_empty());
}

#[test]
fn a_chain_without_its_end_never_matches() {
    assert_eq!(status("SecRule ARGS \"b\" \"id:1,deny,chain\"", &ASKING), None);
}

#[test]
fn more_that_is_refused() {
    for (text, expected) in [
        ("SecDefaultAction \"phase:2,t:none\"", "nothing to take away"),
        (
            "SecDefaultAction \"phase:2,pass\"\nSecDefaultAction \"phase:2,deny\"",
            "t.conf:2: phase 2",
        ),
        (
            "SecRule ARGS \"x\" \"id:1,phase:1,chain\"\nSecRule ARGS \"y\" \"phase:2\"",
            "another `phase`",
        ),
        ("SecAuditLogType Concurrent", "`SecAuditLogType Concurrent` is refused"),
        ("SecRule ARGS \"@pmFromFile https://x/y\" \"id:1\"", "on another machine is refused"),
        ("SecGeoLookupDb x.mmdb", "is no MaxMind database"),
        ("SecUnicodeMapFile x", "lacks an argument"),
        ("SecUnicodeMapFile x cyrillic", "`cyrillic` is no code page"),
        ("SecRule MSC_PCRE_ERROR \"1\" \"id:1\"", "variable `MSC_PCRE_ERROR` is refused"),
        ("SecRule XML:/a[count(b)>1] \"1\" \"id:1\"", "is not supported"),
    ] {
        let errors = refused(text);
        assert!(errors.iter().any(|error| error.contains(expected)), "{text}: {errors:?}");
    }
}

#[test]
fn macros_by_pattern_and_in_the_old_spelling() {
    for (value, expected) in [
        ("%{ARGS.a}%", "b"),
        ("%{ARGS.a}%-%{ARGS.ab}%", "b-c"),
        ("%{ARGS:/^aB$/}", "c"),
        ("%{ARGS:/none/}x", "x"),
        ("%{RULE:/^Id$/}", "1"),
    ] {
        let text = format!("SecAction \"id:1,phase:1,pass,nolog,setvar:'tx.seen={value}'\"");
        assert_eq!(seen(&text, &ASKING).as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn collections_that_nobody_opened_last_as_long_as_the_transaction() {
    let set = "SecAction \"id:1,phase:1,pass,nolog,setvar:ip.n=+2,setvar:ip.n=+1,setvar:ip.m=1,setvar:!ip.m\"\n\
               SecAction \"id:2,phase:2,pass,nolog,setvar:'tx.seen=%{ip.n}'\"\n\
               SecRule &IP \"!@eq 1\" \"id:3,phase:2,deny\"";
    let rules = rules(&format!(
        "{set}\nSecRule TX:seen \"@streq 3\" \"id:4,phase:2,pass,log\"\nSecAction \"id:5,phase:1,pass,nolog,setvar:global.g=+1\"\nSecRule GLOBAL:g \"@eq 2\" \"id:6,phase:2,pass,log\""
    ));
    let ids = || {
        let (record, _) = run(&rules, &GET);
        record.matches.iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(), [4], "three, and nothing is left of it");
    assert_eq!(ids(), [4, 6], "GLOBAL is one for all");
}

#[test]
fn kept_members_end_at_once_and_sessions_change() {
    let text = "SecAction \"id:1,phase:1,pass,nolog,initcol:ip=x,setvar:ip.n=1,expirevar:ip.n=0\"\n\
                SecAction \"id:2,phase:1,pass,nolog,setsid:a\"\n\
                SecAction \"id:3,phase:1,pass,nolog,setsid:b\"\n\
                SecAction \"id:4,phase:2,pass,nolog,setvar:'tx.seen=%{ip.n}-%{SESSIONID}'\"";
    assert_eq!(seen(text, &GET).as_deref(), Some("-b"));
}

#[test]
fn bodies_without_files_have_a_limit_where_one_is_set() {
    let request = Request {
        headers: &[("Content-Type", "application/x-www-form-urlencoded")],
        body: "a=0123456789",
        ..GET
    };
    let rule = "SecRule REQBODY_ERROR \"@eq 1\" \"id:1,phase:2,deny,status:400\"";
    assert_eq!(status(rule, &request), None);
    assert_eq!(status(&format!("SecRequestBodyNoFilesLimit 5\n{rule}"), &request), Some(400));
    assert_eq!(status(&format!("SecRequestBodyNoFilesLimit 12\n{rule}"), &request), None);
}

#[test]
fn a_path_names_what_it_selects_and_takes_out_no_other() {
    let request =
        Request { headers: &[("Content-Type", "text/xml")], body: "<a><b x='1'>t</b></a>", ..GET };
    let read = "SecAction \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";
    let name = "SecRule XML:/a/b[@x='1'] \"t\" \"id:2,phase:2,pass,nolog,setvar:'tx.seen=%{MATCHED_VAR_NAME}'\"";
    assert_eq!(seen(&format!("{read}{name}"), &request).as_deref(), Some("XML:/a/b[@x='1']"));
    for (out, expected) in [("XML:/a", Some(403)), ("XML:/a/b", None)] {
        let text = format!("{read}SecRule XML:/a/b|!{out} \"t\" \"id:2,phase:2,deny\"");
        assert_eq!(status(&text, &request), expected, "{out}");
    }
    let whole = format!("{read}SecRule XML \"document tree\" \"id:2,phase:2,deny\"");
    assert_eq!(status(&whole, &request), Some(403));
}

fn traced(text: &str, request: &Request<'_>) -> Vec<Event> {
    let options = Options { bare: true, plain: true, ..Options::default() };
    let files = Text(text.to_owned());
    let rules = RuleSet::compile(&[PathBuf::from("t.conf")], &files, options).unwrap();
    let mut transaction = start(&Arc::new(rules), request);
    transaction.trace();
    let _ended = phases(&mut transaction, request);
    transaction.finish().trace.unwrap().events
}

#[test]
fn a_trace_tells_what_happened_in_order() {
    let events = traced(
        "SecRule ARGS:ab \"@rx (C)\" \"id:1,phase:1,pass,capture,t:uppercase,setvar:tx.x=1,skip:1\"\n\
         SecAction \"id:2,phase:1\"\nSecAction \"id:3,phase:1,ctl:ruleRemoveById=4\"\nSecAction \"id:4,phase:1\"\n\
         SecRule ARGS:a \"!@contains x\" \"id:5,phase:1,deny\"",
        &ASKING,
    );
    let shown: Vec<String> = events.iter().filter_map(shown).collect();
    assert_eq!(
        shown,
        [
            "asks 1 rx (C) ARGS:ab",
            "value ARGS:Ab=c",
            "step uppercase C",
            "answer true [(0, 1), (0, 1)]",
            "captured 0 C",
            "captured 1 C",
            "set TX:x=1",
            "returned 1 true",
            "leaves 2 Skip",
            "asks 3   ",
            "control ruleRemoveById",
            "returned 3 true",
            "leaves 4 Control(\"ById\")",
            "asks 5 contains x ARGS:a",
            "value ARGS:a=b",
            "answer true []",
            "returned 5 true",
            "ended 5",
        ]
    );
}

#[test]
fn a_trace_says_which_directive_removed_a_rule() {
    for directive in ["SecRuleRemoveById 1", "SecRuleRemoveByTag x", "SecRuleRemoveByMsg y"] {
        let events = traced(&format!("SecAction \"id:1,phase:1,tag:x,msg:y\"\n{directive}"), &GET);
        let (name, _) = directive.split_once(' ').unwrap();
        let left = Event::Leaves(1, LeftOut::Directive(name));
        assert!(events.contains(&left), "{directive}: {events:?}");
    }
}

fn shown(event: &Event) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Some(match event {
        Event::Asks { id, operator, parameter, targets, .. } => {
            format!("asks {id} {operator} {} {}", text(parameter), text(targets))
        }
        Event::Value(named) => format!("value {}={}", text(&named.name), text(&named.value)),
        Event::Step(_, name, value) => format!("step {name} {}", text(value)),
        Event::Answer { matched, places, .. } => format!("answer {matched} {places:?}"),
        Event::Captured(number, value) => format!("captured {number} {}", text(value)),
        Event::Set(name, value) => format!("set {}={}", text(name), text(value.as_ref().unwrap())),
        Event::Returned(id, matched) => format!("returned {id} {matched}"),
        Event::Leaves(id, why) => format!("leaves {id} {why:?}"),
        Event::Control(control) => format!("control {control}"),
        Event::Ended(id, _) => format!("ended {id}"),
        _ => return None,
    })
}

#[test]
fn a_trace_changes_no_record_and_is_there_only_when_asked_for() {
    let text = "SecRule ARGS \"@rx b\" \"id:1,phase:1,pass,log,t:lowercase,multiMatch\"";
    let (plain, _) = run(&rules(text), &ASKING);
    assert_eq!(plain.trace, None);
    let set = rules(text);
    let mut transaction = start(&set, &ASKING);
    transaction.trace();
    let _ended = phases(&mut transaction, &ASKING);
    let traced = transaction.finish();
    assert!(traced.trace.as_ref().is_some_and(|trace| !trace.events.is_empty()));
    assert_eq!(Record { trace: None, ..traced }, plain);
}
