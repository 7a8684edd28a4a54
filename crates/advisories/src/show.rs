//! What a comparison says, for people and for programs.

use crate::installed::{Exposure, Host};
use crate::join::{Comparison, Hole};
use crate::read::Imported;
use crate::record::{Affected, Data, Stamp};
use serde_json::{Value, json};

/// Data older than this is told to be old, in days.
const OLD_DAYS: i64 = 7;
/// Rows of the text.
const ROWS_MAX: usize = 200;

/// Kinds of data: a name for people, the stamp and the number of entries.
fn kinds(data: &Data) -> [(&'static str, Option<(&Stamp, usize)>); 4] {
    let holes = |holes: &'_ Option<crate::Holes>| holes.as_ref().map(|own| own.records.len());
    [
        (
            "Debian's security tracker",
            data.tracker.as_ref().map(|own| &own.stamp).zip(holes(&data.tracker)),
        ),
        ("OSV", data.osv.as_ref().map(|own| &own.stamp).zip(holes(&data.osv))),
        (
            "CISA's catalogue of attacked holes",
            data.exploited.as_ref().map(|own| (&own.stamp, own.rows.len())),
        ),
        ("EPSS", data.likely.as_ref().map(|own| (&own.stamp, own.rows.len()))),
    ]
}

/// What an import took.
pub fn imported_text(imported: &Imported) -> String {
    let mut out = String::new();
    for (name, kind) in kinds(&imported.data) {
        let Some((stamp, entries)) = kind else { continue };
        let made =
            if stamp.made.is_empty() { String::new() } else { format!(", made {}", stamp.made) };
        let skipped = match stamp.skipped {
            0 => String::new(),
            count => format!("; {count} could not be taken"),
        };
        out.push_str(&format!("{name}: {entries} entries{made}{skipped}\n"));
    }
    if imported.foreign > 0 {
        out.push_str(&format!(
            "{} entries are of other systems than Debian and Ubuntu, and were left out\n",
            imported.foreign
        ));
    }
    out
}

/// The comparison as text.
pub fn text(host: &Host, data: &Data, found: &Comparison, now: i64) -> String {
    let mut out = String::new();
    for line in notes(data, now) {
        out.push_str(&format!("{line}\n"));
    }
    if !found.is_covered() {
        out.push_str(&format!(
            "unknown: no imported data covers {}; take Debian's tracker or OSV with `burgrave advisories import FILE`\n",
            host.release()
        ));
        return out;
    }
    let uncertain = found.holes.len() - found.certain();
    let by = found.covered_by.join(" and ");
    out.push_str(&format!(
        "{}: {} packages compared with {by}: {} known holes, {uncertain} that nobody has judged yet\n",
        host.release(),
        found.packages,
        found.certain()
    ));
    for hole in found.holes.iter().take(ROWS_MAX) {
        out.push_str(&row(hole));
    }
    if found.holes.len() > ROWS_MAX {
        out.push_str(&format!(
            "… and {} more: `--format json` lists all\n",
            found.holes.len() - ROWS_MAX
        ));
    }
    out
}

fn row(hole: &Hole) -> String {
    let severity = hole.severity.map_or("unknown", |severity| severity.id());
    let mut parts =
        vec![format!("{severity:<8} {} in {} {}", hole.id, hole.packages.join(", "), hole.version)];
    parts.push(match (&hole.fixed, hole.affected) {
        (_, Affected::Unknown | Affected::No) => "not judged yet".to_owned(),
        (Some(fixed), Affected::Yes) => format!("fixed in {fixed}"),
        (None, Affected::Yes) => "no fix yet".to_owned(),
    });
    parts.push(format!("reached from: {}", hole.exposure.words()));
    if let Some(exploited) = &hole.exploited {
        let by = if exploited.by_ransomware { ", by ransomware too" } else { "" };
        parts.push(format!("ATTACKED since {}{by}", exploited.since));
    }
    if let Some(likely) = hole.likely {
        parts.push(format!("EPSS {}", percent(likely)));
    }
    if !hole.advisory.is_empty() {
        parts.push(hole.advisory.clone());
    }
    format!("  {}\n", parts.join("; "))
}

/// Millionths as percent with two places.
fn percent(millionths: u32) -> String {
    format!("{}.{:02} %", millionths / 10_000, millionths % 10_000 / 100)
}

/// What is missing, old or could not be taken.
fn notes(data: &Data, now: i64) -> Vec<String> {
    let mut out = Vec::new();
    for (name, kind) in kinds(data) {
        let Some((stamp, _)) = kind else {
            if name.starts_with("CISA") || name == "EPSS" {
                out.push(format!(
                    "note: {name} was not imported: what it says of a hole is unknown"
                ));
            }
            continue;
        };
        let days = (now - stamp.imported).div_euclid(86_400);
        if days >= OLD_DAYS {
            out.push(format!(
                "note: {name} was imported {days} days ago: what is newer is unknown"
            ));
        }
        if stamp.skipped > 0 {
            out.push(format!("note: {} entries of {name} could not be taken", stamp.skipped));
        }
    }
    out
}

/// The comparison as JSON.
pub fn json(host: &Host, data: &Data, found: &Comparison, now: i64) -> String {
    let of = |stamp: &Stamp, entries: usize| json!({ "imported": stamp.imported, "made": stamp.made, "entries": entries, "skipped": stamp.skipped });
    let names = ["tracker", "osv", "kev", "epss"];
    let sources: serde_json::Map<String, Value> = names
        .iter()
        .zip(kinds(data))
        .map(|(name, (_, kind))| {
            ((*name).to_owned(), kind.map_or(Value::Null, |(stamp, entries)| of(stamp, entries)))
        })
        .collect();
    let holes: Vec<Value> = found.holes.iter().map(hole_json).collect();
    let value = json!({
        "version": 1,
        "host": host.name,
        "release": host.release(),
        "covered": found.is_covered(),
        "covered_by": found.covered_by,
        "packages": found.packages,
        "data": sources,
        "notes": notes(data, now),
        "holes": holes,
    });
    format!("{value:#}\n")
}

fn hole_json(hole: &Hole) -> Value {
    let reach = match hole.exposure {
        Exposure::Silent => json!("none"),
        Exposure::Listens(reach) => json!(reach),
        Exposure::Unknown => json!("unknown"),
    };
    let affected = match hole.affected {
        Affected::Yes => "yes",
        Affected::No => "no",
        Affected::Unknown => "unknown",
    };
    json!({
        "id": hole.id,
        "advisory": Some(&hole.advisory).filter(|text| !text.is_empty()),
        "source": hole.source,
        "packages": hole.packages,
        "version": hole.version,
        "fixed": hole.fixed,
        "affected": affected,
        "severity": hole.severity,
        "epss": hole.likely.map(|likely| f64::from(likely) / 1e6),
        "kev": hole.exploited.as_ref().map(|own| json!({ "since": own.since, "ransomware": own.by_ransomware })),
        "reach": reach,
        "weight": hole.weight.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installed::tests::fake;
    use crate::join::tests::data;
    use burgrave_audit::{Facts, Ground};

    fn shown(data: &Data) -> (String, Value) {
        let fake = fake();
        let host = crate::host(&Facts::new(&fake, Ground::Running)).unwrap();
        let found = crate::compare(&host, data);
        let now = 8 * 86_400;
        (
            text(&host, data, &found, now),
            serde_json::from_str(&json(&host, data, &found, now)).unwrap(),
        )
    }

    #[test]
    fn each_hole_is_a_line_with_what_makes_it_pressing() {
        let (text, json) = shown(&data());
        assert!(
            text.contains(
                "5 packages compared with tracker: 3 known holes, 1 that nobody has judged"
            ),
            "{text}"
        );
        let first = text.lines().find(|line| line.contains("CVE-")).unwrap();
        assert_eq!(
            first,
            "  high     CVE-2024-0001 in libssl3 3.0.9-1; fixed in 3.0.11-1; reached from: everywhere; ATTACKED since 2024-01-01; EPSS 90.00 %"
        );
        assert!(text.contains("imported 8 days ago"), "{text}");
        assert_eq!(json["holes"][0]["kev"]["since"], "2024-01-01");
        assert_eq!(json["holes"][0]["epss"], 0.9);
        assert_eq!(json["holes"][2]["affected"], "unknown");
        assert_eq!(
            (&json["holes"][3]["reach"], &json["data"]["osv"]),
            (&Value::from("none"), &Value::Null)
        );
    }

    #[test]
    fn without_data_it_is_unknown_and_never_clean() {
        let (text, json) = shown(&Data::default());
        assert!(text.contains("unknown: no imported data covers debian 12 (bookworm)"), "{text}");
        assert!(!text.contains("0 known"), "{text}");
        assert_eq!(json["covered"], false);
        assert!(text.contains("EPSS was not imported"), "{text}");
    }

    #[test]
    fn what_an_import_took_and_left_is_told() {
        let mut imported = Imported { data: data(), foreign: 3, files: 2 };
        if let Some(tracker) = &mut imported.data.tracker {
            tracker.stamp = Stamp { imported: 0, made: String::new(), skipped: 2 };
        }
        let text = imported_text(&imported);
        assert!(
            text.contains("Debian's security tracker: 7 entries; 2 could not be taken"),
            "{text}"
        );
        assert!(text.contains("EPSS: 2 entries") && !text.contains("OSV"), "{text}");
        assert!(text.contains("3 entries are of other systems"), "{text}");
        let (text, json) = shown(&imported.data);
        assert!(
            text.contains("2 entries of Debian's security tracker could not be taken"),
            "{text}"
        );
        assert_eq!(json["data"]["tracker"]["skipped"], 2);
    }

    /// What is done to a hole, and what is said of it.
    type Case = (fn(&mut Hole), &'static str);

    #[test]
    fn each_state_of_a_hole_has_its_words() {
        let fake = fake();
        let host = crate::host(&Facts::new(&fake, Ground::Running)).unwrap();
        let hole = crate::compare(&host, &data()).holes[1].clone();
        let cases: [Case; 8] = [
            (|_| {}, "no fix yet"),
            (|hole| hole.fixed = Some("2".to_owned()), "fixed in 2"),
            (|hole| hole.affected = Affected::Unknown, "not judged yet"),
            (|hole| hole.severity = None, "unknown "),
            (|hole| hole.exposure = Exposure::Unknown, "reached from: unknown"),
            (|hole| hole.exposure = Exposure::Silent, "nobody over the network"),
            (|hole| hole.advisory = "DSA-1-1".to_owned(), "; DSA-1-1"),
            (|hole| hole.likely = Some(430), "EPSS 0.04 %"),
        ];
        for (change, words) in cases {
            let mut hole = hole.clone();
            change(&mut hole);
            assert!(row(&hole).contains(words), "{words}: {}", row(&hole));
        }
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let fake = fake();
        let host = crate::host(&Facts::new(&fake, Ground::Running)).unwrap();
        let mut found = crate::compare(&host, &data());
        let one = found.holes[0].clone();
        found.holes = vec![one; ROWS_MAX + 5];
        let text = text(&host, &data(), &found, 0);
        assert!(
            text.contains("… and 5 more") && text.matches("CVE-").count() == ROWS_MAX,
            "{text}"
        );
    }
}
