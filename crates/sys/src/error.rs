//! What can go wrong at the door, by whose fault and what to do.

use std::path::PathBuf;
use std::time::Duration;

/// An answer that the machine did not give.
#[derive(Debug, thiserror::Error)]
pub enum SysError {
    /// Nothing is there.
    #[error("`{}` does not exist", .0.display())]
    Missing(PathBuf),
    /// It is there, but not for us.
    #[error("no permission to read `{}`", .0.display())]
    Denied(PathBuf),
    /// More than the caller allowed.
    #[error("`{}` is larger than the {limit} bytes allowed here", path.display())]
    TooLarge {
        /// What was read.
        path: PathBuf,
        /// The limit in bytes or entries.
        limit: u64,
    },
    /// Not a regular file or not a directory, where one was asked for.
    #[error("`{}` is not a {wanted}", path.display())]
    WrongKind {
        /// What was looked at.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The path would leave the root, by `..` or by a symbolic link.
    #[error("`{}` leaves its root", .0.display())]
    Escapes(PathBuf),
    /// A command took too long and was killed.
    #[error("`{}` did not end within {limit:?}", program.display())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        limit: Duration,
    },
    /// Not to be had on this kind of system.
    #[error("{0} cannot be asked of this system")]
    Unsupported(&'static str),
    /// Everything else, with the operating system's own word in the source.
    #[error("{doing} `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl SysError {
    /// Sorts an I/O error into the kinds that callers tell apart.
    pub fn from_io(doing: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        match source.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Missing(path),
            std::io::ErrorKind::PermissionDenied => Self::Denied(path),
            _ => Self::Io { doing, path, source },
        }
    }
}
