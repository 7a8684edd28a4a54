//! Rule files with errors, and the exact lines that they are answered with: all at once, in file order.

use crate::{compile_files, refusals};

/// Each line of a file must be answered with the line beside it; an empty one with nothing.
fn check(pairs: &[(&str, &str)]) {
    let text: String = pairs.iter().map(|(line, _)| format!("{line}\n")).collect();
    let mut number = 1;
    let mut expected = Vec::new();
    for (line, error) in pairs {
        if !error.is_empty() {
            expected.push(format!("main.conf:{number}: {error}"));
        }
        number += 1 + line.matches('\n').count();
    }
    assert_eq!(refusals(&text), expected);
}

#[test]
fn directives() {
    check(&[
        ("SecRuleEngine Maybe", "the rule engine is On, Off or DetectionOnly, not `Maybe`"),
        ("SecRuleEngine", "`SecRuleEngine` lacks an argument"),
        (
            "SecRuleEngine On Off",
            "`SecRuleEngine` has more arguments than it takes: put quotes around an argument with spaces",
        ),
        ("SecRuleEngine DetectionOnly", ""),
        ("SecRequestBodyAccess Yes", "`SecRequestBodyAccess` is On or Off, not `yes`"),
        ("SecRequestBodyLimit 1MB", "`SecRequestBodyLimit` takes a number, not `1MB`"),
        ("SecRequestBodyLimit -1", "`SecRequestBodyLimit` takes a number, not `-1`"),
        (
            "SecRequestBodyLimitAction Pass",
            "`SecRequestBodyLimitAction` is Reject or ProcessPartial, not `pass`",
        ),
        ("SecArgumentSeparator &&", "the argument separator is one character"),
        ("SecArgumentSeparator \"\"", "the argument separator is one character"),
        ("SecCookieFormat 0", ""),
        ("SecCookieFormat 1", "only cookie format 0 is supported"),
        ("SecMarker", "`SecMarker` lacks an argument"),
        ("SecFrobnicate On", "unknown directive `SecFrobnicate`"),
        ("SecRuleRemoveByFoo x", "unknown directive `SecRuleRemoveByFoo`"),
        ("SecRuleUpdateFooById 1 x", "unknown directive `SecRuleUpdateFooById`"),
        ("SecRuleRemoveById x", "`x` is no rule id or range of ids"),
        ("SecRuleRemoveById 9-1", "`9-1` is no rule id or range of ids"),
        ("SecRuleUpdateTargetById 1", "`SecRuleUpdateTargetById` lacks an argument"),
        ("SecRuleUpdateTargetById 1 NOPE", "unknown variable `NOPE`"),
        ("SecTmpDir /tmp", ""),
        ("SecDebugLogLevel 0", ""),
        (
            "SecDebugLogLevel 9",
            "`SecDebugLogLevel` is refused: use the access log and `burgrave explain`",
        ),
        ("SecAuditEngine off", ""),
        ("SecAuditEngine RelevantOnly", ""),
        (
            "SecAuditLogType Concurrent",
            "`SecAuditLogType Concurrent` is refused: records are written one after the other into one file; use `Serial`",
        ),
        (
            "SecServerSignature \"Apache\"",
            "`SecServerSignature` is refused: no server name is sent at all",
        ),
        ("SecDefaultAction \"phase:1,block\"", "`block` cannot be its own default"),
        (
            "SecDefaultAction \"phase:1,pass,msg:'x'\"",
            "only phase, disruption, status, logging and `t:` have defaults",
        ),
        ("Include absent.conf", "there is no `absent.conf`"),
        ("Include nothing/*.conf", "no file matches `nothing/*.conf`"),
        ("\u{feff}SecMarker A", "unknown directive `\u{feff}SecMarker`"),
    ]);
}

#[test]
fn rules_and_their_variables() {
    check(&[
        ("SecRule ARGS", "a rule is `SecRule VARIABLES OPERATOR [ACTIONS]`"),
        ("SecRule ARGS x id:1 pass", "a rule is `SecRule VARIABLES OPERATOR [ACTIONS]`"),
        ("SecRule ARGS x", "a rule needs an `id`"),
        ("SecRule ARGS x \"phase:1\"", "a rule needs an `id`"),
        ("SecRule ARGZ x \"id:1\"", "unknown variable `ARGZ`"),
        ("SecRule \"ARGS||FILES\" x \"id:1\"", "unknown variable ``"),
        (
            "SecRule !ARGS:x x \"id:1\"",
            "a rule needs a variable to look at beside what it leaves out",
        ),
        ("SecRule ARGS: x \"id:1\"", "`ARGS:` names no member of `ARGS`"),
        ("SecRule \"ARGS|!ARGS:\" x \"id:1\"", "`ARGS:` names no member of `ARGS`"),
        ("SecRule REQUEST_URI:x x \"id:1\"", "`REQUEST_URI` is a single value and has no members"),
        ("SecRule XML:count(/a) x \"id:1\"", "path `count(/a)` is not supported: begin with `/`"),
        ("SecRule XML:/a[b>1] x \"id:1\"", "path `/a[b>1]` is not supported: `b>1` in a predicate"),
        (
            "SecRule SCRIPT_UID x \"id:1\"",
            "variable `SCRIPT_UID` is refused: a gateway runs no scripts",
        ),
        (
            "SecRule FILES_TMPNAMES x \"id:1\"",
            "variable `FILES_TMPNAMES` is refused: uploads are never written to temporary files here; use FILES_TMP_CONTENT",
        ),
        ("SecRule ARGS \"x id:1", "a quoted argument has no closing quote"),
        ("SecAction", "`SecAction` lacks an argument"),
        (
            "SecAction \"id:1\" \"deny\"",
            "`SecAction` has more arguments than it takes: put quotes around an argument with spaces",
        ),
    ]);
}

#[test]
fn operators_in_rules() {
    check(&[
        ("SecRule ARGS \"@nope x\" \"id:1\"", "unknown operator `@nope`"),
        ("SecRule ARGS \"@ x\" \"id:1\"", "unknown operator `@`"),
        ("SecRule ARGS \"@pm\" \"id:1\"", "no phrases to look for"),
        (
            "SecRule ARGS \"@pm %{tx.x}\" \"id:1\"",
            "operator `@pm` takes no macros: it is prepared when rules load",
        ),
        ("SecRule ARGS \"@pmFromFile a.data\" \"id:1\"", "`a.data`: there is no `a.data`"),
        ("SecRule ARGS \"@ipMatch 1.2.3\" \"id:1\"", "`1.2.3` is no address or network"),
        (
            "SecRule ARGS \"@validateByteRange 300\" \"id:1\"",
            "`300` is no byte or range of bytes (0 to 255)",
        ),
        ("SecRule ARGS \"@streq %{nope}\" \"id:1\"", "macro `%{nope}` names no variable"),
        ("SecRule ARGS \"@streq %{tx}\" \"id:1\"", "macro `%{tx}`: say which member of `tx`"),
        (
            "SecRule ARGS \"@streq %{tx.%{tx.a}}\" \"id:1\"",
            "macro `%{tx.%{tx.a}`: a macro cannot stand within another",
        ),
        (
            "SecRule ARGS \"@streq %{REMOTE_ADDR.x}\" \"id:1\"",
            "macro `%{REMOTE_ADDR.x}`: `REMOTE_ADDR` has no members",
        ),
        (
            "SecRule ARGS \"@inspectFile x\" \"id:1\"",
            "operator `@inspectFile` is refused: running programs on requests is not supported; use an upload scanner",
        ),
        (
            "SecRule ARGS \"@rsub s/a/b/\" \"id:1\"",
            "operator `@rsub` is refused: rewriting bodies is not supported",
        ),
    ]);
}

#[test]
fn actions_in_rules() {
    check(&[
        ("SecAction \"id:1,frob\"", "unknown action `frob`"),
        ("SecAction \"id:0\"", "action `id` takes a number from 1 to 4294967295, not `0`"),
        (
            "SecAction \"id:4294967296\"",
            "action `id` takes a number from 1 to 4294967295, not `4294967296`",
        ),
        ("SecAction \"id:1,phase:0\"", "action `phase` takes a number from 1 to 5, not `0`"),
        (
            "SecAction \"id:1,status:99\"",
            "action `status` takes a number from 100 to 599, not `99`",
        ),
        (
            "SecAction \"id:1,severity:loud\"",
            "action `severity` takes a number from 0 to 7, not `loud`",
        ),
        ("SecAction \"id:1,t:nope\"", "unknown transformation `t:nope`"),
        ("SecAction \"id:1,t\"", "unknown transformation `t:`"),
        ("SecAction \"id:1,msg:'x\"", "the value of action `msg` has no closing quote"),
        ("SecAction \"id:1,msg:'x'y\"", "action `msg` is not followed by a comma"),
        (
            "SecAction \"id:1,exec:/bin/sh\"",
            "action `exec` is refused: no program runs on a request",
        ),
        ("SecAction \"id:1,redirect\"", "action `redirect` needs an address"),
        ("SecAction \"id:1,allow:all\"", "action `allow` takes nothing, `phase` or `request`"),
        (
            "SecAction \"id:1,skip:0\"",
            "action `skip` takes a number from 1 to 18446744073709551615, not `0`",
        ),
        (
            "SecAction \"id:1,setvar:x\"",
            "action `setvar` needs a collection and a name, as in `tx.name`",
        ),
        (
            "SecAction \"id:1,setvar:tx.=1\"",
            "action `setvar` needs a collection and a name, as in `tx.name`",
        ),
        ("SecAction \"id:1,setvar:args.x=1\"", "action `setvar` cannot set `args`"),
        ("SecAction \"id:1,setvar:tx.x=%{nope}\"", "macro `%{nope}` names no variable"),
        ("SecAction \"id:1,expirevar:ip.x\"", "action `expirevar` needs `=` and seconds"),
        ("SecAction \"id:1,initcol:ip\"", "action `initcol` needs `=` and a key"),
        ("SecAction \"id:1,initcol:tx=x\"", "`tx` is no collection that is kept"),
        ("SecAction \"id:1,ctl:ruleEngine\"", "action `ctl` needs `=` and a value"),
        (
            "SecAction \"id:1,ctl:ruleEngine=Half\"",
            "the rule engine is On, Off or DetectionOnly, not `Half`",
        ),
        ("SecAction \"id:1,ctl:nope=1\"", "unknown control `nope`"),
        ("SecAction \"id:1,ctl:requestBodyProcessor=YAML\"", "there is no body processor `YAML`"),
        (
            "SecAction \"id:1,ctl:ruleRemoveTargetById=1\"",
            "`1` needs rules and a target, as in `1234;ARGS:name`",
        ),
        ("SecAction \"id:1,ctl:ruleRemoveTargetById=1;NOPE\"", "unknown variable `NOPE`"),
        (
            "SecAction \"id:1,ctl:ruleRemoveTargetById=1;ARGS:\"",
            "`ARGS:` names no member of `ARGS`",
        ),
    ]);
}

/// Errors that are only known when all is read come after the others.
#[test]
fn whole_rules() {
    check(&[
        ("SecAction \"id:1,pass\"", ""),
        ("SecAction \"id:1,pass\"", "rule id 1 is taken by main.conf:1"),
    ]);
    check(&[
        (
            "SecAction \"id:1,phase:5,deny\"",
            "phase 5 comes after the answer: only `pass` is possible there",
        ),
        ("SecRule ARGS x \"id:2,chain\"\n  SecRule ARGS x", ""),
    ]);
    check(&[("SecAction \"id:1,skipAfter:E\"", "`skipAfter:E` names no marker or rule behind it")]);
    // A chain that its file leaves open loads, with a warning.
    check(&[("SecRule ARGS x \"id:1,chain\"", "")]);
    check(&[
        ("SecRule ARGS x \"id:1,chain\"", ""),
        ("SecMarker A", "the chain before this directive has no next rule"),
    ]);
    assert_eq!(
        refusals("SecRule ARGS x \"id:1,chain\"\nSecRule ARGS x \"deny\"\n"),
        ["main.conf:2: a disruptive action may stand only on a chain's first rule"]
    );
    assert_eq!(
        refusals("SecRule ARGS x \"id:1,chain\"\nSecRule ARGS x \"id:2,skip:1\"\n"),
        ["main.conf:2: `skip` may stand only on a chain's first rule"]
    );
    assert_eq!(
        refusals("SecRule ARGS x \"id:1\"\nSecRuleUpdateTargetById 1 !ARGS:a ARGS\n"),
        ["main.conf:2: the update leaves rule 1 no variable to look at"]
    );
    assert_eq!(
        refusals("SecAction \"id:1\"\nSecRuleUpdateActionById 1 \"id:2\"\n"),
        ["main.conf:2: `id`, `phase` and `chain` cannot be updated"]
    );
}

#[test]
fn line_numbers_with_carriage_returns_and_continued_lines() {
    check(&[
        ("SecMarker A\r", ""),
        ("SecRule ARGS \\\r\n  \"@nope\" \\\r\n  \"id:1\"\r", "unknown operator `@nope`"),
        ("# a comment \\\n that goes on", ""),
        ("SecAction \\\n\\\n\\\n\"id:1,frob\"", "unknown action `frob`"),
        ("", ""),
        ("SecFoo", "unknown directive `SecFoo`"),
    ]);
}

#[test]
fn bytes_that_are_no_text() {
    for (line, error) in [
        (&b"SecRule ARGS \"@rx \xff\" \"id:1\""[..], None),
        (b"SecRule ARGS \"@contains \xff\" \"id:1,msg:'\xfe'\"", None),
        (b"# \xff", None),
        (b"SecRule ARGS\xff x \"id:1\"", Some("variables are not UTF-8")),
        (b"SecRule ARGS @\xff \"id:1\"", Some("an operator's name is not UTF-8")),
        (b"SecAction \"id:1,\xff\"", Some("an action is not UTF-8")),
        (b"SecAction \"id:1,ctl:\xff=1\"", Some("a control is not UTF-8")),
        (b"SecAction \"id:1,msg:'%{\xff}'\"", Some("a macro is not UTF-8")),
        (b"SecAction \"id:1,t:\xff\"", Some("unknown transformation `t:`")),
        (b"SecRuleEngine \xff", Some("the argument of `SecRuleEngine` is not UTF-8")),
        (b"Include \xff", Some("the argument of `Include` is not UTF-8")),
        (b"\xff x", Some("unknown directive ``")),
    ] {
        let found = compile_files(&[("main.conf", line)]);
        let found =
            found.map(drop).map_err(|errors| errors.iter().map(ToString::to_string).collect());
        let expected = error.map_or(Ok(()), |error| Err(vec![format!("main.conf:1: {error}")]));
        assert_eq!(found, expected, "{}", line.escape_ascii());
    }
}

#[test]
fn every_error_of_every_file_is_told_at_its_own_place() {
    let errors = compile_files(&[
        ("main.conf", b"SecFoo\nInclude rules/*.conf\nInclude main.conf\nSecBar\n"),
        ("rules/a.conf", b"\nSecRule NOPE x \"id:1\"\nSecAction \"id:2,frob\"\n"),
        (
            "rules/b.conf",
            b"SecAction \"id:3,chain\"\nSecAction \"pass\"\nSecRule ARGS x \"id:4,chain\"\n",
        ),
        ("rules/c.conf", b"SecAction \"id:3\"\n"),
    ])
    .unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for expected in [
        "main.conf:1: unknown directive `SecFoo`",
        "rules/a.conf:2: unknown variable `NOPE`",
        "rules/a.conf:3: unknown action `frob`",
        "main.conf:3: files include each other too deeply",
        "main.conf:4: unknown directive `SecBar`",
    ] {
        assert!(shown.iter().any(|line| line == expected), "{expected}\n{shown:#?}");
    }
    // One file that includes itself does not make errors without number.
    assert!(errors.len() < 400, "{}", errors.len());
}
