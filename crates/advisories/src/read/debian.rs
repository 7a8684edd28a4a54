//! Debian's security tracker (`security-tracker.debian.org/tracker/data/json`): source package → hole → release.
//!
//! Invariant: read as a stream; only what is kept is ever in memory beside the file itself.

use super::json_error;
use crate::record::{Holes, Record, Until, clean};
use burgrave_model::Severity;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Releases that no machine stays at.
const MOVING: [&str; 2] = ["sid", "experimental"];

#[derive(Deserialize)]
struct Hole {
    releases: BTreeMap<String, State>,
}

#[derive(Deserialize)]
struct State {
    status: String,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: String,
}

pub(super) fn read(text: &[u8]) -> Result<Holes, String> {
    let mut into = Taken::default();
    let mut json = serde_json::Deserializer::from_slice(text);
    Packages(&mut into).deserialize(&mut json).map_err(|error| json_error(&error))?;
    json.end().map_err(|error| json_error(&error))?;
    if into.releases.is_empty() {
        return Err("it names no release".to_owned());
    }
    let Taken { mut holes, releases } = into;
    holes.releases = releases.into_iter().collect();
    Ok(holes)
}

#[derive(Default)]
struct Taken {
    holes: Holes,
    releases: BTreeSet<String>,
}

impl Taken {
    fn take(&mut self, package: &str, id: &str, hole: Hole) {
        for (release, state) in hole.releases {
            if MOVING.contains(&release.as_str()) {
                continue;
            }
            let Some(record) = record(&release, package, id, &state) else {
                self.holes.stamp.skipped += 1;
                continue;
            };
            // What was never vulnerable need not be kept; that the release is covered must.
            if record.until != Until::Fixed("0".to_owned()) {
                self.holes.records.push(record);
            }
            if !self.releases.contains(&release) {
                self.releases.insert(release);
            }
        }
    }
}

fn record(release: &str, package: &str, id: &str, state: &State) -> Option<Record> {
    let until = match (state.status.as_str(), &state.fixed_version) {
        ("resolved", Some(version)) if !version.is_empty() => Until::Fixed(clean(version)?),
        ("open", _) => Until::Open,
        ("undetermined", _) => Until::Undetermined,
        _ => return None,
    };
    let severity = match state.urgency.trim_end_matches('*') {
        "high" => Some(Severity::High),
        "medium" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "unimportant" => Some(Severity::Info),
        _ => None,
    };
    let named = |text: &str| clean(text).filter(|text| !text.is_empty());
    Some(Record {
        release: named(release)?,
        package: named(package)?,
        id: named(id)?,
        advisory: String::new(),
        since: String::new(),
        until,
        severity,
    })
}

struct Packages<'t>(&'t mut Taken);

impl<'de> DeserializeSeed<'de> for Packages<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("source packages with their holes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(package) = map.next_key::<String>()? {
            map.next_value_seed(OfPackage { package, taken: &mut *self.0 })?;
        }
        Ok(())
    }
}

struct OfPackage<'t> {
    package: String,
    taken: &'t mut Taken,
}

impl<'de> DeserializeSeed<'de> for OfPackage<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OfPackage<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("holes with their releases")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<String>()? {
            let hole: Hole = map.next_value()?;
            self.taken.take(&self.package, &id, hole);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_hole_is_kept_as_what_it_means() {
        let text = br#"{"openssh":{"CVE-2024-6387":{"scope":"remote","description":"d","debianbug":1,"releases":{
            "bookworm":{"status":"resolved","repositories":{"bookworm":"1:9.2p1-2+deb12u3"},"fixed_version":"1:9.2p1-2+deb12u3","urgency":"high**"},
            "bullseye":{"status":"resolved","fixed_version":"0","urgency":"unimportant"},
            "trixie":{"status":"undetermined","urgency":"not yet assigned"},
            "buster":{"status":"frobbed","urgency":"low"},
            "sid":{"status":"open","urgency":"low"}}},
            "TEMP-0000000-ABCDEF":{"releases":{"bookworm":{"status":"open","urgency":"end-of-life"}}}},
            "bad name":{"CVE-2024-0001":{"releases":{"bookworm":{"status":"open","urgency":"low"}}}}}"#;
        let holes = read(text).unwrap();
        assert_eq!(holes.releases, ["bookworm", "bullseye", "trixie"]);
        let shape: Vec<_> = holes
            .records
            .iter()
            .map(|r| (r.release.as_str(), r.id.as_str(), r.until.clone(), r.severity))
            .collect();
        assert_eq!(
            shape,
            [
                (
                    "bookworm",
                    "CVE-2024-6387",
                    Until::Fixed("1:9.2p1-2+deb12u3".to_owned()),
                    Some(Severity::High)
                ),
                ("trixie", "CVE-2024-6387", Until::Undetermined, None),
                ("bookworm", "TEMP-0000000-ABCDEF", Until::Open, None),
            ]
        );
        assert_eq!(holes.stamp.skipped, 2, "an unknown state, and a name that is none");
    }

    #[test]
    fn what_names_no_release_is_not_the_trackers() {
        for text in
            ["{}", "{\"a\":{}}", "{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":{\"releases\":{}}}} x"]
        {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
