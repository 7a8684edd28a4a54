//! Lists of cases that are not as the suite expects, each with its reason.
//!
//! One case a line: `name: reason`. A case that is as expected must not stand here, and a line that
//! names no case of the suite is reported where the suite is complete.

use crate::Tally;
use std::collections::BTreeMap;

/// A list of exceptions.
#[derive(Debug)]
pub struct Exceptions(BTreeMap<String, String>);

impl Exceptions {
    /// Parses a list; `#` begins a comment line.
    pub fn parse(text: &str) -> Self {
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            lines
                .map(|line| line.split_once(": ").unwrap_or((line, "")))
                .map(|(name, reason)| (name.trim().to_owned(), reason.trim().to_owned()))
                .collect(),
        )
    }

    /// Problems of a run: cases that failed without an exception, exceptions that passed or that give
    /// no reason.
    pub fn problems(&self, tally: &Tally, ran: &dyn Fn(&str) -> bool) -> Vec<String> {
        let failed: BTreeMap<&str, &str> =
            tally.failed.iter().map(|(name, saw)| (name.as_str(), saw.as_str())).collect();
        let unexpected = failed
            .iter()
            .filter(|(name, _)| !self.0.contains_key(**name))
            .map(|(name, saw)| format!("{name}: {saw}"));
        let stale =
            self.0.keys().filter(|name| ran(name) && !failed.contains_key(name.as_str())).map(
                |name| format!("{name}: is excepted, and is as expected: take it off the list"),
            );
        let bare = self
            .0
            .iter()
            .filter(|(_, reason)| reason.is_empty())
            .map(|(name, _)| format!("{name}: is excepted without a reason"));
        unexpected.chain(stale).chain(bare).collect()
    }

    /// Number of exceptions.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_go_stale_loudly() {
        let list = Exceptions::parse("# why\na: differs\nb: passes now\nc\nd: not run\n");
        let mut tally = Tally::default();
        tally.case("a", Err("x".to_owned()));
        tally.case("b", Ok(()));
        tally.case("e", Err("y".to_owned()));
        let problems = list.problems(&tally, &|name| name != "d" && name != "c");
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("e: y"));
        assert!(problems[1].starts_with("b: is excepted"));
        assert!(problems[2].contains("without a reason"));
    }
}
