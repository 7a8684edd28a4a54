//! A test file: what is sent, and what is expected of the log.
//!
//! Versions 1 (`test_title`, `stages: [{stage: …}]`, `log_contains`) and 2 (`test_id`, `log: {…}`) of the schema,
//! and of version 3 what can be said without its templates, are read into one form.

use crate::yaml;
use base64::Engine as _;
use serde_json::{Map, Value};

/// Tests of a file, and stages of a test.
const TESTS_MAX: usize = 20_000;

/// A test file that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SuiteError(pub String);

/// The tests of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suite {
    /// In order.
    pub(super) tests: Vec<Test>,
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Test {
    /// `942100-1`
    pub(super) name: String,
    pub(super) about: String,
    /// The file says that it is not to be run.
    pub(super) is_disabled: bool,
    pub(super) stages: Vec<Stage>,
}

/// One request with what is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stage {
    /// The raw request.
    pub(super) request: Vec<u8>,
    /// What an application answers, where the test says so.
    pub(super) response: Option<Answer>,
    pub(super) expected: Expected,
    /// Why this stage needs a server.
    pub(super) needs: Vec<&'static str>,
}

/// An application's answer, as a test describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// One of these.
    pub(super) status: Vec<u16>,
    pub(super) ids: Vec<u32>,
    pub(super) no_ids: Vec<u32>,
    pub(super) patterns: Vec<String>,
    pub(super) no_patterns: Vec<String>,
    /// The connection ends without an answer.
    pub(super) error: Option<bool>,
    /// No other rule is in the log.
    pub(super) isolated: bool,
}

impl Suite {
    /// Reads a file; `name` is its file name, from which the rule's id is taken where the file has none.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, SuiteError> {
        let text =
            std::str::from_utf8(text).map_err(|_bytes| SuiteError("not UTF-8".to_owned()))?;
        let tree = if name.to_ascii_lowercase().ends_with(".json") {
            serde_json::from_str(text).map_err(|error| SuiteError(format!("not JSON: {error}")))?
        } else {
            yaml::parse(text).map_err(SuiteError)?
        };
        suite(name, tree).map_err(SuiteError)
    }

    /// How many tests there are.
    pub fn len(&self) -> usize {
        self.tests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }
}

/// The keys of a map, each taken once; what is left is an error.
struct Keys {
    of: String,
    map: Map<String, Value>,
}

impl Keys {
    fn new(of: impl Into<String>, value: Value) -> Result<Self, String> {
        let of = of.into();
        match value {
            Value::Object(map) => Ok(Self { of, map }),
            Value::Null => Ok(Self { of, map: Map::new() }),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(format!("{of} is no map of keys"))
            }
        }
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        self.take(key)
            .map(|value| scalar(&value).ok_or_else(|| self.wrong(key, "text")))
            .transpose()
    }

    fn switch(&mut self, key: &str) -> Result<Option<bool>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(Some(true)),
            "false" | "no" | "off" => Ok(Some(false)),
            _ => Err(self.wrong(key, "true or false")),
        }
    }

    /// One scalar, or a list of them.
    fn texts(&mut self, key: &str) -> Result<Vec<String>, String> {
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let list = match value {
            Value::Array(list) => list,
            one @ (Value::String(_) | Value::Number(_) | Value::Bool(_)) => vec![one],
            Value::Object(_) | Value::Null => return Err(self.wrong(key, "a list")),
        };
        list.iter()
            .map(|one| scalar(one).ok_or_else(|| self.wrong(key, "a list of texts")))
            .collect()
    }

    fn numbers<N: std::str::FromStr>(&mut self, key: &str) -> Result<Vec<N>, String> {
        let texts = self.texts(key)?;
        let parse = |text: &String| text.trim().parse().map_err(|_bad| self.wrong(key, "a number"));
        texts.iter().map(parse).collect()
    }

    fn list(&mut self, key: &str) -> Result<Vec<Value>, String> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= TESTS_MAX => Ok(list),
            Some(_) => Err(self.wrong(key, "a list (of at most 20,000)")),
        }
    }

    fn drop_all(&mut self, keys: &[&str]) {
        for key in keys {
            drop(self.map.remove(*key));
        }
    }

    fn wrong(&self, key: &str, wanted: &str) -> String {
        format!("`{key}` of {} is not {wanted}", self.of)
    }

    fn end(self) -> Result<(), String> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("unknown key `{key}` in {}", self.of)),
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(on) => Some(on.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn suite(name: &str, tree: Value) -> Result<Suite, String> {
    let mut keys = Keys::new("the file", tree)?;
    let mut meta = Keys::new("`meta`", keys.take("meta").unwrap_or_default())?;
    let is_disabled = meta.switch("enabled")? == Some(false);
    let digits: String = name
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let rule = keys.text("rule_id")?.unwrap_or(digits);
    keys.drop_all(&["tags"]);
    if keys.map.contains_key("template") {
        return Err(
            "`template` (version 3 of the schema) is not taken: write out the stages".to_owned()
        );
    }
    let list = keys.list("tests")?;
    keys.end()?;
    let mut tests = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        tests.push(Test { is_disabled, ..test(&rule, index + 1, value)? });
    }
    if tests.is_empty() {
        return Err("there are no `tests` in it".to_owned());
    }
    Ok(Suite { tests })
}

fn test(rule: &str, position: usize, value: Value) -> Result<Test, String> {
    let mut keys = Keys::new(format!("test {position}"), value)?;
    let id = keys.text("test_id")?.or(keys.text("id")?);
    let title = keys.text("test_title")?;
    let name = title.unwrap_or_else(|| {
        let id = id.unwrap_or_else(|| position.to_string());
        if rule.is_empty() { id } else { format!("{rule}-{id}") }
    });
    let about = keys.text("desc")?.or(keys.text("description")?).unwrap_or_default();
    keys.drop_all(&["tags"]);
    if keys.map.contains_key("payload") || keys.map.contains_key("template") {
        return Err(format!("test {name}: `payload` (version 3 of the schema) is not taken"));
    }
    let stages = keys.list("stages")?;
    keys.end()?;
    if stages.is_empty() {
        return Err(format!("test {name} has no `stages`"));
    }
    let stages = stages.into_iter().map(|value| stage(&name, value));
    let stages = stages.collect::<Result<_, _>>()?;
    Ok(Test { name, about: about.trim().to_owned(), is_disabled: false, stages })
}

fn stage(test: &str, value: Value) -> Result<Stage, String> {
    let mut keys = Keys::new(format!("a stage of {test}"), value)?;
    // Version 1 has one level more.
    if let Some(inner) = keys.take("stage") {
        keys.end()?;
        keys = Keys::new(format!("a stage of {test}"), inner)?;
    }
    keys.drop_all(&["description"]);
    let input = Keys::new(format!("`input` of {test}"), keys.take("input").unwrap_or_default())?;
    let output = Keys::new(format!("`output` of {test}"), keys.take("output").unwrap_or_default())?;
    keys.end()?;
    let mut stage = Stage::default();
    self::input(input, &mut stage)?;
    self::output(output, &mut stage)?;
    Ok(stage)
}

fn input(mut keys: Keys, stage: &mut Stage) -> Result<(), String> {
    keys.drop_all(&["dest_addr", "port", "protocol", "virtual_host_mode", "description"]);
    if keys.switch("save_cookie")? == Some(true) {
        stage.needs.push("`save_cookie` needs the answer of a server");
    }
    if keys.switch("follow_redirect")? == Some(true) {
        stage.needs.push("`follow_redirect` needs the answer of a server");
    }
    if let Some(response) = keys.take("response") {
        stage.response = Some(answer(Keys::new("`response`", response)?)?);
    }
    let stop = keys.switch("stop_magic")?.map(|stop| !stop);
    let completes = keys.switch("autocomplete_headers")?.or(stop).unwrap_or(true);
    let (raw, encoded) = (keys.text("raw_request")?, keys.text("encoded_request")?);
    let method = keys.text("method")?.unwrap_or_else(|| "GET".to_owned());
    let uri = keys.text("uri")?.unwrap_or_else(|| "/".to_owned());
    let version = keys.text("version")?.unwrap_or_else(|| "HTTP/1.1".to_owned());
    let fields = [fields(&mut keys, "headers")?, fields(&mut keys, "ordered_headers")?].concat();
    let data = match (keys.text("data")?, keys.text("encoded_data")?) {
        (_, Some(encoded)) => decoded("encoded_data", &encoded)?,
        (data, None) => data.unwrap_or_default().into_bytes(),
    };
    keys.end()?;
    stage.request = match (encoded.filter(|text| !text.is_empty()), raw) {
        (Some(encoded), _) => decoded("encoded_request", &encoded)?,
        (None, Some(raw)) if !raw.is_empty() => raw.into_bytes(),
        (None, _) => request(&format!("{method} {uri} {version}"), &fields, &data, completes),
    };
    Ok(())
}

/// A request as go-ftw builds it.
fn request(line: &str, fields: &[(String, String)], data: &[u8], completes: bool) -> Vec<u8> {
    let has = |name: &str| fields.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let mut head = format!("{line}\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if completes {
        if !has("connection") {
            head.push_str("Connection: close\r\n");
        }
        if !data.is_empty() && !has("content-type") {
            head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        }
        if !data.is_empty() && !has("content-length") && !has("transfer-encoding") {
            head.push_str(&format!("Content-Length: {}\r\n", data.len()));
        }
    }
    head.push_str("\r\n");
    [head.as_bytes(), data].concat()
}

/// A map of names to values, or a list of `{name, value}`.
fn fields(keys: &mut Keys, key: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |name: String, value: &Value| {
        if value.is_null() {
            return Ok((name, String::new()));
        }
        let text = scalar(value).ok_or_else(|| format!("the header `{name}` is no text"))?;
        Ok((name, text))
    };
    match keys.take(key) {
        None => Ok(Vec::new()),
        Some(Value::Object(map)) => {
            map.iter().map(|(name, value)| pair(name.clone(), value)).collect()
        }
        Some(Value::Array(list)) => list
            .into_iter()
            .map(|one| {
                let mut own = Keys::new(format!("a header of {}", keys.of), one)?;
                let name = own.text("name")?.ok_or_else(|| own.wrong("name", "there"))?;
                let value = own.text("value")?.unwrap_or_default();
                own.end()?;
                Ok((name, value))
            })
            .collect(),
        Some(_) => Err(keys.wrong(key, "a map of names to values")),
    }
}

/// What an application answers; also the body of a request to `/reflect` of the schema's own back end.
pub(super) fn reflected(body: &[u8]) -> Option<Answer> {
    let tree: Value = serde_json::from_slice(body).ok()?;
    answer(Keys::new("the answer", tree).ok()?).ok()
}

fn answer(mut keys: Keys) -> Result<Answer, String> {
    let status = keys.numbers::<u16>("status")?.first().copied().unwrap_or(200);
    let mut fields = fields(&mut keys, "headers")?;
    let encoded = keys.text("encoded_body")?.or(keys.text("encodedBody")?);
    let body = match (keys.text("body")?, encoded) {
        (_, Some(encoded)) if !encoded.is_empty() => decoded("encoded_body", &encoded)?,
        (body, _) => body.unwrap_or_default().into_bytes(),
    };
    keys.drop_all(&["log_message", "logMessage"]);
    keys.end()?;
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        fields.push(("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned()));
    }
    Ok(Answer { status, fields, body })
}

fn decoded(key: &str, text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes.map_err(|error| format!("`{key}` is not base64: {error}"))
}

fn output(mut keys: Keys, stage: &mut Stage) -> Result<(), String> {
    let expected = &mut stage.expected;
    expected.status = keys.numbers("status")?;
    expected.error = keys.switch("expect_error")?;
    expected.isolated = keys.switch("isolated")? == Some(true);
    expected.patterns = keys.texts("log_contains")?;
    expected.no_patterns = keys.texts("no_log_contains")?;
    keys.drop_all(&["retry_once"]);
    if keys.text("response_contains")?.is_some() {
        stage.needs.push("`response_contains` needs the answer of a server");
    }
    let mut log = Keys::new("`log`", keys.take("log").unwrap_or_default())?;
    expected.ids = log.numbers("expect_ids")?;
    expected.no_ids = log.numbers("no_expect_ids")?;
    expected.patterns.extend(log.texts("match_regex")?);
    expected.no_patterns.extend(log.texts("no_match_regex")?);
    log.end()?;
    keys.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Test {
        Suite::parse("942100.yaml", text.as_bytes()).unwrap().tests.remove(0)
    }

    #[test]
    fn version_1_is_read() {
        let test = one(
            "meta:\n  author: a\n  enabled: true\ntests:\n  - test_title: 942100-1\n    desc: x\n    stages:\n      - stage:\n          input:\n            dest_addr: 127.0.0.1\n            port: 80\n            method: POST\n            headers:\n              Host: localhost\n            data: a=b\n            stop_magic: false\n          output:\n            log_contains: id \"942100\"\n            status: [403, 400]\n",
        );
        assert_eq!((test.name.as_str(), test.about.as_str()), ("942100-1", "x"));
        let stage = &test.stages[0];
        let wanted = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b";
        assert_eq!(bstr::BStr::new(&stage.request), wanted);
        assert_eq!(stage.expected.patterns, ["id \"942100\""]);
        assert_eq!(stage.expected.status, [403, 400]);
    }

    #[test]
    fn version_2_is_read() {
        let test = one(
            "rule_id: 7\ntests:\n  - test_id: 3\n    stages:\n      - input:\n          uri: /x\n          version: HTTP/1.0\n          ordered_headers:\n            - {name: A, value: 1}\n            - {name: A, value: 2}\n          autocomplete_headers: false\n          encoded_data: YWJj\n          response: {status: 500, body: oops}\n        output:\n          log: {expect_ids: [1, 2], no_expect_ids: [3], match_regex: a, no_match_regex: b}\n          isolated: true\n          expect_error: false\n",
        );
        assert_eq!(test.name, "7-3");
        let stage = &test.stages[0];
        assert_eq!(bstr::BStr::new(&stage.request), "GET /x HTTP/1.0\r\nA: 1\r\nA: 2\r\n\r\nabc");
        let expected = &stage.expected;
        assert_eq!((expected.ids.as_slice(), expected.no_ids.as_slice()), (&[1, 2][..], &[3][..]));
        assert!(expected.isolated && expected.error == Some(false));
        let answer = stage.response.as_ref().unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (500, &b"oops"[..]));
    }

    #[test]
    fn json_of_the_same_shape_is_read() {
        let text = r#"{"rule_id": "9", "tests": [{"test_id": "1", "stages": [{"input": {"encoded_request": "R0VUIC8g\nSFRUUC8xLjENCg0K"}, "output": {"status": 200}}]}]}"#;
        let suite = Suite::parse("9.json", text.as_bytes()).unwrap();
        assert_eq!(suite.tests[0].stages[0].request, b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(suite.len(), 1);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let input = |rest: &str| {
            format!("tests:\n  - stages:\n      - input: {{{rest}}}\n        output: {{}}\n")
        };
        for (text, wanted) in [
            (input("methd: GET"), "unknown key `methd` in `input` of 942100-1"),
            (input("encoded_request: '!'"), "is not base64"),
            (input("stop_magic: maybe"), "is not true or false"),
            (input("headers: x"), "is not a map of names"),
            ("tests: []\n".to_owned(), "no `tests`"),
            ("tests:\n  - desc: x\n".to_owned(), "has no `stages`"),
            ("template: {}\ntests: []\n".to_owned(), "version 3"),
            ("a: 1\n".to_owned(), "unknown key `a` in the file"),
            ("- a\n".to_owned(), "the file is no map"),
        ] {
            let error = Suite::parse("942100.yaml", text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(Suite::parse("a.json", b"{").is_err() && Suite::parse("a.yaml", &[0xff]).is_err());
    }

    #[test]
    fn what_needs_a_server_is_noted() {
        let test = one(
            "tests:\n  - stages:\n      - input: {save_cookie: true, follow_redirect: true}\n        output: {response_contains: x}\n",
        );
        assert_eq!(test.stages[0].needs.len(), 3);
    }
}
