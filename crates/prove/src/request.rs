//! Requests as bytes: harmless by default, wrong only where an attack says so.

/// A request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    line: String,
    fields: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    /// A request with the fields that every client sends.
    pub(crate) fn new(method: &str, target: &str, host: &str) -> Self {
        Self {
            line: format!("{method} {target} HTTP/1.1"),
            fields: vec![
                format!("Host: {host}"),
                "User-Agent: Mozilla/5.0 (compatible; burgrave prove)".to_owned(),
                "Accept: */*".to_owned(),
            ],
            body: Vec::new(),
        }
    }

    /// Adds a field line, as it is.
    pub(crate) fn field(mut self, line: &str) -> Self {
        self.fields.push(line.to_owned());
        self
    }

    /// Replaces the field of this name; an empty line takes it away.
    pub(crate) fn replace(mut self, name: &str, line: &str) -> Self {
        let start = format!("{name}:");
        self.fields.retain(|field| !field.starts_with(&start));
        if !line.is_empty() {
            self.fields.insert(0, line.to_owned());
        }
        self
    }

    /// Sets a body with its type and length.
    pub(crate) fn body(mut self, kind: &str, body: &str) -> Self {
        self.fields.push(format!("Content-Type: {kind}"));
        self.fields.push(format!("Content-Length: {}", body.len()));
        self.body = body.as_bytes().to_vec();
        self
    }

    /// The whole request; the server is asked to close afterwards.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.head_lines();
        out.extend_from_slice(b"Connection: close\r\n\r\n");
        out.extend_from_slice(&self.body);
        out
    }

    /// The request line and the fields, each ended, without the empty line.
    pub(crate) fn head_lines(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.line).into_bytes();
        for field in &self.fields {
            out.extend_from_slice(field.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

/// Percent-encodes everything but letters and digits.
pub(crate) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend(hex(byte).map(|digit| digit.to_ascii_uppercase()));
        }
        out
    })
}

/// Two hexadecimal digits, in lower case.
fn hex(byte: u8) -> impl Iterator<Item = char> {
    [byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(u32::from(digit), 16))
}

/// A JSON string with its quotes.
pub(crate) fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let code = u8::try_from(control).unwrap_or(b'?');
                out.push_str("\\u00");
                out.extend(hex(code));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_they_say() {
        let request = Request::new("POST", "/a", "shop.test").body("text/plain", "hello");
        assert_eq!(
            String::from_utf8(request.bytes()).unwrap(),
            "POST /a HTTP/1.1\r\nHost: shop.test\r\n\
             User-Agent: Mozilla/5.0 (compatible; burgrave prove)\r\nAccept: */*\r\n\
             Content-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        );
        let without = Request::new("GET", "/", "shop.test").replace("Host", "");
        assert!(!String::from_utf8(without.bytes()).unwrap().contains("Host"));
    }

    #[test]
    fn values_are_encoded() {
        assert_eq!(percent("a' =\u{e9}"), "a%27%20%3D%C3%A9");
        assert_eq!(json_string("a\"\\\n"), "\"a\\\"\\\\\\u000a\"");
    }
}
