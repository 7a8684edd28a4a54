//! Audit records: when one is due, and what stands in it.

use super::*;

const LOGIN: Request<'_> = Request {
    target: "/login?user=ann&pass=se%63ret-1",
    headers: &[
        ("Host", "h.test"),
        ("Authorization", "Basic c2Vj"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ],
    body: "pass=secret-1&x=y",
    response: "",
};

const ON: &str = "SecAuditEngine On\nSecAuditLog /a.log\n";

fn audit(text: &str, request: &Request<'_>) -> Option<String> {
    let (record, _) = run(&rules(text), request);
    record.audit.map(|audit| String::from_utf8(audit).unwrap())
}

#[test]
fn when_a_record_is_due() {
    let relevant = "SecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus \"^4\"\n";
    let rule = |actions: &str| format!("SecRule ARGS:user \"ann\" \"id:1,phase:1,{actions}\"");
    for (text, due) in [
        (rule("pass"), false),
        (format!("SecAuditEngine On\n{}", rule("pass")), true),
        ("SecAuditEngine On".to_owned(), true),
        ("SecAuditEngine RelevantOnly".to_owned(), false),
        (format!("{relevant}{}", rule("pass,nolog")), false),
        (format!("{relevant}{}", rule("pass,noauditlog")), false),
        (format!("{relevant}{}", rule("pass,nolog,auditlog")), true),
        (format!("{relevant}{}", rule("pass,log")), true),
        (format!("{relevant}{}", rule("deny,nolog,status:404")), true),
        (format!("{relevant}{}", rule("deny,nolog,status:500")), false),
        (rule("pass,nolog,ctl:auditEngine=On"), true),
        (format!("SecAuditEngine On\n{}", rule("pass,ctl:auditEngine=Off")), false),
        (
            format!("SecDefaultAction \"phase:1,nolog,auditlog,pass\"\n{relevant}{}", rule("pass")),
            true,
        ),
    ] {
        assert_eq!(audit(&text, &LOGIN).is_some(), due, "{text}");
    }
    let path = |text: &str| rules(text).audit_log().map(Path::to_path_buf);
    assert_eq!(path(ON), Some(PathBuf::from("/a.log")));
    assert_eq!(path("SecAuditLog /a.log"), None, "nothing is made, so nothing is opened");
}

#[test]
fn parts_of_a_native_record() {
    let rule = "SecRule ARGS:user \"@rx ^ann$\" \"id:7,phase:2,deny,status:401,msg:'it is \\\"ann\\\"',logdata:'%{MATCHED_VAR}',severity:2,rev:3,ver:'v/1',maturity:4,accuracy:5,tag:one,tag:two\"";
    let record = audit(&format!("{ON}SecAuditLogParts ABCFHIJZ\n{rule}"), &LOGIN).unwrap();
    let lines: Vec<&str> = record.lines().collect();
    let boundary = lines[0].strip_suffix("A--").unwrap();
    assert!(boundary.starts_with("---") && boundary.len() == 14, "{boundary}");
    let letters: String =
        record.split(boundary).skip(1).filter_map(|part| part.chars().next()).collect();
    assert_eq!(letters, "ABCFHJZ", "I stands for C where that is left out");
    assert_eq!(lines[1], "[21/Nov/2026:02:42:18 +0000] id-1 192.0.2.1 4711 192.0.2.1 4711");
    for part in [
        "B--\nPOST /login?user=ann&pass=se%63ret-1 HTTP/1.1\nHost: h.test\n",
        "C--\npass=secret-1&x=y\n",
        "H--\nModSecurity: Access denied with code 401 (phase 2). Matched \"Operator `Rx' with parameter `^ann$' against variable `ARGS:user' (Value: `ann' ) [file \"t.conf\"] [line \"4\"] [id \"7\"] [rev \"3\"] [msg \"it is \"ann\"\"] [data \"ann\"] [severity \"2\"] [ver \"v/1\"] [maturity \"4\"] [accuracy \"5\"] [tag \"one\"] [tag \"two\"] [hostname \"h.test\"] [uri \"/login\"] [unique_id \"id-1\"]\n",
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
    let other = audit(&format!("{ON}{rule}"), &LOGIN).unwrap();
    assert!(!other.starts_with(boundary), "a boundary is not to be guessed");
}

#[test]
fn what_rules_hide_is_in_no_part() {
    let rule = "SecRule ARGS:pass \"@rx secret\" \"id:1,phase:2,pass,msg:'%{MATCHED_VAR}',logdata:'%{MATCHED_VAR}',sanitiseArg:pass,sanitiseRequestHeader:authorization\"";
    let matched = "SecRule ARGS:pass \"@rx secret\" \"id:1,phase:2,pass,msg:'%{MATCHED_VAR}',sanitiseMatched,sanitiseRequestHeader:Authorization\"";
    for rule in [rule, matched] {
        for format in ["Native", "JSON"] {
            let text =
                format!("{ON}SecAuditLogFormat {format}\nSecAuditLogParts ABCEFHIJZ\n{rule}");
            let record = audit(&text, &LOGIN).unwrap();
            for hidden in ["secret-1", "se%63ret-1", "c2Vj"] {
                assert!(!record.contains(hidden), "{hidden} in {record}");
            }
            assert!(record.contains("user=ann&pass=*") && record.contains("&x=y"), "{record}");
        }
    }
}

#[test]
fn a_json_record_is_one_line_with_the_same_facts() {
    let rule = "SecRule ARGS:user \"@contains ann\" \"id:7,phase:1,pass,msg:'a\\tb',tag:one,ctl:auditLogParts=+E\"";
    let record = audit(
        &format!("{ON}SecAuditLogFormat JSON\nSecComponentSignature \"own/1\"\n{rule}"),
        &LOGIN,
    )
    .unwrap();
    assert_eq!(record.lines().count(), 1);
    for part in [
        "{\"transaction\":{\"client_ip\":\"192.0.2.1\",\"time_stamp\":\"2026-11-21T02:42:18Z\"",
        "\"request\":{\"method\":\"POST\",\"http_version\":\"1.1\",\"uri\":\"/login?user=ann",
        "\"headers\":{\"Host\":\"h.test\",",
        "\"http_code\":200",
        "\"response\":{\"body\":\"\"",
        "\"components\":[\"own/1\"]",
        "\"match\":\"Matched \\\"Operator `Contains' with parameter `ann'",
        "\"ruleId\":\"7\"",
        "\"tags\":[\"one\"]",
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
    let without = format!("{ON}SecAuditLogFormat JSON\nSecAuditLogParts AZ");
    let bare = audit(&without, &LOGIN).unwrap();
    assert!(!bare.contains("headers") && !bare.contains("messages") && !bare.contains("body"));
}

#[test]
fn a_form_with_files_is_shown_without_them_where_asked() {
    let body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\n\r\nCONTENT\r\n--B--\r\n";
    let request =
        Request { headers: &[("Content-Type", "multipart/form-data; boundary=B")], body, ..GET };
    let record = audit(&format!("{ON}SecAuditLogParts AIJZ"), &request).unwrap();
    assert!(record.contains("I--\na=1\n") && record.contains("J--\n1,7,\"x.txt\"\n"), "{record}");
    assert!(!record.contains("CONTENT"));
}
