//! OSV (`ossf.github.io/osv-schema`): one advisory, its packages and the versions that are affected.

use super::json_error;
use crate::cvss;
use crate::record::{Holes, Record, Until, clean, is_cve, severity_of};
use burgrave_model::Severity;
use serde::Deserialize;
use serde_json::Value;

/// Numbers of one advisory.
const NUMBERS_MAX: usize = 500;
/// Ranges and single versions of one package.
const RANGES_MAX: usize = 2_000;

#[derive(Deserialize)]
struct Advisory {
    id: String,
    #[serde(default)]
    modified: String,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    affected: Option<Vec<Package>>,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct Package {
    #[serde(rename = "package", default)]
    name: Option<Name>,
    #[serde(default)]
    severity: Option<Vec<Score>>,
    #[serde(default)]
    ranges: Option<Vec<Range>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    ecosystem_specific: Option<Value>,
}

#[derive(Deserialize)]
struct Name {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

/// Takes one advisory; says how many of its packages are of systems that are not compared here.
pub(super) fn read(text: &[u8], holes: &mut Holes) -> Result<usize, String> {
    let advisory: Advisory = serde_json::from_slice(text).map_err(|error| json_error(&error))?;
    if let Some(day) = advisory.modified.get(..10).and_then(clean)
        && day > holes.stamp.made
    {
        holes.stamp.made = day;
    }
    if advisory.withdrawn.is_some() {
        return Ok(0);
    }
    let (ids, overall) = (numbers(&advisory), weight(advisory.severity.as_deref()));
    let mut foreign = 0;
    for package in advisory.affected.unwrap_or_default() {
        let Some(name) = &package.name else {
            holes.stamp.skipped += 1;
            continue;
        };
        if !["Debian", "Ubuntu"].iter().any(|own| name.ecosystem.split(':').next() == Some(own)) {
            foreign += 1;
            continue;
        }
        let severity =
            weight(package.severity.as_deref()).or(overall).or_else(|| urgency(&package));
        match (clean(&name.ecosystem), clean(&name.name), clean(&advisory.id), ranges(&package)) {
            (Some(release), Some(name), Some(id), Some(ranges)) if !ids.is_empty() => {
                if !holes.releases.contains(&release) {
                    holes.releases.push(release.clone());
                }
                for number in &ids {
                    holes.records.extend(ranges.iter().map(|(since, until)| Record {
                        release: release.clone(),
                        package: name.clone(),
                        id: number.clone(),
                        advisory: id.clone(),
                        since: since.clone(),
                        until: until.clone(),
                        severity,
                    }));
                }
            }
            _ => holes.stamp.skipped += 1,
        }
    }
    Ok(foreign)
}

/// The holes that an advisory is about; its own id where it names none.
fn numbers(advisory: &Advisory) -> Vec<String> {
    let own = advisory.id.strip_prefix("DEBIAN-").or_else(|| advisory.id.strip_prefix("UBUNTU-"));
    let own = own.unwrap_or(&advisory.id);
    let others = advisory.aliases.iter().chain(&advisory.upstream).flatten().map(String::as_str);
    let mut out: Vec<String> = std::iter::once(own)
        .chain(others)
        .filter(|number| is_cve(number))
        .take(NUMBERS_MAX)
        .map(str::to_owned)
        .collect();
    out.sort_unstable();
    out.dedup();
    if out.is_empty() {
        out.extend(clean(&advisory.id));
    }
    out
}

fn weight(scores: Option<&[Score]>) -> Option<Severity> {
    scores?.iter().filter_map(|score| cvss::severity(&score.score)).max()
}

/// What the distribution itself says.
fn urgency(package: &Package) -> Option<Severity> {
    let word = package.ecosystem_specific.as_ref()?.get("urgency")?.as_str()?;
    match word {
        "unimportant" => Some(Severity::Info),
        word => severity_of(word),
    }
}

/// From when and until when; `None` where that is not told in a way that we can compare.
fn ranges(package: &Package) -> Option<Vec<(String, Until)>> {
    let mut out = Vec::new();
    let of_versions = |range: &&Range| range.kind == "ECOSYSTEM";
    for range in package.ranges.iter().flatten().filter(of_versions) {
        let mut since: Option<String> = None;
        for event in &range.events {
            if let Some(introduced) = &event.introduced {
                let text = clean(introduced)?;
                since = Some(if text == "0" { String::new() } else { text });
            } else if let Some(fixed) = &event.fixed {
                out.push((since.take()?, Until::Fixed(clean(fixed)?)));
            } else if let Some(last) = &event.last_affected {
                out.push((since.take()?, Until::Last(clean(last)?)));
            }
        }
        out.extend(since.map(|since| (since, Until::Open)));
    }
    if out.is_empty() {
        for version in package.versions.iter().flatten() {
            let version = clean(version)?;
            out.push((version.clone(), Until::Last(version)));
        }
    }
    (!out.is_empty() && out.len() <= RANGES_MAX).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Holes, usize) {
        let mut holes = Holes::default();
        let foreign = read(text.as_bytes(), &mut holes).unwrap();
        (holes, foreign)
    }

    fn advisory(rest: &str) -> String {
        format!(
            r#"{{"id":"DSA-5724-1","modified":"2024-07-01T10:00:00Z","upstream":["CVE-2024-6387"],{rest}}}"#
        )
    }

    fn affected(inner: &str) -> String {
        advisory(&format!(
            r#""affected":[{{"package":{{"ecosystem":"Debian:12","name":"openssh"}},{inner}}}]"#
        ))
    }

    #[test]
    fn an_advisory_is_a_record_for_each_hole_and_range() {
        let text = affected(
            r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"},{"introduced":"3"},{"last_affected":"4"},{"introduced":"5"}]}]"#,
        );
        let (holes, _) = of(&text);
        let shape: Vec<_> = holes
            .records
            .iter()
            .map(|r| (r.id.as_str(), r.since.as_str(), r.until.clone()))
            .collect();
        assert_eq!(
            shape,
            [
                ("CVE-2024-6387", "", Until::Fixed("2".to_owned())),
                ("CVE-2024-6387", "3", Until::Last("4".to_owned())),
                ("CVE-2024-6387", "5", Until::Open),
            ]
        );
        assert_eq!(
            (holes.releases[0].as_str(), holes.records[0].advisory.as_str()),
            ("Debian:12", "DSA-5724-1")
        );
        assert_eq!(holes.stamp.made, "2024-07-01");
    }

    #[test]
    fn single_versions_weights_and_own_numbers_are_taken() {
        let (holes, _) =
            of(&affected(r#""versions":["1","2"],"ecosystem_specific":{"urgency":"high"}"#));
        assert_eq!(holes.records.len(), 2);
        assert_eq!(holes.records[0].severity, Some(Severity::High));
        let text = r#"{"id":"DEBIAN-CVE-2024-0001","modified":"x","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"versions":["1"]}]}"#;
        let (holes, _) = of(text);
        assert_eq!(
            (holes.records[0].id.as_str(), holes.records[0].severity),
            ("CVE-2024-0001", Some(Severity::Critical))
        );
    }

    #[test]
    fn what_is_not_ours_withdrawn_or_odd_is_told_apart() {
        let (holes, foreign) = of(&advisory(
            r#""affected":[{"package":{"ecosystem":"npm","name":"x"},"versions":["1"]}]"#,
        ));
        assert_eq!((holes.records.len(), foreign, holes.stamp.skipped), (0, 1, 0));
        let (holes, _) = of(&advisory(
            r#""withdrawn":"2025-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"x"},"versions":["1"]}]"#,
        ));
        assert!(holes.records.is_empty());
        for inner in [
            r#""ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]"#,
            r#""ranges":[{"type":"ECOSYSTEM","events":[{"fixed":"2"}]}]"#,
            r#""versions":["a b"]"#,
            r#""versions":[]"#,
        ] {
            let (holes, _) = of(&affected(inner));
            assert_eq!((holes.records.len(), holes.stamp.skipped), (0, 1), "{inner}");
        }
        assert!(read(b"{\"id\": 1}", &mut Holes::default()).is_err());
    }

    #[test]
    fn the_heaviest_of_several_weights_counts_and_old_vectors_are_passed_over() {
        let score = |vectors: &[&str]| {
            let all: Vec<String> = vectors
                .iter()
                .map(|vector| format!(r#"{{"type":"CVSS_V3","score":"{vector}"}}"#))
                .collect();
            let text = advisory(&format!(
                r#""severity":[{}],"affected":[{{"package":{{"ecosystem":"Debian:12","name":"a"}},"versions":["1"]}}]"#,
                all.join(",")
            ));
            of(&text).0.records[0].severity
        };
        let (low, high) = (
            "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L",
            "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H",
        );
        assert_eq!(score(&[low, high]), Some(Severity::High));
        assert_eq!(score(&["AV:N/AC:L/Au:N/C:P/I:P/A:P", low]), Some(Severity::Low));
        assert_eq!(score(&["AV:N/AC:L/Au:N/C:P/I:P/A:P"]), None);
    }

    #[test]
    fn an_advisory_of_many_numbers_is_bounded() {
        let many: Vec<String> =
            (0..2_000).map(|number| format!("\"CVE-2024-{:04}\"", 1_000 + number)).collect();
        let text = format!(
            r#"{{"id":"DSA-1-1","modified":"x","aliases":[{}],"affected":[{{"package":{{"ecosystem":"Debian:12","name":"a"}},"versions":["1"]}}]}}"#,
            many.join(",")
        );
        assert_eq!(of(&text).0.records.len(), NUMBERS_MAX);
        let versions: Vec<String> = (0..5_000).map(|number| format!("\"{number}\"")).collect();
        let (holes, _) = of(&affected(&format!(r#""versions":[{}]"#, versions.join(","))));
        assert_eq!(
            (holes.records.len(), holes.stamp.skipped),
            (0, 1),
            "told, and not cut in silence"
        );
    }

    #[test]
    fn an_advisory_without_a_number_is_known_by_its_own_name() {
        let text = r#"{"id":"DSA-2-1","modified":"2024-01-01","affected":[{"package":{"ecosystem":"Ubuntu:22.04:LTS","name":"a"},"versions":["1"]},{"versions":["1"]}]}"#;
        let (holes, _) = of(text);
        assert_eq!(
            (holes.records[0].id.as_str(), holes.releases[0].as_str()),
            ("DSA-2-1", "Ubuntu:22.04:LTS")
        );
        assert_eq!(holes.stamp.skipped, 1, "a package without a name");
    }
}
