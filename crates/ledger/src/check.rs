//! Looks at a ledger on the disk, or at a copy of one, and changes nothing.

use crate::book::{HEAD, LOCK, PUBLIC};
use crate::error::LedgerError;
use crate::fault::Fault;
use crate::hash::Hash;
use crate::head::{Head, Noted};
use crate::key::PublicKey;
use crate::read::{Segment, lines, segments};
use crate::verify::{Verdict, Verifier};
use burgrave_sys::{Followed, Live, Lock, SysError, System as _, read_own};
use std::path::Path;
use std::time::Duration;

const FILE_BYTES_MAX: u64 = 64 * 1024;
/// How long a writer may hold the lock.
const LOCK_TIME: Duration = Duration::from_secs(20);

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rows.
    pub verdict: Verdict,
    /// Segments that were read.
    pub segments: usize,
    /// The head, as an auditor notes it for the next time.
    pub head: Option<Noted>,
    /// The fingerprint of the key that was trusted.
    pub key: Hash,
    /// Whether that key was given, and not found beside the rows.
    pub is_key_given: bool,
}

/// Verifies the ledger in a directory: with the key of this file, else the one beside it; `noted`: a head of an
/// earlier look.
///
/// # Errors
/// When there is nothing that could be verified, or no key to do it with.
pub fn check(
    folder: &Path,
    key: Option<&Path>,
    noted: Option<Noted>,
) -> Result<Check, LedgerError> {
    let beside = folder.join(PUBLIC);
    let path = key.unwrap_or(&beside);
    if Live.metadata(folder).is_err() {
        return Err(LedgerError::NoLedger(folder.to_path_buf()));
    }
    let public = match read_own(path, FILE_BYTES_MAX) {
        Ok(text) => PublicKey::parse(&text, path)?,
        Err(SysError::Missing(_)) if key.is_none() => {
            return Err(LedgerError::NoLedger(folder.to_path_buf()));
        }
        Err(error) => return Err(error.into()),
    };
    let (head, all) = snapshot(folder)?;
    let linked = head.as_ref().ok().map(|head| Noted(head.link()));
    let mut verifier = Verifier::new(public, head, noted);
    let last = all.len();
    for ((segment, length), number) in all.into_iter().zip(1..) {
        if segment.number != number {
            verifier.fault(Fault::Unread(format!("segment {number} is not there")));
        }
        match lines(&segment, length, &mut |place, line| verifier.line(place, line)) {
            Ok(None) => {}
            Ok(Some((place, bytes))) if usize::try_from(number) == Ok(last) => {
                verifier.unfinished(place, bytes);
            }
            Ok(Some((place, _))) => verifier.fault(Fault::Odd(place, "it has no end")),
            Err(error) => verifier.fault(Fault::Unread(error.to_string())),
        }
    }
    Ok(Check {
        verdict: verifier.finish(),
        segments: last,
        head: linked,
        key: public.fingerprint(),
        is_key_given: key.is_some(),
    })
}

type Snapshot = (Result<Head, &'static str>, Vec<(Segment, u64)>);

/// The head, and how long each segment is at the same moment: what comes later is left for the next look. In a copy
/// nobody writes, and it may lie where no lock can be taken.
fn snapshot(folder: &Path) -> Result<Snapshot, LedgerError> {
    let lock = folder.join(LOCK);
    let is_locked = Live.metadata(&lock).is_ok();
    let _lock = match is_locked.then(|| Lock::take(&lock, LOCK_TIME)) {
        Some(Err(SysError::Denied(_))) | None => None,
        Some(Err(SysError::Io { source, .. }))
            if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem =>
        {
            None
        }
        Some(lock) => Some(lock?),
    };
    let head = match read_own(&folder.join(HEAD), FILE_BYTES_MAX) {
        Ok(text) => Head::parse(&text),
        Err(SysError::Missing(_)) => Err("it is not there"),
        Err(_) => Err("it cannot be read"),
    };
    let mut all = Vec::new();
    for segment in segments(folder)? {
        let length = Followed::open(&segment.path)?.length()?;
        all.push((segment, length));
    }
    Ok((head, all))
}
