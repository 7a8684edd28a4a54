//! Reads rows from the disk, piece by piece.

use crate::error::LedgerError;
use crate::fault::Place;
use crate::row::{LINE_BYTES_MAX, Row};
use burgrave_sys::{Followed, Live, SysError, System as _};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// Segments of a ledger.
const SEGMENTS_MAX: usize = 100_000;
const PIECE_BYTES: usize = 256 * 1024;
/// What follows a segment's number in its name.
const EXTENSION: &str = ".ndjson";

/// Where the ledger of a state directory is.
pub fn folder(state: &Path) -> PathBuf {
    state.join("ledger")
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
}

impl Segment {
    /// The one of a number.
    pub(crate) fn of(folder: &Path, number: u32) -> Self {
        Self { number, path: folder.join(format!("{number:08}{EXTENSION}")) }
    }
}

/// The segments that are there, in their order.
pub(crate) fn segments(folder: &Path) -> Result<Vec<Segment>, LedgerError> {
    let entries = match Live.list(folder, SEGMENTS_MAX) {
        Err(SysError::Missing(_)) => return Err(LedgerError::NoLedger(folder.to_path_buf())),
        other => other?,
    };
    let mut all: Vec<Segment> = entries
        .into_iter()
        .filter_map(|entry| {
            let name = entry.path.file_name()?.to_str()?;
            let digits = name.strip_suffix(EXTENSION).filter(|digits| digits.len() == 8)?;
            let number = digits.parse().ok()?;
            Some(Segment { number, path: entry.path.clone() })
        })
        .collect();
    all.sort_by_key(|segment| segment.number);
    Ok(all)
}

/// Hands on every line up to a length, without its end. What is left behind the last end of a line: its line's
/// number and bytes.
pub(crate) fn lines(
    segment: &Segment,
    length: u64,
    each: &mut dyn FnMut(Place, &[u8]),
) -> Result<Option<(Place, usize)>, LedgerError> {
    let file = Followed::open(&segment.path)?;
    let mut place = Place { segment: segment.number, line: 1 };
    let (mut offset, mut held) = (0, Vec::new());
    // Of a line that is too long its beginning is kept, which is no row either.
    let keep = |held: &mut Vec<u8>, part: &[u8]| {
        let room = (LINE_BYTES_MAX + 1).saturating_sub(held.len());
        held.extend(part.iter().take(room));
    };
    let mut piece = vec![0; PIECE_BYTES];
    while offset < length {
        let count = file.read_at(&mut piece, offset)?;
        if count == 0 {
            break;
        }
        let left = usize::try_from(length - offset).unwrap_or(usize::MAX);
        let read = piece.get(..count.min(left)).unwrap_or_default();
        offset = offset.saturating_add(u64::try_from(read.len()).unwrap_or(0));
        let mut parts = read.split(|byte| *byte == b'\n');
        let mut part = parts.next().unwrap_or_default();
        for next in parts {
            keep(&mut held, part);
            each(place, &held);
            place.line += 1;
            held.clear();
            part = next;
        }
        keep(&mut held, part);
    }
    Ok((!held.is_empty()).then_some((place, held.len())))
}

/// Which rows are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// How the kind begins, as in `ban` or `ban.added`.
    pub kind: Option<String>,
    /// What the subject is.
    pub subject: Option<String>,
    /// At most so many, the last ones.
    pub most: usize,
}

impl Filter {
    fn takes(&self, row: &Row) -> bool {
        let is_of = |kind: &String| {
            let rest = row.kind.strip_prefix(kind.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.kind.as_ref().is_none_or(is_of)
            && self.subject.as_ref().is_none_or(|subject| *subject == row.subject)
    }
}

/// The last rows that a filter takes, oldest first, and how many lines are no sound rows: that is for
/// [`crate::check`] to say more of.
pub fn last(folder: &Path, filter: &Filter) -> Result<(Vec<Row>, usize), LedgerError> {
    let (mut rows, mut odd) = (VecDeque::new(), 0);
    for segment in segments(folder)? {
        let length = Followed::open(&segment.path)?.length()?;
        lines(&segment, length, &mut |_, line| match Row::parse(line) {
            Ok((row, true)) => {
                if filter.takes(&row) {
                    rows.push_back(row);
                }
                if rows.len() > filter.most {
                    rows.pop_front();
                }
            }
            Ok((_, false)) | Err(_) => odd += 1,
        })?;
    }
    Ok((rows.into(), odd))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_across_pieces_and_long_ones_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let segment = Segment::of(folder.path(), 3);
        assert!(segment.path.ends_with("00000003.ndjson"));
        let long = "y".repeat(3 * PIECE_BYTES);
        let text = format!("{}\n\n{long}\nend\nopen", "x".repeat(30_000));
        std::fs::write(&segment.path, &text).unwrap();
        let mut seen = Vec::new();
        let length = u64::try_from(text.len()).unwrap();
        let rest = lines(&segment, length, &mut |place, line| seen.push((place.line, line.len())));
        assert_eq!(seen, [(1, 30_000), (2, 0), (3, LINE_BYTES_MAX + 1), (4, 3)]);
        assert_eq!(rest.unwrap(), Some((Place { segment: 3, line: 5 }, 4)));
        let mut count = 0;
        assert_eq!(lines(&segment, 30_001, &mut |_, _| count += 1).unwrap(), None);
        assert_eq!(count, 1);
    }

    #[test]
    fn only_segments_are_taken_for_segments() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["00000002.ndjson", "00000001.ndjson", "HEAD", "key", "1.ndjson", "x.ndjson"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let numbers: Vec<u32> =
            segments(folder.path()).unwrap().iter().map(|segment| segment.number).collect();
        assert_eq!(numbers, [1, 2]);
        let missing = segments(&folder.path().join("none"));
        assert!(matches!(missing, Err(LedgerError::NoLedger(_))));
    }
}
