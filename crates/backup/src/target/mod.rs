//! Where a repository is: a place of named files. One file here a kind of place.
//!
//! Contract, held by one suite for all: a file appears whole or not at all, is never replaced by another content
//! under the same name, and after [`Target::barrier`] everything written before it outlives a crash.

mod local;
mod rest;
mod s3;
mod sftp;
mod slow;

use crate::error::BackupError;
use crate::keyfile::Password;
use burgrave_config::{Backup, BackupTarget};
pub(crate) use local::Local;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may let one wait for its next bytes.
const IDLE_TIME: Duration = Duration::from_mins(5);

/// The kinds of files of a repository; each is a directory there, but for the one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileKind {
    /// The file `config`.
    Config,
    /// Keys, by their digest.
    Key,
    /// Locks, by their digest.
    Lock,
    /// Snapshots, by their digest.
    Snapshot,
    /// Indexes, by their digest.
    Index,
    /// Packs, by their digest.
    Pack,
}

impl FileKind {
    /// All that are directories.
    pub(crate) const FOLDERS: [Self; 5] =
        [Self::Key, Self::Lock, Self::Snapshot, Self::Index, Self::Pack];

    /// The directory's name.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Key => "keys",
            Self::Lock => "locks",
            Self::Snapshot => "snapshots",
            Self::Index => "index",
            Self::Pack => "data",
        }
    }

    /// As it is named in messages.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Config => "configuration",
            Self::Key => "key",
            Self::Lock => "lock",
            Self::Snapshot => "snapshot",
            Self::Index => "index",
            Self::Pack => "pack",
        }
    }
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// A place that holds a repository.
pub(crate) trait Target: Send + Sync {
    /// What it is called, without secrets.
    fn name(&self) -> String;

    /// Makes the directories of a repository.
    fn prepare(&self) -> Result<(), BackupError>;

    /// The files of a kind, in any order.
    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError>;

    /// A whole file of at most `bytes_max` bytes.
    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError>;

    /// A part of a file, exactly as long as asked for.
    fn read_part(
        &self,
        kind: FileKind,
        name: &str,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, BackupError>;

    /// Writes a new file. One that is there under this name is left, for it has the same content.
    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError>;

    /// Waits until everything that was written is on the disk there.
    fn barrier(&self) -> Result<(), BackupError>;

    /// Removes a file. `false`: it was not there.
    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError>;

    /// Removes what interrupted writers have left under names that are none. Nobody else is at work.
    fn tidy(&self) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Says that a name is a digest, or the configuration: nothing else is ever asked for or made.
pub(crate) fn is_name(kind: FileKind, name: &str) -> bool {
    match kind {
        FileKind::Config => name == "config",
        FileKind::Key | FileKind::Lock | FileKind::Snapshot | FileKind::Index | FileKind::Pack => {
            crate::id::Id::parse(name).is_some()
        }
    }
}

/// An error at a place.
pub(crate) fn fault(
    target: &dyn Target,
    doing: &str,
    kind: FileKind,
    name: &str,
    cause: impl std::fmt::Display,
) -> BackupError {
    BackupError::Target {
        target: target.name(),
        doing: format!("{doing} the {} `{name}`", kind.word()),
        cause: cause.to_string(),
    }
}

/// A place's name, without secrets.
pub(crate) fn name(target: &BackupTarget) -> String {
    match target {
        BackupTarget::Local(path) => path.display().to_string(),
        BackupTarget::Sftp { user, host, port, path } => {
            let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("sftp://{user}{host}{port}/{path}")
        }
        BackupTarget::Rest(address) => format!("rest:{}", show(address)),
        BackupTarget::S3(address) => format!("s3:{}", show(address)),
    }
}

fn show(address: &burgrave_config::HttpAddress) -> String {
    let scheme = if address.is_secure { "https" } else { "http" };
    format!("{scheme}://{}:{}{}", address.host, address.port, address.path)
}

/// The directory of a place on this machine.
pub(crate) fn local_path(target: &BackupTarget) -> Option<PathBuf> {
    match target {
        BackupTarget::Local(path) => Some(path.clone()),
        BackupTarget::Sftp { .. } | BackupTarget::Rest(_) | BackupTarget::S3(_) => None,
    }
}

/// Reaches a place.
pub(crate) fn open(job: &Backup) -> Result<Box<dyn Target>, BackupError> {
    let name = name(&job.repository);
    let credentials = || job.credentials.as_deref().map(Password::read).transpose();
    let text = |password: Option<Password>| {
        password
            .map(|password| String::from_utf8(password.bytes().to_vec()))
            .transpose()
            .map_err(|_odd| BackupError::Refused("the file of `credentials` is no text".to_owned()))
    };
    let target: Box<dyn Target> = match &job.repository {
        BackupTarget::Local(path) => Box::new(Local::new(path)),
        BackupTarget::Sftp { user, host, port, path } => {
            // A private key that others may read is refused here as by `ssh` itself.
            credentials()?;
            let (user, port, key) = (user.as_deref(), *port, job.credentials.as_deref());
            Box::new(sftp::Sftp::new(&sftp::Host { user, machine: host, port, path, key }, name)?)
        }
        BackupTarget::Rest(address) => {
            Box::new(rest::Rest::new(address, name, text(credentials()?)?.as_deref())?)
        }
        BackupTarget::S3(address) => {
            Box::new(s3::S3::new(address, name, &text(credentials()?)?.unwrap_or_default())?)
        }
    };
    Ok(match job.bandwidth {
        Some(bandwidth) => Box::new(slow::Slow::new(target, bandwidth)),
        None => target,
    })
}
