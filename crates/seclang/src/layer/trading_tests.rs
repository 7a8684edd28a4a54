//! The profile: what it lets through of rules like those of the CRS, and what it does not.

use super::tests::{Sent, compile, escaped, send};
use crate::interface::Layer;
use burgrave_model::Profile;

const TRADING: Layer =
    Layer { decode: false, profile: Profile::Trading, extra: false, enforce: false };

/// Rules that match every value, under the ids that the profile narrows.
fn leaves(ids: &[u32], value: &str) -> Vec<u32> {
    let rule = |id| {
        format!("SecRule ARGS|FILES \"@unconditionalMatch\" \"id:{id},phase:2,pass,log,t:none\"\n")
    };
    let text: String = ids.iter().map(rule).collect();
    let rules = compile(Box::leak(text.into_boxed_str()), TRADING);
    let target = format!("/?a={}", escaped(value));
    let sent = Sent { method: "GET", target: &target, headers: &[], body: "" };
    send(&rules, &sent).matches.iter().map(|found| found.id).collect()
}

/// Ids, what is let through, and what is not.
type Row = (&'static [u32], &'static [&'static str], &'static [&'static str]);

static ROWS: &[Row] = &[
    (
        &[932_235, 932_250, 932_370],
        &["GTC; cancel & replace at 10:30", "ls 300 lexus", "wget finance", "cancel all; replace"],
        &[
            "; cat /etc/passwd",
            "& net user",
            "x; whoami",
            "; ls -la",
            "wget http://x",
            "$(id)",
            "a|b",
        ],
    ),
    (
        &[932_130, 933_135],
        &["Use ${TICKER} as placeholder", "{{ price }} and ${qty}", "${order.note}"],
        &["${IFS}", "${7*7}", "${jndi:x}", "$(id)", "<(id)", "${a b}", "cat${PATH}"],
    ),
    (
        &[942_100, 942_190, 942_360],
        &[
            "European Union select bonds",
            "1 Select Street",
            "(AAPL OR MSFT) AND NOT TSLA",
            "price between 10 and 20",
            "if (px >= 101.25) then cancel",
            "symbol in ('A','B')",
        ],
        &[
            "1 or 1=1",
            "' or 'a'='a",
            "1 union select null",
            "1;drop table x",
            "sleep(5)",
            "x'--",
            "1 and 1=(select 1)",
            "-1 union select a from b",
        ],
    ),
    (
        &[942_151],
        &[
            "{ quote(symbol: \"AAPL\") { last } }",
            "query Q($a: Int!) { quote(id: $a) { last } }",
            "startswith(symbol,'A') and price gt 5",
        ],
        &[
            "{ quote(symbol: \"A' or 1=1\") { last } }",
            "{ a } ; drop",
            "sleep(5)",
            "startswith(a,'b') or 1=1",
        ],
    ),
    (&[942_290], &["$top", "$filter"], &["$gt", "[$ne]", "$where"]),
    (
        &[930_100, 930_110],
        &["../basics", "https://example.com/a/b/../c"],
        &["../../x", "/static/../x", "%2e%2e/", "..\\x", "../etc/passwd", "..;/x"],
    ),
    (
        &[930_120],
        &["/var/log/app.log shows nothing"],
        &["/etc/passwd", "cat /etc/shadow now", "; x /proc", "../x y"],
    ),
    (
        &[941_130, 934_170],
        &["data:image/png;base64,iVBORw0KGgo=", "data:application/pdf;base64,JVBERi0="],
        &[
            "data:text/html;base64,PHNjcmlwdD4=",
            "data:image/svg+xml;base64,PHN2Zz4=",
            "data:image/png;base64,\"><script>",
            "data:text/plain;base64,PD9waHA=",
        ],
    ),
    (
        &[941_390],
        &["price alert (daily)", "confirm(ed)", "what does alert() do?"],
        &["alert(1)", "alert(document.domain)", "alert()", "eval(atob('x'))", "alert`1`"],
    ),
    (
        &[920_120],
        &["O'Brien & Sons.pdf", "Q1; draft.xlsx"],
        &["x.php", "a\"; filename=\"b.png", "a/b.png", "x.pdf.exe"],
    ),
    (&[941_310], &["Какова цена"], &[]),
];

#[test]
fn prose_is_no_attack_and_attacks_are_none_the_less() {
    for (ids, prose, attacks) in ROWS {
        for text in *prose {
            assert_eq!(leaves(ids, text), Vec::<u32>::new(), "{text}");
        }
        for text in *attacks {
            assert_eq!(leaves(ids, text), *ids, "{text}");
        }
    }
}

#[test]
fn methods_and_media_types_are_set_for_the_rule_set() {
    let text = "SecRule REQUEST_METHOD \"!@within %{tx.allowed_methods}\" \"id:911100,phase:1,deny\"\n\
        SecRule REQUEST_HEADERS:Content-Type \"@rx ^[^;\\s]+\" \"id:920420,phase:1,deny,t:lowercase,capture,setvar:'tx.content_type=|%{tx.0}|',chain\"\n\
        SecRule TX:content_type \"!@within %{tx.allowed_request_content_type}\"";
    let rules = compile(text, TRADING);
    for (method, media_type, ended) in [
        ("PUT", "application/json", None),
        ("PATCH", "application/merge-patch+json", None),
        ("DELETE", "text/csv; charset=utf-8", None),
        ("POST", "application/vnd.api+json", None),
        ("POST", "application/x-ndjson", None),
        ("TRACE", "application/json", Some(911_100)),
        ("POST", "text/html", Some(920_420)),
        ("POST", "application/x-httpd-php", Some(920_420)),
    ] {
        let headers = [("Content-Type", media_type)];
        let record = send(&rules, &Sent { method, target: "/", headers: &headers, body: "" });
        let end = record.interruption.and_then(|end| end.rule);
        assert_eq!(end, ended, "{method} {media_type}");
    }
    let own = "SecAction \"id:900200,phase:1,pass,nolog,setvar:'tx.allowed_methods=GET'\"\n\
        SecRule REQUEST_METHOD \"!@within %{tx.allowed_methods}\" \"id:911100,phase:1,deny\"";
    let rules = compile(own, TRADING);
    let put = Sent { method: "PUT", target: "/", headers: &[], body: "" };
    assert!(send(&rules, &put).interruption.is_some(), "a set-up file has the last word");
}

#[test]
fn bodies_of_types_that_are_let_through_are_looked_at() {
    let rules = compile("SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny\"", TRADING);
    for (media_type, body, variable) in [
        ("text/plain", "so evil", Some("ARGS:body")),
        ("text/csv", "a,b\nc,evil", Some("ARGS:body")),
        ("text/plain", "{\"a\": \"evil\"}", Some("ARGS:json.a")),
        ("application/x-ndjson", "{\"a\":1}\n\n{\"b\":\"evil\"}\n", Some("ARGS:json.b")),
        ("application/x-ndjson", "{\"a\":1}\n{\"b\":evil", Some("ARGS:body")),
        ("", "evil", Some("ARGS:body")),
        ("application/octet-stream", "\u{1}\u{2}\u{3} evil", None),
        ("text/plain", "good", None),
    ] {
        let headers = [("Content-Type", media_type)];
        let headers = if media_type.is_empty() { &headers[1..] } else { &headers[..] };
        let record = send(&rules, &Sent { method: "POST", target: "/", headers, body });
        let found = record.matches.iter().find(|found| found.id == 1);
        let found = found.map(|found| String::from_utf8(found.variable.clone()).unwrap());
        assert_eq!(found.as_deref(), variable, "{media_type} {body}");
    }
}

#[test]
fn traces_and_web_hooks_are_exempt_by_place() {
    let text = "SecRule ARGS \"@contains 1=1\" \"id:942100,phase:2,pass,log,tag:'attack-sqli'\"\n\
        SecRule ARGS \"@contains 1=1\" \"id:931100,phase:2,pass,log\"";
    let rules = compile(text, TRADING);
    let json = [("Content-Type", "application/json")];
    let span = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[{\"value\":{\"stringValue\":\"1 or 1=1\"}}]}]}]}]}";
    for (target, body, expected) in [
        ("/v1/traces", span, &[931_100][..]),
        ("/v1/traces", "{\"stringValue\":\"1 or 1=1\"}", &[942_100, 931_100]),
        ("/api/webhooks", "{\"url\":\"1 or 1=1\"}", &[942_100]),
        ("/api/orders", "{\"url\":\"1 or 1=1\"}", &[942_100, 931_100]),
    ] {
        let record = send(&rules, &Sent { method: "POST", target, headers: &json, body });
        let ids: Vec<u32> = record.matches.iter().map(|found| found.id).collect();
        assert_eq!(ids, expected, "{target} {body}");
    }
}
