//! Answers and weights.

use serde::Serialize;
use std::fmt;

/// The three answers of a check. "Could not look" is `Unknown` and never becomes `Pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The weakness is there.
    Fail,
    /// It could not be looked at.
    Unknown,
    /// It was looked at and is in order.
    Pass,
}

/// How much a finding or an attack weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// To be mended when convenient.
    Low,
    /// To be mended soon.
    Medium,
    /// To be mended today.
    High,
    /// To be mended now.
    Critical,
}

impl Severity {
    /// The word used in every output.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// What the rule engine does with an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Refuses it, with a record.
    Block,
    /// Lets it through, with a record.
    Detect,
    /// Does not look.
    Off,
}

/// A kind of application, by which the rule engine's rules are set and narrowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// The rule files alone.
    #[default]
    None,
    /// REST interfaces and trading applications.
    Trading,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_rise() {
        assert!(Severity::Info < Severity::Low);
        assert!(Severity::High < Severity::Critical);
        assert_eq!(format!("{:>8}", Severity::Low), "     low");
    }
}
