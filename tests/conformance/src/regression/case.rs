//! The shape of `ModSecurity`'s regression cases.

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// One case.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    /// 0: the suite itself leaves it out.
    #[serde(default = "one")]
    pub(super) enabled: i64,
    #[serde(default)]
    pub(super) client: End,
    #[serde(default)]
    pub(super) server: End,
    #[serde(default)]
    pub(super) request: Request,
    #[serde(default)]
    pub(super) response: Response,
    #[serde(default)]
    pub(super) expected: Expected,
    /// A line each.
    pub(super) rules: Vec<String>,
}

fn one() -> i64 {
    1
}

/// One end of the connection.
#[derive(Debug, Default, Deserialize)]
pub(super) struct End {
    #[serde(default)]
    pub(super) ip: String,
    #[serde(default)]
    port: Value,
}

impl End {
    pub(super) fn port(&self) -> u16 {
        text(&self.port).parse().unwrap_or_default()
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) uri: String,
    #[serde(default)]
    pub(super) method: String,
    #[serde(default)]
    http_version: Value,
    #[serde(default)]
    headers: Fields,
    #[serde(default)]
    body: Value,
}

impl Request {
    /// The suite's own runner leaves the version empty where a case names none.
    pub(super) fn protocol(&self) -> String {
        format!("HTTP/{}", text(&self.http_version))
    }

    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers.0
    }

    pub(super) fn body(&self) -> Vec<u8> {
        lines(&self.body)
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Response {
    #[serde(default)]
    headers: Fields,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    pub(super) protocol: String,
}

impl Response {
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers.0
    }

    pub(super) fn body(&self) -> Vec<u8> {
        lines(&self.body)
    }
}

/// What must be seen; empty texts are not looked at.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Expected {
    #[serde(default)]
    pub(super) audit_log: String,
    #[serde(default)]
    pub(super) debug_log: String,
    #[serde(default)]
    pub(super) error_log: String,
    #[serde(default)]
    pub(super) parser_error: String,
    #[serde(default)]
    pub(super) redirect_url: String,
    http_code: Option<u16>,
}

impl Expected {
    pub(super) fn status(&self) -> u16 {
        self.http_code.unwrap_or(200)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Header fields in the order of the file, repeated ones included.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header fields")
    }

    /// Some cases say `""` for no fields.
    fn visit_str<E>(self, _: &str) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            fields.push((name, text(&value)));
        }
        Ok(Fields(fields))
    }
}

/// A body is a list of lines, each of which ends.
fn lines(body: &Value) -> Vec<u8> {
    let Value::Array(lines) = body else { return Vec::new() };
    lines.iter().map(|line| text(line) + "\n").collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_as_the_suite_writes_them() {
        let case: Case = serde_json::from_str(
            r#"{"client":{"ip":"1.2.3.4","port":"12"},"request":{"http_version":1.1,"headers":{"B":"x","A":"y","B":"z"},"body":["a","b"]},"rules":["SecRuleEngine On"],"expected":{"http_code":403}}"#,
        )
        .unwrap();
        assert_eq!((case.enabled, case.client.port(), case.server.port()), (1, 12, 0));
        assert_eq!(case.request.protocol(), "HTTP/1.1");
        let order: Vec<_> = case.request.headers().iter().map(|(name, _)| name).collect();
        assert_eq!(order, ["B", "A", "B"], "in the order of the file");
        assert_eq!(case.request.body(), b"a\nb\n");
        assert!(case.response.body().is_empty());
        assert_eq!((case.expected.status(), Expected::default().status()), (403, 200));
    }
}
