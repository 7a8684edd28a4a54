//! Packs: files of many blobs, with a sealed table of what is in them at their end, as restic's format says
//! (its design document, "Pack Format").

use crate::crypto::{Key, OVERHEAD};
use crate::error::BackupError;
use crate::id::Id;

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum BlobKind {
    /// A piece of a file.
    Data,
    /// The list of a directory.
    Tree,
}

impl BlobKind {
    /// As it is written in an index.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Tree => "tree",
        }
    }
}

/// A blob's place in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) kind: BlobKind,
    pub(crate) id: Id,
    pub(crate) offset: u32,
    /// As it is in the pack: sealed, and compressed if it is.
    pub(crate) length: u32,
    /// 0: not compressed.
    pub(crate) unpacked: u32,
}

/// A pack is closed when it has this many bytes.
pub(crate) const PACK_BYTES: usize = 16 * 1024 * 1024;
/// Room for one, with the blob that fills it as it is on average, and its table.
const PACK_ROOM: usize = PACK_BYTES + 2 * 1024 * 1024;
const PACK_END: usize = 64 * 1024;
/// No pack is longer; restic's own packs have 128 MiB at most, and one blob more.
pub(crate) const PACK_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// No header is longer.
const HEADER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Blobs of one pack.
const BLOBS_MAX: usize = 100_000;
const PLAIN_BYTES: usize = 1 + 4 + 32;
const PACKED_BYTES: usize = PLAIN_BYTES + 4;

/// A pack that is being filled.
#[derive(Default)]
pub(crate) struct Packer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) blobs: Vec<Blob>,
}

impl Packer {
    /// Adds a sealed blob.
    pub(crate) fn add(
        &mut self,
        kind: BlobKind,
        id: Id,
        sealed: &[u8],
        unpacked: u32,
    ) -> Result<(), BackupError> {
        let long = |_long| BackupError::Refused("a pack is longer than 4 GiB".to_owned());
        let offset = u32::try_from(self.bytes.len()).map_err(long)?;
        let length = u32::try_from(sealed.len()).map_err(long)?;
        // To the size of a full pack at once, and exactly: doubling would hold twice the memory.
        if self.bytes.capacity() < PACK_BYTES && self.bytes.len() > 1 << 20 {
            self.bytes.reserve_exact(PACK_ROOM.saturating_sub(self.bytes.len()));
        }
        if self.bytes.capacity() - self.bytes.len() < sealed.len() && self.bytes.len() > 1 << 20 {
            self.bytes.reserve_exact(sealed.len().saturating_add(PACK_END));
        }
        self.bytes.extend_from_slice(sealed);
        self.blobs.push(Blob { kind, id, offset, length, unpacked });
        Ok(())
    }

    /// Whether it is to be closed.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= PACK_BYTES || self.blobs.len() >= BLOBS_MAX
    }

    /// The whole file: the blobs, the sealed table and its length.
    pub(crate) fn close(mut self, key: &Key) -> Result<(Vec<u8>, Vec<Blob>), BackupError> {
        let mut header = Vec::with_capacity(self.blobs.len().saturating_mul(PACKED_BYTES));
        for blob in &self.blobs {
            let kind = match (blob.kind, blob.unpacked) {
                (BlobKind::Data, 0) => 0,
                (BlobKind::Tree, 0) => 1,
                (BlobKind::Data, _) => 2,
                (BlobKind::Tree, _) => 3,
            };
            header.push(kind);
            header.extend_from_slice(&blob.length.to_le_bytes());
            if blob.unpacked != 0 {
                header.extend_from_slice(&blob.unpacked.to_le_bytes());
            }
            header.extend_from_slice(blob.id.bytes());
        }
        let before = self.bytes.len();
        key.seal_into(&header, &mut self.bytes)?;
        let length = u32::try_from(self.bytes.len().saturating_sub(before))
            .map_err(|_long| BackupError::Refused("a pack has too many blobs".to_owned()))?;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        Ok((self.bytes, self.blobs))
    }
}

/// How long a pack with these blobs is, to the byte.
pub(crate) fn pack_bytes<'b>(blobs: impl Iterator<Item = &'b Blob>) -> u64 {
    let table = u64::try_from(OVERHEAD + 4).unwrap_or(0);
    blobs.fold(table, |sum, blob| {
        let entry = if blob.unpacked == 0 { PLAIN_BYTES } else { PACKED_BYTES };
        sum.saturating_add(u64::from(blob.length)).saturating_add(u64::try_from(entry).unwrap_or(0))
    })
}

/// How long the sealed table is, by the last four bytes of a pack of this length.
pub(crate) fn header_bytes(last: [u8; 4], pack: u64) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(last)).ok()?;
    let fits = u64::try_from(length).ok()?.checked_add(4)? <= pack;
    (fits && (OVERHEAD..=HEADER_BYTES_MAX).contains(&length)).then_some(length)
}

/// The blobs that a sealed table names. `None`: it is no table, or not this key's, or it does not cover
/// the `body` bytes before it.
pub(crate) fn read_header(key: &Key, sealed: &mut [u8], body: u64) -> Option<Vec<Blob>> {
    let mut rest: &[u8] = key.open(sealed)?;
    let mut blobs = Vec::new();
    let mut offset = 0_u32;
    while let Some((kind, after)) = rest.split_first() {
        let (kind, is_packed) = match kind {
            0 => (BlobKind::Data, false),
            1 => (BlobKind::Tree, false),
            2 => (BlobKind::Data, true),
            3 => (BlobKind::Tree, true),
            _ => return None,
        };
        let (length, mut after) = after.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length);
        let mut unpacked = 0;
        if is_packed {
            let (bytes, further) = after.split_first_chunk::<4>()?;
            (unpacked, after) = (u32::from_le_bytes(*bytes), further);
        }
        let (id, further) = after.split_first_chunk::<32>()?;
        blobs.push(Blob { kind, id: Id(*id), offset, length, unpacked });
        offset = offset.checked_add(length)?;
        rest = further;
    }
    (u64::from(offset) == body).then_some(blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> (Key, Vec<u8>, Vec<Blob>) {
        let key = Key::from_bytes(&[9; 64]).unwrap();
        let mut packer = Packer::default();
        for (index, kind) in
            [BlobKind::Data, BlobKind::Tree, BlobKind::Data].into_iter().enumerate()
        {
            let text = vec![7; index * 100];
            let unpacked = u32::try_from(index * 500).unwrap();
            packer.add(kind, Id::of(&text), &key.seal(&text).unwrap(), unpacked).unwrap();
        }
        let (bytes, blobs) = packer.close(&key).unwrap();
        (key, bytes, blobs)
    }

    fn read(key: &Key, pack: &[u8]) -> Option<Vec<Blob>> {
        let last = *pack.last_chunk::<4>()?;
        let length = header_bytes(last, u64::try_from(pack.len()).ok()?)?;
        let body = pack.len().checked_sub(4 + length)?;
        let mut sealed = pack.get(body..pack.len() - 4)?.to_vec();
        read_header(key, &mut sealed, u64::try_from(body).ok()?)
    }

    #[test]
    fn a_pack_says_what_is_in_it() {
        let (key, pack, blobs) = closed();
        assert_eq!(read(&key, &pack).unwrap(), blobs);
        assert_eq!(pack_bytes(blobs.iter()), u64::try_from(pack.len()).unwrap());
        assert_eq!(blobs[2].unpacked, 1000);
    }

    #[test]
    fn a_cut_or_strange_pack_says_nothing() {
        let (key, pack, _) = closed();
        for length in 0..pack.len() {
            assert!(read(&key, &pack[..length]).is_none(), "cut to {length}");
        }
        assert!(read(&Key::from_bytes(&[8; 64]).unwrap(), &pack).is_none());
        let mut longer = vec![0];
        longer.extend_from_slice(&pack);
        assert!(read(&key, &longer).is_none(), "a table that does not cover the body");
    }

    #[test]
    fn packs_are_closed_when_they_are_full() {
        let mut packer = Packer::default();
        assert!(!packer.is_full());
        packer.add(BlobKind::Data, Id::of(b""), &vec![0; PACK_BYTES], 0).unwrap();
        assert!(packer.is_full());
    }
}
