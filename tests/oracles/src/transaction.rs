//! A whole transaction: the engine with its first stage and the one without say the same.

use burgrave_model::Mode;
use burgrave_seclang::{
    BodyIntake, Connection, Decision, Layer, Options, Record, RequestLine, RuleFiles, RuleSet,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Rules of every kind that the first stage treats in a way of its own.
const RULES: &str = r#"
SecRule &TX:a "@eq 0" "id:1,phase:1,pass,nolog,setvar:tx.a=2"
SecRule TX:a "@lt 2" "id:2,phase:1,pass,nolog,skipAfter:END"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|!ARGS:skip "@rx (?i)union.{1,9}select|sleep\s*\(" "id:3,phase:1,pass,t:urlDecodeUni,t:lowercase,capture,setvar:tx.score=+5,logdata:'%{TX.0}'"
SecRule REQUEST_HEADERS|!REQUEST_HEADERS:Cookie "@pm <script javascript: onerror" "id:4,phase:1,pass,t:htmlEntityDecode,t:removeNulls,setvar:tx.score=+3"
SecRule ARGS "@detectSQLi" "id:5,phase:2,pass,multiMatch,t:urlDecodeUni,t:replaceComments,setvar:tx.score=+%{tx.a}"
SecRule ARGS|REQUEST_HEADERS:User-Agent "@detectXSS" "id:6,phase:2,pass,t:jsDecode,t:htmlEntityDecode"
SecRule ARGS:/^x/ "!@rx ^[a-z]*$" "id:7,phase:2,pass,t:none,ctl:ruleRemoveTargetById=9;ARGS:x1"
SecMarker END
SecRule REQUEST_URI "@contains ../" "id:8,phase:2,pass,t:normalizePath,t:cmdLine,chain"
  SecRule MATCHED_VARS "@rx [a-z]" "setvar:tx.score=+1"
SecRule ARGS|REQUEST_BODY "@rx [\[{(]\s*\$|`|\x00" "id:9,phase:2,pass,t:base64Decode"
SecRule ARGS "@validateByteRange 32-126" "id:10,phase:2,pass"
SecRule XML:/* "@rx a+b" "id:11,phase:2,pass,t:compressWhitespace"
SecRule &ARGS "@gt 3" "id:12,phase:2,pass"
SecRule TX:score "@ge 8" "id:13,phase:2,deny,status:403,msg:'score %{tx.score}'"
"#;

struct Text;

impl RuleFiles for Text {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Ok(RULES.as_bytes().to_vec())
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

fn compiled(plain: bool, decode: bool) -> Arc<RuleSet> {
    let layer = Layer { decode, ..Layer::default() };
    let budget = Some(Duration::MAX);
    let options = Options { plain, layer, budget, ..Options::default() };
    match RuleSet::compile(&[PathBuf::from("t.conf")], &Text, options) {
        Ok(rules) => Arc::new(rules),
        Err(errors) => panic!("the oracle's own rules: {errors:?}"),
    }
}

/// Staged and plain, without and with decoded forms.
static SETS: LazyLock<[[Arc<RuleSet>; 2]; 2]> =
    LazyLock::new(|| [false, true].map(|decode| [compiled(false, decode), compiled(true, decode)]));

/// The input is a request as it goes over the wire, whatever it looks like.
pub fn transaction(input: &[u8]) {
    for [staged, plain] in &*SETS {
        let (one, other) = (run(staged, input), run(plain, input));
        assert_eq!(one, other, "on {}", input.escape_ascii());
    }
}

fn run(rules: &Arc<RuleSet>, input: &[u8]) -> Record {
    let (head, body) = match input.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => (input.get(..at).unwrap_or_default(), input.get(at + 4..).unwrap_or_default()),
        None => (input, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines.next().unwrap_or_default().splitn(3, |byte| *byte == b' ');
    let local = (IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    let connection = Connection { client: local, server: local };
    let mut transaction =
        rules.transaction(connection, Some(Mode::Block), "oracle", 0, || Duration::ZERO);
    transaction.request_line(&RequestLine {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        protocol: words.next().unwrap_or(b"HTTP/1.1"),
    });
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default();
        transaction.request_header(name, parts.next().unwrap_or_default().trim_ascii());
    }
    if transaction.request_headers_done() == Decision::Continue
        && (!transaction.wants_request_body()
            || !matches!(transaction.request_body(body), BodyIntake::Refused(_)))
        && transaction.request_body_done() == Decision::Continue
    {
        transaction.response_line(200, b"HTTP/1.1");
        transaction.response_header(b"Content-Type", b"text/plain");
        let _answer_is_in_the_record = transaction.response_headers_done(false);
    }
    transaction.finish()
}
