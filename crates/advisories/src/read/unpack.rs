//! Files as they come: plain, in gzip, in zip. Unpacked within bounds.
//!
//! Invariants: no unpacker gives more than it is allowed; names of entries are never paths that anything is written to;
//! an entry is looked at once, so that an archive whose entries overlap costs no more than its bound.

use crate::AdvisoryError;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use std::io::Read;

/// Bytes that all files of one import may unpack to.
pub(super) const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// Bytes of one entry of an archive, and of one file in gzip.
const ENTRY_BYTES_MAX: u64 = 512 << 20;
/// Entries of one archive.
const ENTRIES_MAX: usize = 500_000;

/// What is left of the bounds of one import.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) bytes: u64,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { bytes: UNPACKED_BYTES_MAX }
    }

    /// Takes so many bytes of it.
    fn take(&mut self, file: &str, bytes: usize) -> Result<(), AdvisoryError> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| too_much(file))?;
        Ok(())
    }
}

/// What files are handed to: the name, and what is in it.
pub(super) type Taker<'t> = dyn FnMut(&str, &[u8]) -> Result<(), AdvisoryError> + 't;

fn too_much(file: &str) -> AdvisoryError {
    AdvisoryError::TooMuch { file: file.to_owned(), what: "1 GiB in all, or 512 MiB in one file" }
}

fn broken(file: &str, why: impl Into<String>) -> AdvisoryError {
    AdvisoryError::Form { file: file.to_owned(), why: why.into() }
}

/// Hands each file that is in these bytes to the taker, by its name.
pub(super) fn unpack(
    file: &str,
    bytes: Vec<u8>,
    budget: &mut Budget,
    take: &mut Taker<'_>,
) -> Result<(), AdvisoryError> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zip(file, &bytes, budget, take);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let inner = read(file, MultiGzDecoder::new(bytes.as_slice()), budget)?;
        drop(bytes);
        return take(file, &inner);
    }
    budget.take(file, bytes.len())?;
    take(file, &bytes)
}

fn read(file: &str, from: impl Read, budget: &mut Budget) -> Result<Vec<u8>, AdvisoryError> {
    let most = budget.bytes.min(ENTRY_BYTES_MAX);
    let mut out = Vec::new();
    let read = from.take(most.saturating_add(1)).read_to_end(&mut out);
    read.map_err(|error| broken(file, format!("it cannot be unpacked: {error}")))?;
    if u64::try_from(out.len()).unwrap_or(u64::MAX) > most {
        return Err(too_much(file));
    }
    budget.take(file, out.len())?;
    Ok(out)
}

/// An archive by its central directory (APPNOTE 6.3, sections 4.3.12 and 4.3.16); stored and deflated entries.
fn zip(
    file: &str,
    bytes: &[u8],
    budget: &mut Budget,
    take: &mut Taker<'_>,
) -> Result<(), AdvisoryError> {
    let wrong = || broken(file, "it is no whole zip archive");
    let window = bytes.len().saturating_sub(65_557);
    let tail = bytes.get(window..).unwrap_or_default();
    let end = tail.windows(4).rposition(|four| four == b"PK\x05\x06").ok_or_else(wrong)? + window;
    let count = usize::from(u16_at(bytes, end + 10).ok_or_else(wrong)?);
    let mut at = usize_at(bytes, end + 16).ok_or_else(wrong)?;
    let mut seen = 0_usize;
    // The count wraps at 65,536: the directory itself says where it ends.
    while bytes.get(at..at.saturating_add(4)) == Some(b"PK\x01\x02") {
        seen += 1;
        if seen > ENTRIES_MAX {
            return Err(AdvisoryError::TooMuch { file: file.to_owned(), what: "500,000 entries" });
        }
        let entry = Entry::read(bytes, at).ok_or_else(wrong)?;
        at = entry.next;
        let name = String::from_utf8(entry.name.to_vec()).unwrap_or_default();
        if !name.to_ascii_lowercase().ends_with(".json") {
            continue;
        }
        let inner = entry.content(bytes).ok_or_else(wrong)?;
        let label = format!("{file}:{}", name.escape_debug());
        let content = match entry.method {
            0 => read(&label, inner, budget)?,
            8 => read(&label, DeflateDecoder::new(inner), budget)?,
            _ => return Err(broken(&label, "it is packed in a way that is not known here")),
        };
        take(&label, &content)?;
    }
    if seen & 0xffff != count && count != 0xffff {
        return Err(wrong());
    }
    Ok(())
}

struct Entry<'b> {
    name: &'b [u8],
    method: u16,
    packed: usize,
    local: usize,
    next: usize,
}

impl<'b> Entry<'b> {
    fn read(bytes: &'b [u8], at: usize) -> Option<Self> {
        let method = u16_at(bytes, at + 10)?;
        let packed = usize_at(bytes, at + 20)?;
        let lengths = [28, 30, 32].map(|offset| u16_at(bytes, at + offset).map(usize::from));
        let [name, extra, comment] = lengths;
        let local = usize_at(bytes, at + 42)?;
        let name_end = (at + 46).checked_add(name?)?;
        let text = bytes.get(at + 46..name_end)?;
        let next = name_end.checked_add(extra?)?.checked_add(comment?)?;
        Some(Self { name: text, method, packed, local, next })
    }

    fn content(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let head = bytes.get(self.local..self.local.checked_add(30)?)?;
        if !head.starts_with(b"PK\x03\x04") {
            return None;
        }
        let name = usize::from(u16_at(head, 26)?);
        let extra = usize::from(u16_at(head, 28)?);
        let start = self.local.checked_add(30 + name + extra)?;
        bytes.get(start..start.checked_add(self.packed)?)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn usize_at(bytes: &[u8], at: usize) -> Option<usize> {
    let number: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(number)).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder};
    use std::io::Write as _;

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// An archive of deflated entries.
    pub(crate) fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in entries {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(content).unwrap();
            let packed = encoder.finish().unwrap();
            let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
            let short = |n: usize| u16::try_from(n).unwrap().to_le_bytes();
            let local = out.len();
            out.extend(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0");
            out.extend([number(packed.len()), number(content.len())].concat());
            out.extend([short(name.len()), short(0)].concat());
            out.extend(name.as_bytes());
            out.extend(&packed);
            directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0");
            directory.extend([number(packed.len()), number(content.len())].concat());
            directory.extend([short(name.len()), short(0), short(0), short(0), short(0)].concat());
            directory.extend([number(0), number(local)].concat());
            directory.extend(name.as_bytes());
        }
        let start = u32::try_from(out.len()).unwrap().to_le_bytes();
        let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count, count].concat());
        out.extend([size, start].concat());
        out.extend([0, 0]);
        out
    }

    fn all(bytes: Vec<u8>, budget: u64) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        let mut out = Vec::new();
        let mut budget = Budget { bytes: budget };
        unpack("f", bytes, &mut budget, &mut |name, bytes| {
            out.push((name.to_owned(), bytes.to_vec()));
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn plain_gzip_and_zip_give_their_files() {
        assert_eq!(all(b"{}".to_vec(), 100).unwrap(), [("f".to_owned(), b"{}".to_vec())]);
        assert_eq!(all(gzip(b"x"), 100).unwrap(), [("f".to_owned(), b"x".to_vec())]);
        let archive = zipped(&[("a.json", b"1"), ("readme.txt", b"no"), ("b/c.JSON", b"22")]);
        let found = all(archive, 100).unwrap();
        assert_eq!(
            found,
            [("f:a.json".to_owned(), b"1".to_vec()), ("f:b/c.JSON".to_owned(), b"22".to_vec())]
        );
    }

    #[test]
    fn a_bomb_ends_at_its_bound() {
        let zeros = vec![0; 2_000_000];
        for bomb in [gzip(&zeros), zipped(&[("a.json", &zeros)]), zeros.clone()] {
            assert!(matches!(all(bomb, 1_000_000), Err(AdvisoryError::TooMuch { .. })));
        }
        // Many small ones share the bound.
        let one = vec![b' '; 400_000];
        let many = zipped(&[("a.json", &one), ("b.json", &one), ("c.json", &one)]);
        assert!(matches!(all(many, 1_000_000), Err(AdvisoryError::TooMuch { .. })));
    }

    #[test]
    fn archives_that_are_cut_or_lie_are_refused() {
        let archive = zipped(&[("a.json", b"{\"x\": 1}"), ("b.json", b"{}")]);
        for cut in 4..archive.len() {
            // Whatever is missing: an error or less, never a panic.
            drop(all(archive[..cut].to_vec(), 1_000));
        }
        assert!(all(archive[..archive.len() - 30].to_vec(), 1_000).is_err());
        for at in 0..archive.len() {
            let mut bent = archive.clone();
            bent[at] ^= 0xff;
            drop(all(bent, 1_000));
        }
        assert!(all(gzip(b"hello")[..8].to_vec(), 1_000).is_err());
    }
}
