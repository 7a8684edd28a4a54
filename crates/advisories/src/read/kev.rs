//! CISA's catalogue of holes that are known to be attacked, as JSON.

use super::json_error;
use crate::record::{Exploited, Stamp, clean, is_cve};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased", default)]
    released: String,
    vulnerabilities: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "cveID", default)]
    cve: String,
    #[serde(rename = "dateAdded", default)]
    added: String,
    #[serde(rename = "knownRansomwareCampaignUse", default)]
    ransomware: String,
}

pub(super) fn read(text: &[u8]) -> Result<(Stamp, HashMap<String, Exploited>), String> {
    let catalogue: Catalogue = serde_json::from_slice(text).map_err(|error| json_error(&error))?;
    let mut stamp =
        Stamp { made: date(&catalogue.released).unwrap_or_default(), ..Stamp::default() };
    let mut rows = HashMap::new();
    for row in catalogue.vulnerabilities {
        match date(&row.added).filter(|_| is_cve(&row.cve)) {
            Some(since) => {
                let by_ransomware = row.ransomware.eq_ignore_ascii_case("known");
                rows.insert(row.cve, Exploited { since, by_ransomware });
            }
            None => stamp.skipped += 1,
        }
    }
    Ok((stamp, rows))
}

/// The day of a time.
fn date(text: &str) -> Option<String> {
    let day = text.get(..10)?;
    let is_day = day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    clean(day).filter(|_| is_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_odd_ones_counted() {
        let text = br#"{"title":"x","catalogVersion":"2026.01.02","dateReleased":"2026-01-02T10:00:00.0Z","count":3,"vulnerabilities":[
            {"cveID":"CVE-2024-0001","dateAdded":"2024-06-01","knownRansomwareCampaignUse":"Known","notes":"n"},
            {"cveID":"CVE-2024-0002","dateAdded":"2024-06-02","knownRansomwareCampaignUse":"Unknown"},
            {"cveID":"nope","dateAdded":"2024-06-02"},{"cveID":"CVE-2024-0003","dateAdded":"\n"},{}]}"#;
        let (stamp, rows) = read(text).unwrap();
        assert_eq!((stamp.made.as_str(), stamp.skipped, rows.len()), ("2026-01-02", 3, 2));
        assert!(rows["CVE-2024-0001"].by_ransomware && !rows["CVE-2024-0002"].by_ransomware);
        assert!(read(b"{\"vulnerabilities\": 1}").is_err());
    }
}
