//! How rules are written: quotes, commas, continued lines, macros, selectors, skips.

use crate::{Request, compile_files, ids, refusals, rules, run};

/// The message of rule 1 after a request.
fn message(rule: &str, request: &Request) -> String {
    let (_, record) = run(&rules(rule), request);
    record.matches[0].message.escape_ascii().to_string()
}

#[test]
fn quotes_commas_and_backslashes_in_actions() {
    let request = Request::get("/?a=b");
    for (actions, expected) in [
        ("id:1,msg:'plain'", "plain"),
        ("id:1,msg:'a,b'", "a,b"),
        ("id:1,msg:'it\\'s'", "it\\'s"),
        ("id:1,msg:'a:b=c'", "a:b=c"),
        ("id:1,msg:plain", "plain"),
        ("id:1 , msg : 'spaced' ", "spaced"),
        ("id:1,,msg:'twice',", "twice"),
        ("'id:1','msg:x'", ""),
        ("id:'1',msg:''", ""),
        ("id:1,msg:'one',msg:'two'", "two"),
        ("ID:1,MSG:'case'", "case"),
        ("id:1,setvar:'tx.x=a,b',msg:'%{tx.x}'", "a,b"),
        ("id:1,setvar:tx.x=a b,msg:'%{tx.x}'", "a b"),
        ("id:1,setvar:'tx.x=1',setvar:'tx.x=+2',setvar:tx.x=-1,msg:'%{TX.X}'", "2"),
        ("id:1,setvar:tx.x,msg:'%{tx.x}'", "1"),
        ("id:1,setvar:tx.x=,msg:'<%{tx.x}>'", "<>"),
        ("id:1,setvar:'tx.x==',msg:'%{tx.x}'", "="),
        ("id:1,setvar:tx.x=5,setvar:!tx.x,msg:'<%{tx.x}>'", "<>"),
        ("id:1,setvar:tx.a.b=5,msg:'%{tx.a.b}'", "5"),
        ("id:1,setvar:'tx.x=+%{tx.none}',msg:'%{tx.x}'", "0"),
        ("id:1,setvar:'tx.%{MATCHED_VAR}_y=2',msg:'%{tx.b_y}'", "2"),
        (
            "id:1,setvar:'tx.x=9223372036854775807',setvar:tx.x=+1,msg:'%{tx.x}'",
            "9223372036854775807",
        ),
        ("id:1,msg:'100%{'", "100%{"),
        ("id:1,msg:'%{ARGS.a}%{args:A}'", "bb"),
        ("id:1,msg:'%{RULE.id} %{MATCHED_VAR_NAME}'", "1 ARGS:a"),
    ] {
        if actions.starts_with('\'') {
            let refused = refusals(&format!("SecRule ARGS:a \"@rx b\" \"phase:1,{actions}\""));
            assert!(!refused.is_empty(), "{actions}");
            continue;
        }
        let rule = format!("SecRule ARGS:a \"@rx b\" \"phase:1,pass,{actions}\"");
        assert_eq!(message(&rule, &request), expected, "{actions}");
    }
}

#[test]
fn lines_are_joined_and_comments_left_out() {
    for text in [
        "SecAction \"id:1,phase:1,pass\"",
        "SecAction 'id:1,phase:1,pass'",
        "secaction id:1,phase:1,pass",
        "  SecAction\t\"id:1,phase:1,pass\"  ",
        "SecAction \\\n\"id:1,phase:1,pass\"",
        "SecAction \\\r\n\"id:1,phase:1,pass\"\r\n",
        "SecAction \"id:1,\\\n   phase:1,\\\n   pass\"",
        "SecAction \\  \n\"id:1,phase:1,pass\"",
        "# SecAction \"id:2,phase:1,pass\" \\\nSecAction \"id:3,phase:1,pass\"\nSecAction \"id:1,phase:1,pass\"",
        "#\n\n#\nSecAction \"id:1,phase:1,pass\"\n",
        "SecAction \"id:1,phase:1,pass\"\\",
        "SecRule REQUEST_URI \"@rx /\" \"id:1,phase:1,pass\"",
        "SecRule REQUEST_URI / id:1,phase:1,pass",
        "SecRule REQUEST_URI \"!@rx x\" \"id:1,phase:1,pass\"",
        "SecRule REQUEST_URI \"!x\" \"id:1,phase:1,pass\"",
        "SecRule REQUEST_URI \"! @rx x\" \"id:1,phase:1,pass\"",
        "SecRule REQUEST_URI \"@streq   /\\\"  \" \"id:1,phase:1,pass\"",
    ] {
        let target = if text.contains("\\\"") { "/\"" } else { "/" };
        assert_eq!(ids(text, &Request::get(target)), [1], "{text}");
    }
    assert_eq!(ids("", &Request::get("/")), [0; 0]);
}

#[test]
fn selectors_take_exactly_what_they_say() {
    let request = Request::get("/?id=1&identity=2&ID=3&a.b=4&x%7Cy=5&q'q=6")
        .header("Cookie", "__utma=7; other=8");
    for (targets, value, taken) in [
        ("ARGS:id", "1", true),
        ("ARGS:id", "3", true),
        ("ARGS:id", "2", false),
        ("ARGS:/^id$/", "2", false),
        ("ARGS:/^id/", "2", true),
        ("ARGS:'/^id$/'", "3", true),
        ("ARGS:a.b", "4", true),
        ("ARGS:/a.b/", "4", true),
        ("ARGS:/x\\|y/", "5", true),
        ("ARGS:/q'q/", "6", true),
        ("ARGS|!ARGS:id", "1", false),
        ("ARGS|!ARGS:id", "2", true),
        ("ARGS|!ARGS:ID", "3", false),
        ("ARGS|!ARGS:/^id$/", "2", true),
        ("ARGS|!ARGS", "2", false),
        ("ARGS|!ARGS_GET:id", "1", true),
        ("ARGS,REQUEST_COOKIES", "8", true),
        ("ARGS|REQUEST_COOKIES|!REQUEST_COOKIES:/__utm/", "7", false),
        ("ARGS|REQUEST_COOKIES|!REQUEST_COOKIES:/__utm|x/", "8", true),
        ("&ARGS", "6", true),
        ("&ARGS:id", "2", true),
        ("&ARGS:/id/", "3", true),
        ("&ARGS:none", "0", true),
        ("&REQUEST_COOKIES:/^__/", "1", true),
    ] {
        let rule = format!("SecRule {targets} \"@streq {value}\" \"id:1,phase:1,pass\"");
        assert_eq!(!ids(&rule, &request).is_empty(), taken, "{targets} {value}");
    }
}

#[test]
fn skips_go_where_they_say() {
    let rule = |id: u32, phase: u8, more: &str| {
        format!("SecAction \"id:{id},phase:{phase},pass{more}\"\n")
    };
    for (text, expected) in [
        (rule(1, 1, ",skip:1") + &rule(2, 1, "") + &rule(3, 1, ""), vec![1, 3]),
        (rule(1, 1, ",skip:9") + &rule(2, 1, "") + &rule(3, 2, ""), vec![1, 3]),
        (
            rule(1, 1, ",skip:1") + &rule(2, 2, "") + &rule(3, 1, "") + &rule(4, 1, ""),
            vec![1, 4, 2],
        ),
        (
            rule(1, 1, ",skipAfter:E") + &rule(2, 1, "") + "SecMarker E\n" + &rule(3, 1, ""),
            vec![1, 3],
        ),
        (
            rule(1, 1, ",skipAfter:E") + &rule(2, 2, "") + "SecMarker E\n" + &rule(3, 2, ""),
            vec![1, 2, 3],
        ),
        (rule(1, 1, ",skipAfter:2") + &rule(2, 1, "") + &rule(3, 1, ""), vec![1, 3]),
        (
            "SecMarker E\n".to_owned()
                + &rule(1, 1, ",skipAfter:E")
                + &rule(2, 1, "")
                + "SecMarker E\n",
            vec![1],
        ),
    ] {
        assert_eq!(ids(&text, &Request::get("/")), expected, "{text}");
    }
}

#[test]
fn updates_change_the_rules_they_select() {
    let base = "SecRule ARGS \"@rx x\" \"id:1,phase:1,pass,tag:'t',msg:'m'\"\n\
                SecRule ARGS \"@rx x\" \"id:2,phase:1,pass,tag:'t2',msg:'m2'\"\n";
    let request = Request::get("/?a=x").header("X-A", "x");
    for (update, expected) in [
        ("SecRuleRemoveById 1", vec![2]),
        ("SecRuleRemoveById 1 2", vec![]),
        ("SecRuleRemoveById \"1-2\"", vec![]),
        ("SecRuleRemoveById 3", vec![1, 2]),
        ("SecRuleRemoveByTag t", vec![2]),
        ("SecRuleRemoveByMsg m2", vec![1]),
        ("SecRuleUpdateTargetById 1 !ARGS:a", vec![2]),
        ("SecRuleUpdateTargetById 1 !ARGS:b", vec![1, 2]),
        ("SecRuleUpdateTargetByTag t2 \"!ARGS:/^a/\"", vec![1]),
        ("SecRuleUpdateTargetByMsg m \"!ARGS\"", vec![2]),
        ("SecRuleUpdateTargetById 1 REQUEST_HEADERS:X-A ARGS", vec![1, 2]),
        ("SecRuleUpdateTargetById 1 REQUEST_HEADERS:X-B ARGS", vec![2]),
        ("SecRuleUpdateActionById 1 \"deny\"", vec![1]),
        ("SecRuleUpdateActionById 1 \"nolog\"", vec![2]),
    ] {
        assert_eq!(ids(&format!("{base}{update}"), &request), expected, "{update}");
    }
}

#[test]
fn files_include_each_other_in_order() {
    let rule = |id: u32| format!("SecAction \"id:{id},phase:1,pass\"\n").into_bytes();
    let main = b"Include rules/*.conf\nSecAction \"id:9,phase:1,pass\"\ninclude last.conf\n";
    let (one, two) = (rule(1), [b"Include deeper/x.conf\n".to_vec(), rule(2)].concat());
    let (deep, last) = (rule(3), rule(4));
    let found = compile_files(&[
        ("main.conf", main),
        ("rules/a.conf", &one),
        ("rules/b.conf", &two),
        ("rules/deeper/x.conf", &deep),
        ("last.conf", &last),
    ])
    .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>());
    // The pattern takes the files of the folder below as well, which is a rule taken twice.
    assert_eq!(
        found.unwrap_err(),
        ["rules/deeper/x.conf:1: rule id 3 is taken by rules/deeper/x.conf:1"]
    );
    let plain = compile_files(&[
        ("main.conf", b"Include a.conf\nInclude b.conf\n"),
        ("a.conf", &one),
        ("b.conf", b"Include c.conf\n"),
        ("c.conf", &deep),
    ]);
    let places: Vec<_> = plain
        .unwrap()
        .facts()
        .into_iter()
        .map(|facts| (facts.id, facts.file.display().to_string(), facts.line))
        .collect();
    assert_eq!(places, [(1, "a.conf".to_owned(), 1), (3, "c.conf".to_owned(), 1)]);
}
