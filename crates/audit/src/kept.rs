//! The faults of the last audit as they are kept, and what is different since.
//!
//! Invariants: only differences are told; a fault that cannot be looked at any more is not gone but unseen; numbers in a
//! title (days, process ids, versions) do not make it another fault, where it stands and its port do.

use crate::Report;
use burgrave_model::{Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Faults that are kept.
const FAULTS_MAX: usize = 50_000;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The check's id.
    pub id: String,
    /// Its safeguard.
    pub safeguard: String,
    /// Its weight, by name.
    pub severity: String,
    /// In one sentence.
    pub title: String,
    /// What was seen where, a line each.
    pub evidence: Vec<String>,
    /// By which it is known again.
    key: String,
}

/// One audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    version: u32,
    /// When, in seconds since 1970.
    pub time: i64,
    /// The host's name.
    pub host: String,
    /// What failed.
    pub faults: Vec<Fault>,
    /// Checks that could not look.
    pub unknown: BTreeSet<String>,
}

/// How something is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum News {
    /// A fault that was not there.
    New,
    /// A fault that weighs more than it did.
    Heavier,
    /// A check that looked before and cannot now; its faults are as they were, as far as anybody knows.
    Unseen,
    /// A fault that is there no more.
    Gone,
}

impl News {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Heavier => "heavier",
            Self::Unseen => "unseen",
            Self::Gone => "gone",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub news: News,
    /// The fault; of an unseen check one without evidence.
    pub fault: Fault,
}

impl Kept {
    /// What is kept of a report.
    pub fn of(report: &Report) -> Self {
        let fails = report.findings.iter().filter(|finding| finding.verdict == Verdict::Fail);
        let unknown = report.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
        let fault = |finding: &crate::Finding| {
            let first = finding.evidence.first();
            let path = first.and_then(|own| own.path.clone()).unwrap_or_default();
            let port = first.and_then(|own| own.port.clone()).unwrap_or_default();
            Fault {
                id: finding.id.to_owned(),
                safeguard: finding.safeguard.to_string(),
                severity: finding.severity.id().to_owned(),
                title: finding.title.clone(),
                evidence: finding.evidence.iter().take(8).map(crate::Evidence::line).collect(),
                key: format!("{} {} {path} {port}", finding.id, without_numbers(&finding.title)),
            }
        };
        Self {
            version: 1,
            time: report.time.seconds(),
            host: report.host.clone(),
            faults: fails.take(FAULTS_MAX).map(fault).collect(),
            unknown: unknown.map(|finding| finding.id.to_owned()).collect(),
        }
    }

    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was kept; `None` where it is not ours or not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes).ok().filter(|kept| kept.version == 1)
    }

    /// What is different afterwards, the heaviest first of each kind.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let (before, after) = (by_key(self), by_key(now));
        let mut out = Vec::new();
        for (key, faults) in &after {
            let known = before.get(key).map_or(&[][..], Vec::as_slice);
            // Faults that look alike are told apart by their number alone.
            for (index, fault) in faults.iter().enumerate() {
                let news = match known.get(index) {
                    None => News::New,
                    Some(old) if weight(fault) > weight(old) => News::Heavier,
                    Some(_) => continue,
                };
                out.push(Change { news, fault: (*fault).clone() });
            }
        }
        for (key, faults) in &before {
            let left = after.get(key).map_or(0, Vec::len);
            for fault in faults.iter().skip(left) {
                if !now.unknown.contains(&fault.id) {
                    out.push(Change { news: News::Gone, fault: (*fault).clone() });
                }
            }
        }
        for id in now.unknown.difference(&self.unknown) {
            let check = crate::ALL.iter().find(|check| check.id == id);
            out.push(Change {
                news: News::Unseen,
                fault: Fault {
                    id: id.clone(),
                    safeguard: check.map(|check| check.safeguard.to_string()).unwrap_or_default(),
                    severity: Severity::Info.id().to_owned(),
                    title: "the check cannot look any more".to_owned(),
                    evidence: Vec::new(),
                    key: id.clone(),
                },
            });
        }
        out.sort_by(|a, b| {
            (a.news, std::cmp::Reverse(weight(&a.fault)), &a.fault.key).cmp(&(
                b.news,
                std::cmp::Reverse(weight(&b.fault)),
                &b.fault.key,
            ))
        });
        out
    }
}

fn by_key(kept: &Kept) -> BTreeMap<&str, Vec<&Fault>> {
    let mut all: BTreeMap<&str, Vec<&Fault>> = BTreeMap::new();
    for fault in &kept.faults {
        all.entry(&fault.key).or_default().push(fault);
    }
    all
}

impl Fault {
    /// Its weight; what is not known counts as info.
    pub fn weight(&self) -> Severity {
        weight(self)
    }
}

fn weight(fault: &Fault) -> Severity {
    let all = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|own| own.id() == fault.severity).unwrap_or(Severity::Info)
}

/// A title with each run of digits as one sign.
fn without_numbers(title: &str) -> String {
    let mut out = String::new();
    for letter in title.chars() {
        if !letter.is_ascii_digit() {
            out.push(letter);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// The differences for people, a line each.
pub fn changes_text(changes: &[Change]) -> String {
    let mut out = String::new();
    for Change { news, fault } in changes {
        out.push_str(&format!(
            "{:<8} {:<8} {} ({})\n",
            news.word(),
            fault.severity,
            fault.title,
            fault.id
        ));
        for line in fault.evidence.iter().take(3) {
            out.push_str(&format!("                  {line}\n"));
        }
    }
    out
}

/// The differences for programs.
pub fn changes_json(host: &str, since: i64, changes: &[Change]) -> String {
    let rows: Vec<serde_json::Value> = changes
        .iter()
        .map(|Change { news, fault }| {
            serde_json::json!({
                "change": news,
                "id": fault.id,
                "safeguard": fault.safeguard,
                "severity": fault.severity,
                "title": fault.title,
                "evidence": fault.evidence,
            })
        })
        .collect();
    let value = serde_json::json!({ "version": 1, "host": host, "since": since, "changes": rows });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::{Ground, audit};
    use burgrave_sys::{Fake, Refusal};

    fn kept(fake: &Fake) -> Kept {
        Kept::of(&audit(&Facts::new(fake, Ground::Tree)))
    }

    fn fake(sshd: &str) -> Fake {
        let fake = Fake::new();
        fake.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n").file("/etc/ssh/sshd_config", sshd);
        fake
    }

    /// `word id` of each difference that is about sshd's empty passwords.
    fn told(before: &Kept, after: &Kept) -> Vec<String> {
        let all = before.changes(after);
        let own = all.iter().filter(|change| change.fault.id == "ssh-empty-passwords");
        own.map(|change| change.news.word().to_owned()).collect()
    }

    #[test]
    fn only_what_is_different_is_told() {
        let (good, bad) =
            (kept(&fake("PermitEmptyPasswords no\n")), kept(&fake("PermitEmptyPasswords yes\n")));
        assert!(bad.changes(&bad).is_empty() && good.changes(&good).is_empty());
        assert_eq!(told(&good, &bad), ["new"]);
        assert_eq!(told(&bad, &good), ["gone"]);
        let closed = fake("PermitEmptyPasswords yes\n");
        closed.refuse("/etc/ssh/sshd_config", Refusal::Denied);
        assert_eq!(told(&bad, &kept(&closed)), ["unseen"], "it is not gone");
        assert_eq!(told(&kept(&closed), &bad), ["new"]);
    }

    #[test]
    fn a_fault_is_known_again_by_its_place_and_not_by_its_numbers() {
        let fault = |title: &str, path: &str, severity: &str| Fault {
            id: "a".to_owned(),
            safeguard: "logs".to_owned(),
            severity: severity.to_owned(),
            title: title.to_owned(),
            evidence: Vec::new(),
            key: format!("a {} {path} ", without_numbers(title)),
        };
        let of = |faults: &[Fault]| Kept { version: 1, faults: faults.to_vec(), ..Kept::default() };
        let before = of(&[fault("the lists are 9 days old", "/a", "low")]);
        assert!(before.changes(&of(&[fault("the lists are 10 days old", "/a", "low")])).is_empty());
        let words = |now: &[Fault]| -> Vec<&str> {
            before.changes(&of(now)).iter().map(|change| change.news.word()).collect()
        };
        assert_eq!(words(&[fault("the lists are 9 days old", "/b", "low")]), ["new", "gone"]);
        assert_eq!(words(&[fault("the lists are 9 days old", "/a", "high")]), ["heavier"]);
        let twice = [
            fault("the lists are 9 days old", "/a", "low"),
            fault("the lists are 8 days old", "/a", "low"),
        ];
        assert_eq!(words(&twice), ["new"]);
        assert_eq!(words(&[]), ["gone"]);
    }

    #[test]
    fn what_is_kept_comes_back_and_is_shown() {
        let bad = kept(&fake("PermitEmptyPasswords yes\n"));
        assert_eq!(Kept::parse(bad.text().as_bytes()), Some(bad.clone()));
        for other in ["", "{}", "[]", "{\"version\":2}"] {
            assert_eq!(Kept::parse(other.as_bytes()), None, "{other}");
        }
        let changes = kept(&fake("")).changes(&bad);
        let text = changes_text(&changes);
        assert!(
            text.contains("new      critical") && text.contains("(ssh-empty-passwords)"),
            "{text}"
        );
        assert!(text.contains("/etc/ssh/sshd_config:1"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&changes_json("h", 7, &changes)).unwrap();
        assert_eq!((&json["since"], &json["changes"][0]["change"]), (&7.into(), &"new".into()));
    }
}
