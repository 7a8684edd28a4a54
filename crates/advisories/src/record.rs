//! What is known about holes, in the few words that a comparison needs.
//!
//! Invariant: every text in a record is short and printable, so that a line of the kept file is a line.

use burgrave_model::{Severity, compare_versions};
use std::collections::HashMap;

/// Longest text of a record.
const TEXT_MAX: usize = 160;

/// Until when a package is vulnerable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Before this version.
    Fixed(String),
    /// Up to this version and with it.
    Last(String),
    /// There is no fix.
    Open,
    /// Nobody has found out yet.
    Undetermined,
}

/// One hole of one package in one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// As `bookworm` or `Debian:12`.
    pub release: String,
    /// The source package.
    pub package: String,
    /// As `CVE-2024-6387`.
    pub id: String,
    /// Who says so, as `DSA-5724-1`; empty: the tracker itself.
    pub advisory: String,
    /// The first vulnerable version; empty: all from the beginning.
    pub since: String,
    /// Until when.
    pub until: Until,
    /// What it weighs, where that is said.
    pub severity: Option<Severity>,
}

/// Whether an installed version is vulnerable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affected {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody knows.
    Unknown,
}

impl Record {
    /// Whether a version is vulnerable.
    pub fn affects(&self, version: &str) -> Affected {
        if !self.since.is_empty() && compare_versions(version, &self.since).is_lt() {
            return Affected::No;
        }
        let is_in = match &self.until {
            Until::Fixed(fixed) => compare_versions(version, fixed).is_lt(),
            Until::Last(last) => compare_versions(version, last).is_le(),
            Until::Open => true,
            Until::Undetermined => return Affected::Unknown,
        };
        if is_in { Affected::Yes } else { Affected::No }
    }

    /// As a line of the kept file.
    pub(crate) fn line(&self) -> String {
        let until = match &self.until {
            Until::Fixed(version) => format!("<{version}"),
            Until::Last(version) => format!("={version}"),
            Until::Open => "*".to_owned(),
            Until::Undetermined => "?".to_owned(),
        };
        let severity = self.severity.map_or("-", Severity::id);
        let Self { release, package, id, advisory, since, .. } = self;
        format!("{release}\t{package}\t{id}\t{advisory}\t{since}\t{until}\t{severity}")
    }

    /// A line of the kept file.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || cells.next();
        let (release, package, id, advisory, since) = (next()?, next()?, next()?, next()?, next()?);
        let (until, severity) = (next()?, next()?);
        let until = match until.split_at_checked(1)? {
            ("<", version) => Until::Fixed(version.to_owned()),
            ("=", version) => Until::Last(version.to_owned()),
            ("*", "") => Until::Open,
            ("?", "") => Until::Undetermined,
            _ => return None,
        };
        let severity = if severity == "-" { None } else { Some(severity_of(&severity)?) };
        Some(Self { release, package, id, advisory, since, until, severity })
    }
}

/// A weight by its name.
pub(crate) fn severity_of(word: &str) -> Option<Severity> {
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|severity| severity.id() == word)
}

/// A text that may stand in a record; `None` where it is long or not printable.
pub(crate) fn clean(text: &str) -> Option<String> {
    let good = text.len() <= TEXT_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned())
}

/// Whether it is the number of a hole.
pub(crate) fn is_cve(text: &str) -> bool {
    text.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        year.len() == 4 && digits(year) && (4..=10).contains(&number.len()) && digits(number)
    })
}

/// A hole that is known to be attacked (CISA's catalogue).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploited {
    /// When it was listed, as `2024-07-01`.
    pub since: String,
    /// Ransomware uses it.
    pub by_ransomware: bool,
}

/// Everything that was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Data {
    /// Of Debian's security tracker.
    pub tracker: Option<Holes>,
    /// Of OSV.
    pub osv: Option<Holes>,
    /// What is attacked.
    pub exploited: Option<Table<Exploited>>,
    /// How likely an attack is within a month, in millionths (EPSS).
    pub likely: Option<Table<u32>>,
}

/// What is kept about one import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// When it was imported, in seconds since 1970.
    pub imported: i64,
    /// When it was made, as the file says; empty: it does not.
    pub made: String,
    /// Entries that could not be taken.
    pub skipped: usize,
}

/// Holes of packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holes {
    /// Where they come from.
    pub stamp: Stamp,
    /// Releases that are covered, also where nothing in them is vulnerable.
    pub releases: Vec<String>,
    /// Each of them.
    pub records: Vec<Record>,
}

/// Something by the numbers of holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<T> {
    /// Where it comes from.
    pub stamp: Stamp,
    /// By number.
    pub rows: HashMap<String, T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { stamp: Stamp::default(), rows: HashMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(since: &str, until: Until) -> Record {
        let text = str::to_owned;
        let (release, package, id) = (text("bookworm"), text("openssh"), text("CVE-2024-6387"));
        let severity = Some(Severity::High);
        Record {
            release,
            package,
            id,
            advisory: String::new(),
            since: text(since),
            until,
            severity,
        }
    }

    #[test]
    fn versions_are_compared_as_dpkg_does() {
        let fixed = Until::Fixed("1:9.2p1-2+deb12u3".to_owned());
        for (since, until, version, wanted) in [
            ("", fixed.clone(), "1:9.2p1-2+deb12u2", Affected::Yes),
            ("", fixed.clone(), "1:9.2p1-2+deb12u3", Affected::No),
            ("1:9.0", fixed, "1:8.4p1-5", Affected::No),
            ("", Until::Last("2".to_owned()), "2", Affected::Yes),
            ("", Until::Last("2".to_owned()), "2.0.1", Affected::No),
            ("", Until::Open, "1", Affected::Yes),
            ("", Until::Undetermined, "1", Affected::Unknown),
        ] {
            assert_eq!(record(since, until).affects(version), wanted, "{since} {version}");
        }
    }

    #[test]
    fn a_record_is_one_line_and_comes_back() {
        for until in [
            Until::Fixed("1~2".to_owned()),
            Until::Last("3".to_owned()),
            Until::Open,
            Until::Undetermined,
        ] {
            let record = record("0.1", until);
            assert_eq!(Record::parse(&record.line()), Some(record));
        }
        for bad in
            ["", "a\tb", "a\tb\tc\td\te\t!1\t-", "a\tb\tc\td\te\t<1\thuge", "a\tb\tc\td\te\t\t-"]
        {
            assert_eq!(Record::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_short_printable_words_and_real_numbers_are_taken() {
        assert!(clean("1:2.3-4+deb12u1").is_some() && clean("").is_some());
        for bad in ["a b", "a\tb", "a\n", "ä", "\u{1b}", &"x".repeat(200)] {
            assert!(clean(bad).is_none(), "{bad:?}");
        }
        assert!(
            is_cve("CVE-2024-6387")
                && !is_cve("CVE-24-6387")
                && !is_cve("CVE-2024-x")
                && !is_cve("DSA-1")
        );
    }
}
