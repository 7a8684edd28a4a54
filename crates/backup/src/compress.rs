//! Zstandard within bounds: what a repository holds says how long it is, and is not believed beyond it.

use crate::error::BackupError;
use zstd::bulk::{Compressor, Decompressor};

/// How hard is tried. Level 1 of the reference implementation: a restore costs the same at any.
const LEVEL: i32 = 1;
/// Most bytes of an unpacked file of the repository that is no pack, such as an index.
pub(crate) const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Compresses and unpacks with buffers of its own; one a thread.
pub(crate) struct Zstd {
    compressor: Compressor<'static>,
    decompressor: Decompressor<'static>,
    buffer: Vec<u8>,
}

impl Zstd {
    pub(crate) fn new() -> Result<Self, BackupError> {
        let wrong = |error: std::io::Error| {
            BackupError::Refused(format!("compression cannot be set up: {error}"))
        };
        let mut compressor = Compressor::new(LEVEL).map_err(wrong)?;
        // The length is written first, as readers like it.
        compressor.include_contentsize(true).map_err(wrong)?;
        Ok(Self {
            compressor,
            decompressor: Decompressor::new().map_err(wrong)?,
            buffer: Vec::new(),
        })
    }

    /// The compressed bytes, if they are fewer. The buffer is this value's own, and is used again.
    pub(crate) fn compress(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        let length = self.compressor.compress_to_buffer(bytes, &mut self.buffer).ok()?;
        self.buffer.get(..length).filter(|packed| packed.len() < bytes.len())
    }

    /// The compressed bytes, whatever their number.
    pub(crate) fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>, BackupError> {
        self.compressor
            .compress(bytes)
            .map_err(|error| BackupError::Refused(format!("compression failed: {error}")))
    }

    /// The bytes before, which have to be exactly `length`. `None`: they are not.
    pub(crate) fn unpack(&mut self, packed: &[u8], length: usize) -> Option<Vec<u8>> {
        let bytes = self.decompressor.decompress(packed, length).ok()?;
        (bytes.len() == length).then_some(bytes)
    }
}

/// Unpacks what does not say how long it is, up to a bound.
pub(crate) fn unpack_bounded(packed: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let reader = zstd::stream::read::Decoder::new(packed).ok()?;
    let most = u64::try_from(UNPACKED_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= UNPACKED_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut zstd = Zstd::new().unwrap();
        for bytes in [vec![], vec![0; 1_000_000], b"abc".repeat(1000)] {
            let packed = zstd.pack(&bytes).unwrap();
            assert_eq!(zstd.unpack(&packed, bytes.len()).unwrap(), bytes);
            assert_eq!(unpack_bounded(&packed).unwrap(), bytes);
        }
    }

    #[test]
    fn what_does_not_get_smaller_is_left() {
        let mut zstd = Zstd::new().unwrap();
        assert!(zstd.compress(b"x").is_none());
        assert!(zstd.compress(&[0; 1000]).is_some());
    }

    #[test]
    fn lengths_are_not_believed_beyond_what_was_said() {
        let mut zstd = Zstd::new().unwrap();
        let packed = zstd.pack(&[0; 1000]).unwrap();
        assert!(zstd.unpack(&packed, 999).is_none());
        assert!(zstd.unpack(&packed, 1001).is_none());
        assert!(zstd.unpack(b"nonsense", 10).is_none() && unpack_bounded(b"nonsense").is_none());
        let bomb = zstd.pack(&vec![0; UNPACKED_BYTES_MAX + 1]).unwrap();
        assert!(unpack_bounded(&bomb).is_none());
    }
}
