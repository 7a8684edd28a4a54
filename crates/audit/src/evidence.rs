//! What was seen where: the ground that a finding stands on.
//!
//! Invariants: text of the host is shown, never interpreted; control characters are escaped where it
//! is made, so that a name with a newline or a terminal's command is only a text in every output.

use crate::facts::Place;
use serde::Serialize;
use std::path::Path;

/// Most characters of a line that are shown.
const TEXT_MAX: usize = 240;

/// One thing that was seen. What does not apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// A file or directory of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A line of it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Address and port, as in `tcp 0.0.0.0:6379`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// A process, as in `redis-server (pid 71, user redis)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// What it says, or a fact about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Evidence {
    /// A fact about a path.
    pub fn path(path: &Path, text: impl AsRef<str>) -> Self {
        Self { path: Some(shown_path(path)), text: shown(text.as_ref()), ..Self::default() }
    }

    /// A line of a file.
    pub fn at(place: &Place, text: impl AsRef<str>) -> Self {
        Self { line: (place.line > 0).then_some(place.line), ..Self::path(&place.path, text) }
    }

    /// A fact without a place.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self { text: shown(text.as_ref()), ..Self::default() }
    }

    /// The same with a process.
    #[must_use]
    pub fn with_process(mut self, process: impl AsRef<str>) -> Self {
        self.process = Some(shown(process.as_ref()));
        self
    }

    /// The same with a port.
    #[must_use]
    pub fn with_port(mut self, port: impl Into<String>) -> Self {
        self.port = Some(port.into());
        self
    }

    /// In one line for people.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(path) = &self.path {
            let line = self.line.map_or_else(String::new, |line| format!(":{line}"));
            parts.push(format!("{path}{line}"));
        }
        parts.extend(self.port.clone());
        parts.extend(self.process.clone());
        if !self.text.is_empty() {
            parts.push(self.text.clone());
        }
        parts.join("  ")
    }
}

impl From<Evidence> for Vec<Evidence> {
    fn from(evidence: Evidence) -> Self {
        vec![evidence]
    }
}

/// A text of the host, cut and with its control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, letter) in text.trim().chars().enumerate() {
        if count >= TEXT_MAX {
            out.push('…');
            break;
        }
        if letter == '\t' {
            out.push(' ');
        } else if letter.is_control() || is_invisible(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Letters that change how their neighbours are shown (Unicode's bidirectional controls and the like).
const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A path, whatever its bytes are.
pub(crate) fn shown_path(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let text = crate::facts::text_of(path.as_os_str().as_bytes());
    let mut out = String::new();
    for letter in text.chars().take(4096) {
        if letter.is_control() || is_invisible(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn names_of_the_host_cannot_break_an_output() {
        for (bytes, wanted) in [
            (&b"/a/b"[..], "/a/b"),
            (b"/a\nb", "/a\\nb"),
            (b"/\x1b[2J", "/\\u{1b}[2J"),
            (b"/\xff\xfe", "/\\xff\\xfe"),
            ("/\u{202e}gpj".as_bytes(), "/\\u{202e}gpj"),
        ] {
            assert_eq!(shown_path(Path::new(OsStr::from_bytes(bytes))), wanted);
        }
        assert_eq!(shown("  a\tb\r "), "a b");
        assert!(shown(&"x".repeat(10_000)).chars().count() <= TEXT_MAX + 1);
    }

    #[test]
    fn a_line_says_only_what_is_known() {
        let place = Place { path: std::sync::Arc::from(Path::new("/etc/x")), line: 7 };
        assert_eq!(Evidence::at(&place, "a b").line(), "/etc/x:7  a b");
        let socket = Evidence::text("").with_port("tcp 0.0.0.0:1").with_process("x (pid 2)");
        assert_eq!(socket.line(), "tcp 0.0.0.0:1  x (pid 2)");
        assert_eq!(serde_json::to_string(&Evidence::text("x")).unwrap(), r#"{"text":"x"}"#);
    }
}
