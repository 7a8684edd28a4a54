//! The JSON format: one object a line, with the keys that version 3 uses.

use super::{Record, Side};
use crate::variable::Variable;
use burgrave_model::Mode;

/// An object or a list that is being written.
struct Writer {
    out: Vec<u8>,
    first: bool,
}

impl Writer {
    fn key(&mut self, key: &[u8]) {
        self.comma();
        string(key, &mut self.out);
        self.out.push(b':');
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
    }

    fn text(&mut self, key: &str, value: &[u8]) {
        self.key(key.as_bytes());
        string(value, &mut self.out);
    }

    /// What is no number is 0.
    fn number(&mut self, key: &str, value: &[u8]) {
        self.key(key.as_bytes());
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        self.out.extend_from_slice(if digits { value } else { b"0" });
    }

    fn within(&mut self, key: &str, marks: [u8; 2], write: impl FnOnce(&mut Self)) {
        self.key(key.as_bytes());
        self.enclosed(marks, write);
    }

    fn enclosed(&mut self, [open, close]: [u8; 2], write: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.first = true;
        write(self);
        self.out.push(close);
        self.first = false;
    }
}

const OBJECT: [u8; 2] = *b"{}";
const LIST: [u8; 2] = *b"[]";

impl Record<'_> {
    pub(super) fn json(&self) -> Vec<u8> {
        let mut writer = Writer { out: Vec::with_capacity(1024), first: true };
        let parts = self.own.audit_parts;
        writer.enclosed(OBJECT, |writer| {
            writer.within("transaction", OBJECT, |writer| {
                writer.text("client_ip", &self.scalar(Variable::RemoteAddr));
                writer.text("time_stamp", self.time().as_bytes());
                writer.text("server_id", &self.scalar(Variable::WebappId));
                writer.number("client_port", &self.scalar(Variable::RemotePort));
                writer.text("host_ip", &self.scalar(Variable::ServerAddr));
                writer.number("host_port", &self.scalar(Variable::ServerPort));
                writer.text("unique_id", &self.scalar(Variable::UniqueId));
                writer.within("request", OBJECT, |writer| self.request(writer));
                writer.within("response", OBJECT, |writer| self.response(writer));
                if parts.has(b'H') {
                    writer.within("producer", OBJECT, |writer| self.producer(writer));
                    writer.within("messages", LIST, |writer| self.list_messages(writer));
                }
            });
        });
        writer.out.push(b'\n');
        writer.out
    }

    fn request(&self, writer: &mut Writer) {
        let parts = self.own.audit_parts;
        let protocol = self.scalar(Variable::RequestProtocol);
        let version = protocol.strip_prefix(b"HTTP/").unwrap_or(&protocol);
        writer.text("method", &self.scalar(Variable::RequestMethod));
        writer.text("http_version", version);
        writer.text("uri", &self.target());
        if parts.has(b'C') {
            writer.text("body", &self.request_body());
        }
        if parts.has(b'B') {
            writer.within("headers", OBJECT, |writer| {
                self.fields_of(writer, Side::Request);
            });
        }
    }

    fn response(&self, writer: &mut Writer) {
        let parts = self.own.audit_parts;
        if parts.has(b'E') {
            writer.text("body", &self.response_body());
        }
        writer.number("http_code", self.status.to_string().as_bytes());
        if parts.has(b'F') {
            writer.within("headers", OBJECT, |writer| {
                self.fields_of(writer, Side::Response);
            });
        }
    }

    fn fields_of(&self, writer: &mut Writer, of: Side) {
        for (name, value) in self.headers(of) {
            writer.key(&name);
            string(&value, &mut writer.out);
        }
    }

    fn producer(&self, writer: &mut Writer) {
        let state = match self.own.mode {
            Mode::Block => "Enabled",
            Mode::Detect => "DetectionOnly",
            Mode::Off => "Disabled",
        };
        writer.text("modsecurity", b"Burgrave");
        writer.text("connector", b"Burgrave");
        writer.text("secrules_engine", state.as_bytes());
        writer.within("components", LIST, |writer| {
            for component in self.own.rules.signatures() {
                writer.comma();
                string(component.as_bytes(), &mut writer.out);
            }
        });
    }

    fn list_messages(&self, writer: &mut Writer) {
        for audited in &self.own.audit.matches {
            let (found, rule) = (&audited.found, self.rule(audited));
            let meta = rule.map(|rule| &rule.meta);
            let text = |text: Option<&Option<Vec<u8>>>| text.cloned().flatten().unwrap_or_default();
            let file = rule.map(|rule| rule.file.display().to_string()).unwrap_or_default();
            let number = |number: usize| number.to_string().into_bytes();
            writer.comma();
            writer.enclosed(OBJECT, |writer| {
                writer.text("message", &self.hidden.anywhere(&found.message));
                writer.within("details", OBJECT, |writer| {
                    writer.text("match", &self.matched(audited));
                    writer.text("ruleId", found.id.to_string().as_bytes());
                    writer.text("file", file.as_bytes());
                    writer.text("lineNumber", &number(rule.map_or(0, |rule| rule.line)));
                    writer.text("data", &self.hidden.anywhere(&found.data));
                    writer.text("severity", &number(found.severity.unwrap_or(0).into()));
                    writer.text("ver", &text(meta.map(|meta| &meta.version)));
                    writer.text("rev", &text(meta.map(|meta| &meta.revision)));
                    writer.within("tags", LIST, |writer| {
                        for tag in &found.tags {
                            writer.comma();
                            string(&self.hidden.anywhere(tag), &mut writer.out);
                        }
                    });
                    writer.text("maturity", &number(meta.map_or(0, |meta| meta.maturity).into()));
                    writer.text("accuracy", &number(meta.map_or(0, |meta| meta.accuracy).into()));
                });
            });
        }
    }

    /// RFC 3339, in UTC.
    fn time(&self) -> String {
        let seconds = self.own.now_micros.div_euclid(1_000_000);
        let (year, month, day) = crate::transaction::expand::civil(seconds.div_euclid(86_400));
        let clock = self.scalar(Variable::Time);
        format!("{year}-{month:02}-{day:02}T{}Z", bstr::BStr::new(&clock))
    }
}

/// A JSON string (RFC 8259 §7). What is no UTF-8 is shown byte by byte, each as U+0080 to U+00FF.
fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(character, out);
        }
        for &byte in chunk.invalid() {
            push(char::from(byte), out);
        }
    }
    out.push(b'"');
}

fn push(character: char, out: &mut Vec<u8>) {
    match character {
        '"' | '\\' => out.extend([b'\\', u8::try_from(character).unwrap_or(b'\\')]),
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
            out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn strings_are_escaped() {
        let mut out = Vec::new();
        string(b"a\"\\\n\xff\xc3\xa9", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\\"\\\\\\u000a\u{ff}é\"");
    }
}
