//! Installed software and advisories together: what is vulnerable, the most pressing first.
//!
//! Invariants: a release that no data covers has no answer; what is unknown weighs as the worst that it can be, and the
//! order of equal holes is always the same.

use crate::installed::{Exposure, Host};
use crate::record::{Affected, Data, Exploited, Holes, Record, Until};
use burgrave_audit::facts::Reach;
use burgrave_model::{Severity, compare_versions};
use std::collections::BTreeMap;

/// One hole in what is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// As `CVE-2024-6387`.
    pub id: String,
    /// Who says so, as `DSA-5724-1`; empty: the tracker itself.
    pub advisory: String,
    /// The source package.
    pub source: String,
    /// Its installed packages.
    pub packages: Vec<String>,
    /// The installed version of the source.
    pub version: String,
    /// The first version without it; `None`: there is none yet.
    pub fixed: Option<String>,
    /// Whether it is certain.
    pub affected: Affected,
    /// What it weighs, where that is known.
    pub severity: Option<Severity>,
    /// How likely an attack within a month is, in millionths, where that is known.
    pub likely: Option<u32>,
    /// That it is attacked.
    pub exploited: Option<Exploited>,
    /// From where it is reached.
    pub exposure: Exposure,
    /// All of it in one number.
    pub weight: Weight,
}

/// Exposure × attacked × likely × severity, each by a table. Larger is more pressing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(pub u64);

impl Weight {
    fn of(hole: &Hole, knows_likely: bool) -> Self {
        let exposure = match hole.exposure {
            Exposure::Listens(Reach::Outside) | Exposure::Unknown => 100,
            Exposure::Listens(Reach::Inside) => 70,
            Exposure::Listens(Reach::Filtered | Reach::Local) => 30,
            Exposure::Silent => 10,
        };
        let attacked = match &hole.exploited {
            Some(Exploited { by_ransomware: true, .. }) => 6,
            Some(_) => 5,
            None => 1,
        };
        // A hole that the data does not know is new; one in a hundred is what most are below.
        let unknown = if knows_likely { 10_000 } else { 100_000 };
        let likely = u64::from(hole.likely.unwrap_or(unknown)) / 1_000 + 20;
        let severity = match hole.severity {
            Some(Severity::Critical) => 10,
            Some(Severity::High) | None => 7,
            Some(Severity::Medium) => 4,
            Some(Severity::Low) => 2,
            Some(Severity::Info) => 1,
        };
        Self(exposure * attacked * likely * severity)
    }
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Which data covers the release: `tracker`, `osv`. Empty: none, and nothing is known.
    pub covered_by: Vec<&'static str>,
    /// What is or may be vulnerable, the most pressing first.
    pub holes: Vec<Hole>,
    /// Packages that were compared.
    pub packages: usize,
}

impl Comparison {
    /// Whether anything can be said at all.
    pub fn is_covered(&self) -> bool {
        !self.covered_by.is_empty()
    }

    /// Holes that are certain.
    pub fn certain(&self) -> usize {
        self.holes.iter().filter(|hole| hole.affected == Affected::Yes).count()
    }
}

/// Compares what is installed with what is known.
pub fn compare(host: &Host, data: &Data) -> Comparison {
    let mut comparison = Comparison { packages: host.packages.len(), ..Comparison::default() };
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in host.packages.values() {
        by_source.entry(&package.source).or_default().push(&package.name);
    }
    let mut found: BTreeMap<(String, String), Hole> = BTreeMap::new();
    for (name, holes) in [("tracker", &data.tracker), ("osv", &data.osv)] {
        let Some(holes) = holes else { continue };
        if !covers(host, holes) {
            continue;
        }
        comparison.covered_by.push(name);
        for record in holes.records.iter().filter(|record| host.is_of(&record.release)) {
            if let Some(names) = by_source.get(record.package.as_str()) {
                take(host, record, names, &mut found);
            }
        }
    }
    for mut hole in found.into_values() {
        hole.likely = data.likely.as_ref().and_then(|table| table.rows.get(&hole.id).copied());
        hole.exploited =
            data.exploited.as_ref().and_then(|table| table.rows.get(&hole.id).cloned());
        hole.weight = Weight::of(&hole, data.likely.is_some());
        comparison.holes.push(hole);
    }
    // What is certain first among equals; then by name.
    comparison.holes.sort_by(|a, b| {
        let key = |hole: &Hole| (std::cmp::Reverse(hole.weight), hole.affected != Affected::Yes);
        key(a).cmp(&key(b)).then_with(|| (&a.source, &a.id).cmp(&(&b.source, &b.id)))
    });
    comparison
}

fn covers(host: &Host, holes: &Holes) -> bool {
    holes.releases.iter().any(|release| host.is_of(release))
}

fn take(
    host: &Host,
    record: &Record,
    names: &[&str],
    found: &mut BTreeMap<(String, String), Hole>,
) {
    for name in names {
        let Some(package) = host.packages.get(*name) else { continue };
        let affected = record.affects(&package.source_version);
        if affected == Affected::No {
            continue;
        }
        let fixed = match &record.until {
            Until::Fixed(version) => Some(version.clone()),
            Until::Last(_) | Until::Open | Until::Undetermined => None,
        };
        let exposure = host.exposure(name);
        let key = (record.package.clone(), record.id.clone());
        let hole = found.entry(key).or_insert_with(|| Hole {
            id: record.id.clone(),
            advisory: record.advisory.clone(),
            source: record.package.clone(),
            packages: Vec::new(),
            version: package.source_version.clone(),
            fixed: None,
            affected,
            severity: None,
            likely: None,
            exploited: None,
            exposure,
            weight: Weight::default(),
        });
        if !hole.packages.iter().any(|known| known == name) {
            hole.packages.push((*name).to_owned());
        }
        if hole.advisory.is_empty() {
            hole.advisory.clone_from(&record.advisory);
        }
        if affected == Affected::Yes {
            hole.affected = Affected::Yes;
        }
        hole.severity = hole.severity.max(record.severity);
        hole.exposure = hole.exposure.max(exposure);
        if let Some(fixed) = fixed
            && hole.fixed.as_ref().is_none_or(|known| compare_versions(known, &fixed).is_lt())
        {
            hole.fixed = Some(fixed);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::installed::tests::fake;
    use crate::record::{Stamp, Table};
    use burgrave_audit::{Facts, Ground};

    fn record(
        release: &str,
        package: &str,
        id: &str,
        until: Until,
        severity: Option<Severity>,
    ) -> Record {
        let text = str::to_owned;
        Record {
            release: text(release),
            package: text(package),
            id: text(id),
            advisory: String::new(),
            since: String::new(),
            until,
            severity,
        }
    }

    fn holes(releases: &[&str], records: Vec<Record>) -> Holes {
        let releases = releases.iter().map(|release| (*release).to_owned()).collect();
        Holes { stamp: Stamp::default(), releases, records }
    }

    pub(crate) fn data() -> Data {
        let fixed = |version: &str| Until::Fixed(version.to_owned());
        let tracker = vec![
            record("bookworm", "openssl", "CVE-2024-0001", fixed("3.0.11-1"), Some(Severity::High)),
            record("bookworm", "redis", "CVE-2024-0002", Until::Open, Some(Severity::High)),
            record("bookworm", "vim", "CVE-2024-0003", fixed("2:9.1"), Some(Severity::Critical)),
            record("bookworm", "glibc", "CVE-2024-0004", fixed("2.36-9"), Some(Severity::Critical)),
            record("bookworm", "nginx", "CVE-2024-0005", Until::Undetermined, None),
            record("bullseye", "nginx", "CVE-2024-0006", Until::Open, Some(Severity::Critical)),
            record("bookworm", "apache2", "CVE-2024-0007", Until::Open, Some(Severity::Critical)),
        ];
        let exploited = Exploited { since: "2024-01-01".to_owned(), by_ransomware: false };
        Data {
            tracker: Some(holes(&["bookworm", "bullseye"], tracker)),
            osv: None,
            exploited: Some(Table {
                rows: [("CVE-2024-0001".to_owned(), exploited)].into(),
                ..Table::default()
            }),
            likely: Some(Table {
                rows: [
                    ("CVE-2024-0001".to_owned(), 900_000),
                    ("CVE-2024-0002".to_owned(), 900_000),
                ]
                .into(),
                ..Table::default()
            }),
        }
    }

    fn compared(data: &Data) -> Comparison {
        let fake = fake();
        compare(&crate::host(&Facts::new(&fake, Ground::Running)).unwrap(), data)
    }

    #[test]
    fn the_most_pressing_comes_first() {
        let found = compared(&data());
        let shape: Vec<_> =
            found.holes.iter().map(|hole| (hole.id.as_str(), hole.exposure)).collect();
        assert_eq!(
            shape,
            [
                ("CVE-2024-0001", Exposure::Listens(Reach::Outside)),
                ("CVE-2024-0002", Exposure::Listens(Reach::Local)),
                ("CVE-2024-0005", Exposure::Listens(Reach::Outside)),
                ("CVE-2024-0003", Exposure::Silent),
            ]
        );
        assert_eq!((found.certain(), found.covered_by.as_slice()), (3, &["tracker"][..]));
        assert_eq!(found.holes[0].packages, ["libssl3"]);
        assert_eq!(found.holes[0].fixed.as_deref(), Some("3.0.11-1"));
        assert_eq!(found.holes[2].affected, Affected::Unknown);
        // The version of the source counts, not that of a rebuilt package.
        assert!(!shape.iter().any(|(id, _)| *id == "CVE-2024-0004"));
    }

    #[test]
    fn each_factor_moves_a_hole() {
        let base = compared(&data()).holes[1].clone();
        let weight = |change: &dyn Fn(&mut Hole)| {
            let mut hole = base.clone();
            change(&mut hole);
            Weight::of(&hole, true)
        };
        let before = weight(&|_| {});
        assert!(weight(&|hole| hole.exposure = Exposure::Listens(Reach::Inside)) > before);
        assert!(weight(&|hole| hole.exposure = Exposure::Unknown) > before);
        assert!(weight(&|hole| hole.exposure = Exposure::Silent) < before);
        let row = Exploited { since: String::new(), by_ransomware: false };
        assert!(weight(&|hole| hole.exploited = Some(row.clone())) > before);
        assert!(weight(&|hole| hole.likely = Some(1_000)) < before);
        assert!(weight(&|hole| hole.likely = None) < before);
        assert!(weight(&|hole| hole.severity = Some(Severity::Critical)) > before);
        assert_eq!(weight(&|hole| hole.severity = None), before, "unknown weighs as high");
    }

    #[test]
    fn a_release_that_no_data_covers_has_no_answer() {
        for data in [
            Data::default(),
            Data { tracker: Some(holes(&["bullseye"], Vec::new())), ..Data::default() },
            Data { osv: Some(holes(&["Debian:11", "Ubuntu:12"], Vec::new())), ..Data::default() },
            Data { tracker: None, ..data() },
        ] {
            let found = compared(&data);
            assert!(!found.is_covered() && found.holes.is_empty());
        }
        let clean =
            compared(&Data { tracker: Some(holes(&["bookworm"], Vec::new())), ..Data::default() });
        assert!(clean.is_covered() && clean.holes.is_empty());
    }

    #[test]
    fn two_sources_say_one_hole_once() {
        let mut data = data();
        let mut again = record(
            "Debian:12",
            "openssl",
            "CVE-2024-0001",
            Until::Fixed("3.0.12-1".to_owned()),
            Some(Severity::Critical),
        );
        again.advisory = "DSA-1-1".to_owned();
        data.osv = Some(holes(&["Debian:12"], vec![again]));
        let found = compared(&data);
        let hole = &found.holes[0];
        assert_eq!(found.holes.iter().filter(|hole| hole.id == "CVE-2024-0001").count(), 1);
        assert_eq!(
            (hole.fixed.as_deref(), hole.severity),
            (Some("3.0.12-1"), Some(Severity::Critical))
        );
        assert_eq!((hole.advisory.as_str(), found.covered_by.len()), ("DSA-1-1", 2));
    }

    #[test]
    fn a_hole_of_several_packages_is_one_and_as_exposed_as_the_most_exposed() {
        let fake = fake();
        let status = String::from_utf8(
            burgrave_sys::System::read(
                &fake,
                std::path::Path::new("/var/lib/dpkg/status"),
                1 << 20,
            )
            .unwrap(),
        )
        .unwrap();
        let more = "Package: openssl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.9-1\n";
        fake.file("/var/lib/dpkg/status", format!("{status}{more}"));
        let host = crate::host(&Facts::new(&fake, Ground::Running)).unwrap();
        let found = compare(&host, &data());
        let hole = found.holes.iter().find(|hole| hole.id == "CVE-2024-0001").unwrap();
        assert_eq!(hole.packages, ["libssl3", "openssl"]);
        assert_eq!(hole.exposure, Exposure::Listens(Reach::Outside));
    }

    #[test]
    fn the_same_data_gives_the_same_order() {
        let mut data = data();
        let first = compared(&data);
        if let Some(tracker) = &mut data.tracker {
            tracker.records.reverse();
        }
        assert_eq!(compared(&data).holes, first.holes);
        let weights: Vec<Weight> = first.holes.iter().map(|hole| hole.weight).collect();
        assert!(weights.windows(2).all(|pair| pair[0] >= pair[1]), "{weights:?}");
    }

    #[test]
    fn what_attacks_a_hole_counts_only_for_that_hole() {
        let mut data = data();
        data.exploited = None;
        data.likely = None;
        let found = compared(&data);
        assert!(found.holes.iter().all(|hole| hole.exploited.is_none() && hole.likely.is_none()));
        assert_eq!(found.holes.len(), compared(&self::data()).holes.len(), "none is lost");
    }
}
