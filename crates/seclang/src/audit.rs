//! What the `SecAudit…` directives ask for. The engine makes the records; whoever runs it writes them.

use crate::regex::Regex;
use std::path::PathBuf;
use std::sync::Arc;

/// `SecAuditEngine`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AuditEngine {
    #[default]
    Off,
    On,
    /// Where a rule with `auditlog` matched, or the status is relevant.
    RelevantOnly,
}

/// `SecAuditLogFormat`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AuditFormat {
    #[default]
    Native,
    Json,
}

/// The parts of a record, a letter each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts(u32);

/// Letters that a record may have.
const LETTERS: &[u8] = b"ABCDEFGHIJKZ";

impl Parts {
    /// `ABCFHZ`; the first and the last are always there.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let known = |letter: &u8| LETTERS.contains(letter);
        if text.is_empty() || !text.bytes().all(|letter| known(&letter)) {
            return Err(format!(
                "`{text}` names no parts of an audit record: letters of ABCDEFGHIJKZ"
            ));
        }
        Ok(Self(text.bytes().fold(bit(b'A') | bit(b'Z'), |parts, letter| parts | bit(letter))))
    }

    /// `+E`, `-C` or a whole new list.
    pub(crate) fn change(self, text: &str) -> Result<Self, String> {
        match text.as_bytes().first() {
            Some(b'+') => {
                Self::parse(text.get(1..).unwrap_or_default()).map(|more| self.with(more))
            }
            Some(b'-') => {
                Self::parse(text.get(1..).unwrap_or_default()).map(|less| self.without(less))
            }
            _ => Self::parse(text),
        }
    }

    /// Both.
    fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    fn without(self, less: Self) -> Self {
        Self(self.0 & !less.0 | bit(b'A') | bit(b'Z'))
    }

    /// Whether a part is wanted.
    pub(crate) fn has(self, letter: u8) -> bool {
        self.0 & bit(letter) != 0
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self(b"ABCFHZ".iter().fold(0, |parts, &letter| parts | bit(letter)))
    }
}

fn bit(letter: u8) -> u32 {
    1 << u32::from(letter.saturating_sub(b'A').min(31))
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit {
    pub(crate) engine: AuditEngine,
    pub(crate) relevant: Option<Arc<Regex>>,
    pub(crate) parts: Parts,
    pub(crate) format: AuditFormat,
    /// `SecAuditLog`
    pub(crate) path: Option<PathBuf>,
}

impl Audit {
    /// Obeys a directive; `false` where it is none of these. Words are those of the language.
    pub(crate) fn obey(&mut self, directive: &str, value: &str) -> Result<bool, String> {
        let lower = value.to_ascii_lowercase();
        match directive {
            "secauditengine" => self.engine = engine(value)?,
            "secauditlogrelevantstatus" => {
                let regex = Regex::new(value.as_bytes(), false)
                    .map_err(|why| format!("regular expression does not compile: {why}"))?;
                self.relevant = Some(Arc::new(regex));
            }
            "secauditlogparts" => self.parts = self.parts.change(value)?,
            "secauditlogformat" => {
                self.format = match lower.as_str() {
                    "native" => AuditFormat::Native,
                    "json" => AuditFormat::Json,
                    _ => return Err(format!("the audit log is Native or JSON, not `{value}`")),
                }
            }
            "secauditlogtype" if lower == "serial" => {}
            "secauditlogtype" => {
                return Err(format!(
                    "`SecAuditLogType {value}` is refused: records are written one after the other into one file; use `Serial`"
                ));
            }
            "secauditlog" => self.path = Some(PathBuf::from(value)),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The words of `SecAuditEngine`.
pub(crate) fn engine(value: &str) -> Result<AuditEngine, String> {
    match value.to_ascii_lowercase().as_str() {
        "on" => Ok(AuditEngine::On),
        "off" => Ok(AuditEngine::Off),
        "relevantonly" => Ok(AuditEngine::RelevantOnly),
        _ => Err(format!("the audit engine is On, Off or RelevantOnly, not `{value}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: Parts) -> String {
        LETTERS
            .iter()
            .filter(|&&letter| parts.has(letter))
            .map(|&letter| char::from(letter))
            .collect()
    }

    #[test]
    fn parts_are_set_added_and_taken_away() {
        let default = Parts::default();
        for (text, expected) in [
            ("ABIJDEFHZ", "ABDEFHIJZ"),
            ("+E", "ABCEFHZ"),
            ("-CF", "ABHZ"),
            ("-AZ", "ABCFHZ"),
            ("H", "AHZ"),
        ] {
            assert_eq!(shown(default.change(text).unwrap()), expected, "{text}");
        }
        for bad in ["", "+", "AX", "a", "A B"] {
            assert!(default.change(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn directives() {
        let mut audit = Audit::default();
        for (directive, value) in [
            ("secauditengine", "relevantonly"),
            ("secauditlogrelevantstatus", "^5"),
            ("secauditlogformat", "json"),
            ("secauditlogtype", "Serial"),
            ("secauditlog", "/a"),
        ] {
            assert_eq!(audit.obey(directive, value), Ok(true), "{directive}");
        }
        assert_eq!((audit.engine, audit.format), (AuditEngine::RelevantOnly, AuditFormat::Json));
        assert_eq!(audit.obey("secother", ""), Ok(false));
        for (directive, value) in [
            ("secauditengine", "Maybe"),
            ("secauditlogrelevantstatus", "("),
            ("secauditlogformat", "XML"),
            ("secauditlogtype", "Concurrent"),
            ("secauditlogtype", "https"),
        ] {
            assert!(audit.obey(directive, value).is_err(), "{directive} {value}");
        }
    }
}
