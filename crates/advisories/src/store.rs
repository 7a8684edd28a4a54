//! What was imported, kept below the state in files of lines, packed.
//!
//! Invariants: a file is replaced whole; one that is not what was written is refused, not half read; a single import
//! replaces its kind, but OSV's, which come in many files, are put together.

use crate::AdvisoryError;
use crate::record::{Data, Exploited, Holes, Record, Stamp, Table, clean, is_cve};
use burgrave_sys::{Access, SysError, make_own_directory, read_own, replace_own};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Bytes of a kept file, packed and unpacked.
const PACKED_BYTES_MAX: u64 = 256 << 20;
const BYTES_MAX: u64 = 1 << 30;
const MAGIC: &str = "burgrave-advisories 1";

fn folder(state: &Path) -> PathBuf {
    state.join("advisories")
}

/// Keeps what was imported, over what was kept before.
pub fn keep(state: &Path, data: &Data) -> Result<(), AdvisoryError> {
    let folder = folder(state);
    let wrong = |error| AdvisoryError::Keep(folder.clone(), error);
    make_own_directory(&folder).map_err(wrong)?;
    if let Some(holes) = &data.tracker {
        write(
            &folder,
            "tracker",
            &holes.stamp,
            &holes.releases,
            holes.records.iter().map(Record::line),
        )?;
    }
    if let Some(holes) = &data.osv {
        let all = together(load_holes(&folder, "osv")?, holes);
        write(&folder, "osv", &all.stamp, &all.releases, all.records.iter().map(Record::line))?;
    }
    if let Some(table) = &data.exploited {
        let rows: BTreeMap<_, _> = table.rows.iter().collect();
        let line = |(cve, row): (&String, &Exploited)| {
            format!("{cve}\t{}\t{}", row.since, u8::from(row.by_ransomware))
        };
        write(&folder, "exploited", &table.stamp, &[], rows.into_iter().map(line))?;
    }
    if let Some(table) = &data.likely {
        let rows: BTreeMap<_, _> = table.rows.iter().collect();
        let line = |(cve, likely): (&String, &u32)| format!("{cve}\t{likely}");
        write(&folder, "likely", &table.stamp, &[], rows.into_iter().map(line))?;
    }
    Ok(())
}

/// Older advisories, those that come again replaced.
fn together(before: Option<Holes>, new: &Holes) -> Holes {
    let Some(before) = before else { return new.clone() };
    let again: BTreeSet<&str> = new.records.iter().map(|record| record.advisory.as_str()).collect();
    let mut all = new.clone();
    all.records.extend(
        before.records.into_iter().filter(|record| !again.contains(record.advisory.as_str())),
    );
    let releases: BTreeSet<String> = all.releases.drain(..).chain(before.releases).collect();
    all.releases = releases.into_iter().collect();
    all.stamp.skipped += before.stamp.skipped;
    if before.stamp.made > all.stamp.made {
        all.stamp.made = before.stamp.made;
    }
    all
}

fn write(
    folder: &Path,
    name: &str,
    stamp: &Stamp,
    releases: &[String],
    lines: impl Iterator<Item = String>,
) -> Result<(), AdvisoryError> {
    let path = folder.join(name);
    let wrong = |error: std::io::Error| {
        AdvisoryError::Keep(path.clone(), SysError::from_io("packing", &path, error))
    };
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let Stamp { imported, made, skipped } = stamp;
    let head = format!("{MAGIC}\t{name}\t{imported}\t{made}\t{skipped}\t{}\n", releases.join(","));
    packer.write_all(head.as_bytes()).map_err(wrong)?;
    let mut count = 0_usize;
    for line in lines {
        packer.write_all(line.as_bytes()).and_then(|()| packer.write_all(b"\n")).map_err(wrong)?;
        count += 1;
    }
    // The last line tells a whole file from one that was cut.
    packer.write_all(format!("end\t{count}\n").as_bytes()).map_err(wrong)?;
    let bytes = packer.finish().map_err(wrong)?;
    replace_own(&path, &bytes, Access::Owner)
        .map_err(|error| AdvisoryError::Keep(path.clone(), error))
}

/// Everything that is kept.
pub fn load(state: &Path) -> Result<Data, AdvisoryError> {
    let folder = folder(state);
    let exploited = load_table(&folder, "exploited", |cells| match cells {
        [since, ransomware] => {
            Some(Exploited { since: clean(since)?, by_ransomware: *ransomware == "1" })
        }
        _ => None,
    })?;
    let likely = load_table(&folder, "likely", |cells| match cells {
        [likely] => likely.parse().ok(),
        _ => None,
    })?;
    let (tracker, osv) = (load_holes(&folder, "tracker")?, load_holes(&folder, "osv")?);
    Ok(Data { tracker, osv, exploited, likely })
}

fn load_holes(folder: &Path, name: &str) -> Result<Option<Holes>, AdvisoryError> {
    let Some(text) = text(folder, name)? else { return Ok(None) };
    let damaged = || AdvisoryError::Damaged(folder.join(name));
    let (stamp, releases, lines) = parts(&text, name).ok_or_else(damaged)?;
    let records: Option<Vec<Record>> = lines.into_iter().map(Record::parse).collect();
    Ok(Some(Holes { stamp, releases, records: records.ok_or_else(damaged)? }))
}

fn load_table<T>(
    folder: &Path,
    name: &str,
    row: impl Fn(&[&str]) -> Option<T>,
) -> Result<Option<Table<T>>, AdvisoryError> {
    let Some(text) = text(folder, name)? else { return Ok(None) };
    let damaged = || AdvisoryError::Damaged(folder.join(name));
    let (stamp, _, lines) = parts(&text, name).ok_or_else(damaged)?;
    let mut table = Table { stamp, ..Table::default() };
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let (cve, rest) = cells.split_first().ok_or_else(damaged)?;
        let value = row(rest).filter(|_| is_cve(cve)).ok_or_else(damaged)?;
        table.rows.insert((*cve).to_owned(), value);
    }
    Ok(Some(table))
}

fn text(folder: &Path, name: &str) -> Result<Option<String>, AdvisoryError> {
    let path = folder.join(name);
    let bytes = match read_own(&path, PACKED_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(SysError::Missing(_)) => return Ok(None),
        Err(error) => return Err(AdvisoryError::Read(path, error)),
    };
    let mut text = String::new();
    let read = MultiGzDecoder::new(bytes.as_slice()).take(BYTES_MAX).read_to_string(&mut text);
    match read {
        Ok(_) => Ok(Some(text)),
        Err(_) => Err(AdvisoryError::Damaged(path)),
    }
}

/// The head, the releases, and the lines, if the file is whole.
fn parts<'t>(text: &'t str, name: &str) -> Option<(Stamp, Vec<String>, Vec<&'t str>)> {
    let mut lines: Vec<&str> = text.lines().collect();
    let count: usize = lines.pop()?.strip_prefix("end\t")?.parse().ok()?;
    let mut lines = lines.into_iter();
    let head: Vec<&str> = lines.next()?.split('\t').collect();
    let [magic, kind, imported, made, skipped, releases] = head.as_slice() else { return None };
    if *magic != MAGIC || *kind != name {
        return None;
    }
    let stamp = Stamp {
        imported: imported.parse().ok()?,
        made: (*made).to_owned(),
        skipped: skipped.parse().ok()?,
    };
    let releases =
        releases.split(',').filter(|release| !release.is_empty()).map(str::to_owned).collect();
    let rest: Vec<&str> = lines.collect();
    (rest.len() == count).then_some((stamp, releases, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Until;
    use std::os::unix::fs::PermissionsExt as _;

    fn record(advisory: &str, id: &str) -> Record {
        let text = str::to_owned;
        Record {
            release: text("Debian:12"),
            package: text("a"),
            id: text(id),
            advisory: text(advisory),
            since: String::new(),
            until: Until::Open,
            severity: None,
        }
    }

    fn data() -> Data {
        let stamp = Stamp { imported: 7, made: "2026-01-02".to_owned(), skipped: 1 };
        let holes = Holes {
            stamp: stamp.clone(),
            releases: vec!["Debian:12".to_owned()],
            records: vec![record("A", "CVE-2024-0001")],
        };
        let row = Exploited { since: "2024-01-01".to_owned(), by_ransomware: true };
        Data {
            tracker: Some(holes.clone()),
            osv: Some(holes),
            exploited: Some(Table {
                stamp: stamp.clone(),
                rows: [("CVE-2024-0001".to_owned(), row)].into(),
            }),
            likely: Some(Table { stamp, rows: [("CVE-2024-0001".to_owned(), 430)].into() }),
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(load(state.path()).unwrap(), Data::default());
        keep(state.path(), &data()).unwrap();
        assert_eq!(load(state.path()).unwrap(), data());
        let mode =
            std::fs::metadata(state.path().join("advisories/osv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn advisories_of_osv_are_put_together_and_those_that_come_again_replaced() {
        let state = tempfile::tempdir().unwrap();
        keep(state.path(), &data()).unwrap();
        let holes = Holes {
            records: vec![record("A", "CVE-2024-0002"), record("B", "CVE-2024-0003")],
            ..Holes::default()
        };
        keep(state.path(), &Data { osv: Some(holes), ..Data::default() }).unwrap();
        let osv = load(state.path()).unwrap().osv.unwrap();
        let ids: Vec<_> = osv.records.iter().map(|record| record.id.as_str()).collect();
        assert_eq!(ids, ["CVE-2024-0002", "CVE-2024-0003"]);
        assert_eq!(osv.releases, ["Debian:12"]);
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused() {
        let state = tempfile::tempdir().unwrap();
        keep(state.path(), &data()).unwrap();
        for name in ["tracker", "osv", "exploited", "likely"] {
            let path = state.path().join("advisories").join(name);
            let whole = std::fs::read(&path).unwrap();
            for broken in [whole[..whole.len() / 2].to_vec(), b"hello".to_vec(), Vec::new()] {
                std::fs::write(&path, broken).unwrap();
                assert!(matches!(load(state.path()), Err(AdvisoryError::Damaged(_))), "{name}");
            }
            std::fs::write(&path, whole).unwrap();
        }
        let (osv, tracker) =
            (state.path().join("advisories/osv"), state.path().join("advisories/tracker"));
        std::fs::copy(osv, tracker).unwrap();
        assert!(load(state.path()).is_err(), "of another kind");
    }
}
