//! Where the pieces of a file come from: a file, whose holes are not read, or a stream.

use crate::chunker::CHUNK_BYTES_MAX;
use crate::error::BackupError;
use burgrave_sys::{Attributes, advise_once, next_data};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;

/// Why pieces end early.
pub(super) enum Failed {
    Reading(std::io::Error),
    Storing(BackupError),
}

/// Where pieces come from.
pub(super) trait Pieces {
    /// Some bytes; none at the end.
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize>;
    /// About how many bytes come.
    fn hint(&self) -> usize;
}

/// A file, whose holes are not read.
pub(super) struct FileReader<'f> {
    file: &'f File,
    pub(super) offset: u64,
    size: u64,
    /// The data that begin at or after the offset, in a file with holes.
    data: Option<(u64, u64)>,
    is_sparse: bool,
}

impl<'f> FileReader<'f> {
    pub(super) fn new(file: &'f File, facts: &Attributes) -> Self {
        let is_sparse = facts.allocated < facts.size && facts.size > 64 * 1024;
        if facts.size > 1 << 20 {
            advise_once(file);
        }
        Self { file, offset: 0, size: facts.size, data: None, is_sparse }
    }

    /// How much of a hole begins at the offset.
    fn hole(&mut self) -> u64 {
        if !self.is_sparse || self.offset >= self.size {
            return 0;
        }
        if self.data.is_none_or(|(_, end)| end <= self.offset) {
            self.data = next_data(self.file, self.offset).or(Some((self.size, u64::MAX)));
        }
        let start = self.data.map_or(0, |(start, _)| start.min(self.size));
        start.saturating_sub(self.offset)
    }
}

impl Pieces for FileReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let hole = usize::try_from(self.hole()).unwrap_or(usize::MAX).min(into.len());
        if hole > 0 {
            into.get_mut(..hole).unwrap_or_default().fill(0);
            self.offset = self.offset.saturating_add(u64::try_from(hole).unwrap_or(0));
            return Ok(hole);
        }
        loop {
            match self.file.read_at(into, self.offset) {
                Ok(read) => {
                    self.offset = self.offset.saturating_add(u64::try_from(read).unwrap_or(0));
                    return Ok(read);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn hint(&self) -> usize {
        let left = self.size.saturating_sub(self.offset).saturating_add(1);
        usize::try_from(left).unwrap_or(usize::MAX)
    }
}

pub(super) struct StreamReader<'s> {
    pub(super) input: &'s mut dyn Read,
    pub(super) bytes: &'s mut u64,
}

impl Pieces for StreamReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.input.read(into) {
                Ok(read) => {
                    *self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(0));
                    return Ok(read);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn hint(&self) -> usize {
        CHUNK_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(reader: &mut dyn Pieces) -> Vec<u8> {
        let mut all = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            let read = reader.read(&mut buffer).unwrap();
            if read == 0 {
                return all;
            }
            all.extend_from_slice(&buffer[..read]);
        }
    }

    #[test]
    fn holes_read_as_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let folder = burgrave_sys::Folder::open(dir.path()).unwrap();
        for (bytes, at) in [
            (0, None),
            (10, Some(3)),
            (300_000, None),
            (300_000, Some(150_000)),
            (300_000, Some(299_999)),
        ] {
            let file = folder.create(b"file").unwrap();
            file.set_len(bytes).unwrap();
            let mut expected = vec![0; usize::try_from(bytes).unwrap()];
            if let Some(at) = at {
                file.write_all_at(b"x", at).unwrap();
                expected[usize::try_from(at).unwrap()] = b'x';
            }
            let (file, facts) = folder.read(b"file").unwrap();
            let mut reader = FileReader::new(&file, &facts);
            assert!(read_all(&mut reader) == expected, "{bytes} {at:?}");
            assert_eq!(reader.offset, bytes);
            folder.remove(b"file").unwrap();
        }
    }

    #[test]
    fn a_stream_that_fails_is_not_taken_for_its_end() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _into: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }
        let mut bytes = 0;
        assert!(StreamReader { input: &mut Broken, bytes: &mut bytes }.read(&mut [0]).is_err());
        assert_eq!(
            read_all(&mut StreamReader { input: &mut &b"text"[..], bytes: &mut bytes }),
            b"text"
        );
        assert_eq!(bytes, 4);
    }
}
