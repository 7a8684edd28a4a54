//! Files of advisories: which form one has, by what is in it, and what of it is taken.
//!
//! Invariants: a file is taken whole or refused with what is wrong; entries that cannot be taken are counted; nesting
//! is bounded by the JSON reader, sizes by [`unpack`].

mod debian;
mod epss;
mod kev;
mod osv;
pub(crate) mod unpack;

use crate::AdvisoryError;
use crate::record::{Data, Holes, Record, Stamp, Table};
use burgrave_sys::{Kind, System};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use unpack::{Budget, unpack};

/// Bytes of one file as it lies there.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Files of one directory.
const FILES_MAX: usize = 500_000;
/// Records of one kind.
const RECORDS_MAX: usize = 3_000_000;

/// What one import took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What came of it.
    pub data: Data,
    /// Entries of ecosystems that nothing here is installed from.
    pub foreign: usize,
    /// Files that were read.
    pub files: usize,
}

/// Takes files, and the `.json` and `.zip` files of directories.
pub fn import(system: &dyn System, paths: &[PathBuf]) -> Result<Imported, AdvisoryError> {
    let mut taken = Imported::default();
    let mut budget = Budget::new();
    let now = system.now().seconds();
    for path in paths {
        for file in files(system, path)? {
            let wrong = |error| AdvisoryError::Read(file.clone(), error);
            let bytes = system.read(&file, FILE_BYTES_MAX).map_err(wrong)?;
            let name = file.display().to_string();
            unpack(&name, bytes, &mut budget, &mut |name, bytes| {
                taken.files += 1;
                take(name, bytes, now, &mut taken)
            })?;
        }
    }
    for holes in [&mut taken.data.tracker, &mut taken.data.osv].into_iter().flatten() {
        let releases: BTreeSet<String> = holes.releases.drain(..).collect();
        holes.releases = releases.into_iter().collect();
    }
    Ok(taken)
}

fn files(system: &dyn System, path: &Path) -> Result<Vec<PathBuf>, AdvisoryError> {
    let wrong = |error| AdvisoryError::Read(path.to_owned(), error);
    if system.metadata(path).map_err(wrong)?.kind != Kind::Directory {
        return Ok(vec![path.to_owned()]);
    }
    let entries = system.list(path, FILES_MAX).map_err(wrong)?;
    let wanted = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ["json", "zip"].contains(&ending.to_ascii_lowercase().as_str())
    };
    Ok(entries
        .into_iter()
        .filter(|entry| entry.kind == Kind::File)
        .map(|entry| entry.path)
        .filter(wanted)
        .collect())
}

fn take(name: &str, bytes: &[u8], now: i64, taken: &mut Imported) -> Result<(), AdvisoryError> {
    let wrong = |why: String| AdvisoryError::Form { file: name.to_owned(), why };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii_start();
    if !text.starts_with(b"{") {
        let (stamp, rows) = epss::read(text).ok_or_else(|| {
            wrong(
                "it is neither JSON of OSV, Debian's tracker or CISA's catalogue, nor CSV of EPSS"
                    .to_owned(),
            )
        })?;
        taken.data.likely = Some(Table { stamp: Stamp { imported: now, ..stamp }, rows });
        return Ok(());
    }
    match form(text) {
        Form::Catalogue => {
            let (stamp, rows) = kev::read(text).map_err(wrong)?;
            taken.data.exploited = Some(Table { stamp: Stamp { imported: now, ..stamp }, rows });
        }
        Form::Osv => {
            let holes = taken.data.osv.get_or_insert_with(Holes::default);
            holes.stamp.imported = now;
            taken.foreign += osv::read(text, holes).map_err(wrong)?;
            bounded(name, &holes.records)?;
        }
        Form::Tracker => {
            let mut holes = debian::read(text).map_err(wrong)?;
            holes.stamp.imported = now;
            bounded(name, &holes.records)?;
            taken.data.tracker = Some(holes);
        }
    }
    Ok(())
}

fn bounded(name: &str, records: &[Record]) -> Result<(), AdvisoryError> {
    if records.len() > RECORDS_MAX {
        return Err(AdvisoryError::TooMuch { file: name.to_owned(), what: "3,000,000 entries" });
    }
    Ok(())
}

/// The forms of JSON.
enum Form {
    Catalogue,
    Osv,
    Tracker,
}

/// By the keys at the top; a file that is none of the others is read as the tracker's, and refused there.
fn form(text: &[u8]) -> Form {
    #[derive(serde::Deserialize)]
    struct Top {
        vulnerabilities: Option<serde::de::IgnoredAny>,
        #[serde(rename = "catalogVersion")]
        catalogue: Option<serde::de::IgnoredAny>,
        id: Option<serde::de::IgnoredAny>,
        modified: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice::<Top>(text) {
        Ok(Top { vulnerabilities: Some(_), catalogue: Some(_), .. }) => Form::Catalogue,
        Ok(Top { id: Some(_), modified: Some(_), .. }) => Form::Osv,
        Ok(_) | Err(_) => Form::Tracker,
    }
}

/// An error of the JSON reader, in our form.
fn json_error(error: &serde_json::Error) -> String {
    format!("it is not the JSON that was expected: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;
    use unpack::tests::{gzip, zipped};

    const OSV: &str = r#"{"id":"DSA-1-1","modified":"2024-07-01T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"a"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"}]}]}]}"#;
    const KEV: &str = r#"{"catalogVersion":"1","dateReleased":"2024-07-01","vulnerabilities":[{"cveID":"CVE-2024-0001","dateAdded":"2024-06-01","knownRansomwareCampaignUse":"Known"}]}"#;
    const TRACKER: &str = r#"{"a":{"CVE-2024-0001":{"description":"x","releases":{"bookworm":{"status":"open","urgency":"high"}}}}}"#;
    const EPSS: &str = "#model_version:v1,score_date:2024-07-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n";

    fn taken(files: &[(&str, Vec<u8>)]) -> Result<Imported, AdvisoryError> {
        let fake = Fake::new();
        let mut paths = Vec::new();
        for (name, bytes) in files {
            fake.file(name, bytes.clone());
            paths.push(PathBuf::from(name));
        }
        import(&fake, &paths)
    }

    #[test]
    fn each_form_is_known_by_what_is_in_it() {
        let files = [
            ("/x.zip", zipped(&[("a.json", OSV.as_bytes()), ("b.json", OSV.as_bytes())])),
            ("/kev", KEV.as_bytes().to_vec()),
            ("/tracker", gzip(TRACKER.as_bytes())),
            ("/epss.csv.gz", gzip(EPSS.as_bytes())),
        ];
        let data = taken(&files).unwrap().data;
        assert_eq!(data.osv.unwrap().records.len(), 2);
        assert_eq!(data.tracker.unwrap().releases, ["bookworm"]);
        assert!(data.exploited.unwrap().rows["CVE-2024-0001"].by_ransomware);
        let likely = data.likely.unwrap();
        assert_eq!(
            (likely.rows["CVE-2024-0001"], likely.stamp.made.as_str()),
            (500_000, "2024-07-01")
        );
    }

    #[test]
    fn directories_are_read_one_level_deep() {
        let fake = Fake::new();
        fake.file("/d/a.json", OSV).file("/d/b.txt", "no").file("/d/sub/c.json", OSV);
        fake.file("/d/c.zip", zipped(&[("x.json", OSV.as_bytes())]));
        let taken = import(&fake, &[PathBuf::from("/d")]).unwrap();
        assert_eq!((taken.files, taken.data.osv.unwrap().records.len()), (2, 2));
        assert!(matches!(import(&fake, &[PathBuf::from("/none")]), Err(AdvisoryError::Read(..))));
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_name() {
        let deep = [b"{\"a\":".repeat(200_000), b"1".to_vec(), b"}".repeat(200_000)].concat();
        for (name, bytes) in [
            ("/text", b"hello".to_vec()),
            ("/empty", Vec::new()),
            ("/list", b"[]".to_vec()),
            ("/cut", OSV.as_bytes()[..80].to_vec()),
            ("/number", br#"{"a": 1}"#.to_vec()),
            ("/deep", deep),
            ("/binary", vec![0xff; 100]),
        ] {
            let error = taken(&[(name, bytes)]).unwrap_err();
            assert!(
                matches!(&error, AdvisoryError::Form { .. }) && error.to_string().contains(name),
                "{error}"
            );
        }
    }

    #[test]
    fn files_that_were_bent_are_taken_or_refused_and_nothing_else() {
        for text in [OSV, KEV, TRACKER, EPSS] {
            for at in 0..text.len() {
                for bend in [0x01, 0x20, 0x80] {
                    let mut bytes = text.as_bytes().to_vec();
                    bytes[at] ^= bend;
                    if let Ok(taken) = self::taken(&[("/x", bytes)]) {
                        let all = taken.data.osv.iter().chain(&taken.data.tracker);
                        for record in all.flat_map(|holes| &holes.records) {
                            assert_eq!(Record::parse(&record.line()).as_ref(), Some(record));
                        }
                    }
                }
                drop(self::taken(&[("/x", text.as_bytes()[..at].to_vec())]));
            }
        }
    }
}
