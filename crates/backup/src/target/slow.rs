//! A place that is used no faster than so many bytes a second.

use super::{FileKind, Listed, Target};
use crate::error::BackupError;
use burgrave_sys::{Moment, monotonic};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Another place, slowed down.
pub(crate) struct Slow {
    inner: Box<dyn Target>,
    bytes_per_second: u64,
    /// From when on more may go.
    free: Mutex<Option<Moment>>,
}

impl Slow {
    pub(crate) fn new(inner: Box<dyn Target>, bytes_per_second: u64) -> Self {
        Self { inner, bytes_per_second: bytes_per_second.max(1), free: Mutex::new(None) }
    }

    /// Waits until what was used is paid for, then uses so many.
    fn pay(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let cost = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        let now = monotonic();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = free.filter(|free| *free > now).unwrap_or(now);
        *free = Some(Moment(begin.0.saturating_add(cost)));
        drop(free);
        std::thread::sleep(begin - now);
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
