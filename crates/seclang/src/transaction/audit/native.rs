//! The native format: parts between boundary lines, as version 3 writes them.

use super::{Audited, Record, Side};
use crate::plan::Rule;
use crate::transaction::expand::civil;
use crate::transaction::record::HIDDEN;
use crate::variable::Variable;
use foldhash::quality::RandomState;
use std::hash::BuildHasher as _;
use std::io::Write as _;

/// Letters of a boundary.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Bytes of a value or a parameter within a message.
const SHOWN_BYTES: usize = 200;

impl Record<'_> {
    pub(super) fn native(&self) -> Vec<u8> {
        let boundary = boundary(&self.scalar(Variable::UniqueId));
        let mut out = Vec::with_capacity(1024);
        for letter in *b"ABCDEFGHIJKZ" {
            if !self.own.audit_parts.has(letter) {
                continue;
            }
            let Some(text) = self.part(letter) else { continue };
            out.extend_from_slice(b"---");
            out.extend_from_slice(boundary.as_bytes());
            out.extend_from_slice(b"---");
            out.push(letter);
            out.extend_from_slice(b"--\n");
            out.extend_from_slice(&text);
            out.push(b'\n');
        }
        out
    }

    /// Without the boundary line; `None`: the part is left out.
    fn part(&self, letter: u8) -> Option<Vec<u8>> {
        let body = |body: Vec<u8>| (!body.is_empty()).then(|| [body, b"\n".to_vec()].concat());
        match letter {
            b'A' => Some(self.heading()),
            b'B' => {
                let method = self.scalar(Variable::RequestMethod);
                let protocol = self.scalar(Variable::RequestProtocol);
                let line = [method, self.target(), protocol].join(&b' ');
                Some(self.head(line, Side::Request))
            }
            b'C' => body(self.request_body()),
            b'E' => body(printable(&self.response_body(), false)),
            b'F' => {
                let mut line = self.scalar(Variable::ResponseProtocol);
                let _infallible = write!(line, " {}", self.status);
                Some(self.head(line, Side::Response))
            }
            b'H' => Some(self.messages()),
            b'I' if self.own.audit_parts.has(b'C') => None,
            b'I' => body(self.without_files()),
            b'J' => Some(self.files()),
            _ => Some(Vec::new()),
        }
    }

    fn without_files(&self) -> Vec<u8> {
        if self.own.state.files.is_empty() { self.request_body() } else { self.fields() }
    }

    fn heading(&self) -> Vec<u8> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let seconds = self.own.now_micros.div_euclid(1_000_000);
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let month =
            usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"");
        let clock = self.scalar(Variable::Time);
        let mut out = format!("[{day:02}/{month}/{year}:").into_bytes();
        out.extend_from_slice(&clock);
        out.extend_from_slice(b" +0000]");
        for variable in [
            Variable::UniqueId,
            Variable::RemoteAddr,
            Variable::RemotePort,
            Variable::ServerAddr,
            Variable::ServerPort,
        ] {
            out.push(b' ');
            out.extend_from_slice(&self.scalar(variable));
        }
        out.push(b'\n');
        out
    }

    fn head(&self, line: Vec<u8>, of: Side) -> Vec<u8> {
        let mut out = line;
        out.push(b'\n');
        for (name, value) in self.headers(of) {
            out.extend_from_slice(&name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(&value);
            out.push(b'\n');
        }
        out
    }

    fn files(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let state = &self.own.state;
        for (number, (file, size)) in (1..).zip(state.files.iter().zip(&state.files_sizes)) {
            let size = bstr::BStr::new(self.text(size.value));
            let name = printable(self.text(file.value), true);
            let _infallible = writeln!(out, "{number},{size},\"{}\"", bstr::BStr::new(&name));
        }
        out
    }

    fn messages(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for audited in &self.own.audit.matches {
            out.extend_from_slice(&printable(&self.message(audited), false));
            out.push(b'\n');
        }
        out
    }

    /// What matched, as `Matched "Operator …`.
    pub(super) fn matched(&self, audited: &Audited) -> Vec<u8> {
        if audited.operator.is_empty() {
            return Vec::new();
        }
        let cut =
            |text: &[u8]| text.get(..text.len().min(SHOWN_BYTES)).unwrap_or_default().to_vec();
        let value = if audited.found.data == HIDDEN {
            vec![b'*'; audited.value.len()]
        } else {
            self.hidden.anywhere(&audited.value)
        };
        [
            b"Matched \"Operator `".to_vec(),
            audited.operator.clone().into_bytes(),
            b"' with parameter `".to_vec(),
            cut(&audited.parameter),
            b"' against variable `".to_vec(),
            audited.found.variable.clone(),
            b"' (Value: `".to_vec(),
            cut(&printable(&value, false)),
            b"' )".to_vec(),
        ]
        .concat()
    }

    fn message(&self, audited: &Audited) -> Vec<u8> {
        let found = &audited.found;
        let mut out = b"ModSecurity: ".to_vec();
        let _infallible = match audited.ended {
            Some(status) => {
                write!(out, "Access denied with code {status} (phase {}). ", found.phase)
            }
            None => write!(out, "Warning. "),
        };
        out.extend_from_slice(&self.matched(audited));
        let hidden = |text: &[u8]| printable(&self.hidden.anywhere(text), true);
        let field = |out: &mut Vec<u8>, name: &str, value: &[u8]| {
            let _infallible = write!(out, " [{name} \"");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\"]");
        };
        let rule = self.rule(audited);
        let meta = rule.map(|rule| &rule.meta);
        let file = rule.map(|rule| rule.file.display().to_string()).unwrap_or_default();
        field(&mut out, "file", file.as_bytes());
        field(&mut out, "line", rule.map_or(0, |rule| rule.line).to_string().as_bytes());
        field(&mut out, "id", found.id.to_string().as_bytes());
        let text = |text: Option<&Option<Vec<u8>>>| text.cloned().flatten().unwrap_or_default();
        field(&mut out, "rev", &text(meta.map(|meta| &meta.revision)));
        field(&mut out, "msg", &self.hidden.anywhere(&found.message));
        field(&mut out, "data", &hidden(&found.data));
        field(&mut out, "severity", found.severity.unwrap_or(0).to_string().as_bytes());
        field(&mut out, "ver", &text(meta.map(|meta| &meta.version)));
        field(&mut out, "maturity", meta.map_or(0, |meta| meta.maturity).to_string().as_bytes());
        field(&mut out, "accuracy", meta.map_or(0, |meta| meta.accuracy).to_string().as_bytes());
        for tag in &found.tags {
            field(&mut out, "tag", &hidden(tag));
        }
        field(&mut out, "hostname", &self.scalar(Variable::ServerName));
        field(&mut out, "uri", &self.hidden.anywhere(&self.scalar(Variable::RequestFilename)));
        field(&mut out, "unique_id", &self.scalar(Variable::UniqueId));
        out
    }

    pub(super) fn rule(&self, audited: &Audited) -> Option<&Rule> {
        self.own.rules.rules.get(audited.rule)
    }
}

/// What is not printable as `\xHH`; with `special`, quotes and backslashes too.
fn printable(text: &[u8], special: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'"' | b'\\' if special => {
                let _infallible = write!(out, "\\x{byte:02x}");
            }
            32..=126 => out.push(byte),
            _ => {
                let _infallible = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out
}

/// Not to be guessed by whoever sends a body that looks like a record.
fn boundary(id: &[u8]) -> String {
    let mut number = RandomState::default().hash_one(id);
    let mut text = String::new();
    for _ in 0..8 {
        let letter = usize::try_from(number & 31).unwrap_or(0);
        text.push(char::from(LETTERS.get(letter).copied().unwrap_or(b'a')));
        number >>= 5;
    }
    text
}
