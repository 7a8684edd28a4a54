//! What is the same with all servers of HTTP that hold a repository.

use super::{FileKind, Target, fault};
use crate::error::BackupError;
use burgrave_client::{Address, Answer, Client, Patience, Trust};
use burgrave_config::HttpAddress;
use std::time::Duration;

/// A whole file, by a request for it; without a repository there is no configuration.
pub(super) fn whole(
    target: &dyn Target,
    kind: FileKind,
    get: impl FnOnce(Option<String>) -> Result<Answer, BackupError>,
) -> Result<Vec<u8>, BackupError> {
    match get(None) {
        Err(BackupError::Missing { .. }) if kind == FileKind::Config => {
            Err(BackupError::NoRepository(target.name()))
        }
        other => other.map(|answer| answer.body),
    }
}

/// A part of a file, by a request for a range of so many bytes at most: as long as asked for, or an error.
pub(super) fn part(
    target: &dyn Target,
    (kind, name): (FileKind, &str),
    (offset, bytes): (u64, usize),
    get: impl FnOnce(Option<String>, u64) -> Result<Answer, BackupError>,
) -> Result<Vec<u8>, BackupError> {
    let length = u64::try_from(bytes).unwrap_or(u64::MAX);
    if length == 0 {
        return Ok(Vec::new());
    }
    let range = format!("bytes={offset}-{}", offset.saturating_add(length) - 1);
    let answer = get(Some(range), length)?;
    if answer.status != 206 {
        return Err(fault(target, "reading a part of", kind, name, "the server gives no parts"));
    }
    if answer.body.len() != bytes {
        let why = format!("it is cut short: {} bytes of {bytes}", answer.body.len());
        return Err(BackupError::damaged(format!("{} `{name}`", kind.word()), why));
    }
    Ok(answer.body)
}

/// How long a server of repositories may take.
const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(20), idle: Duration::from_mins(5) };

/// A client of a server; connects when it is asked.
pub(super) fn client(address: &HttpAddress) -> Result<Client, BackupError> {
    let tls = address.is_secure.then(|| Trust::default().load()).transpose()?;
    let at = Address { host: address.host.clone(), port: address.port };
    Ok(Client::new(at, tls, PATIENCE))
}
