//! A place that is used no faster than so many bytes a second.

use super::{FileKind, Listed, Target};
use crate::error::BackupError;
use crate::meter::Meter;

/// Another place, slowed down.
pub(crate) struct Slow {
    inner: Box<dyn Target>,
    meter: Meter,
}

impl Slow {
    pub(crate) fn new(inner: Box<dyn Target>, bytes_per_second: u64) -> Self {
        Self { inner, meter: Meter::new(bytes_per_second) }
    }

    fn pay(&self, bytes: usize) {
        self.meter.pay(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl Target for Slow {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn prepare(&self) -> Result<(), BackupError> {
        self.inner.prepare()
    }

    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError> {
        self.inner.list(kind)
    }

    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        let content = self.inner.read(kind, name, bytes_max)?;
        self.pay(content.len());
        Ok(content)
    }

    fn read_part(
        &self,
        kind: FileKind,
        name: &str,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, BackupError> {
        self.pay(bytes);
        self.inner.read_part(kind, name, offset, bytes)
    }

    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        self.pay(content.len());
        self.inner.write(kind, name, content)
    }

    fn barrier(&self) -> Result<(), BackupError> {
        self.inner.barrier()
    }

    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        self.inner.remove(kind, name)
    }

    fn overwrite(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        self.inner.overwrite(kind, name, content)
    }

    fn erase(&self, kind: FileKind, name: &str) -> Result<(), BackupError> {
        self.inner.erase(kind, name)
    }

    fn survives(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<bool, BackupError> {
        self.inner.survives(kind, name, content)
    }

    fn tidy(&self) -> Result<(), BackupError> {
        self.inner.tidy()
    }
}
