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
    /// A command wrote more than the caller allowed and was killed.
    #[error("`{}` wrote more than the {limit} bytes allowed here", program.display())]
    Flooded {
        /// The program.
        program: PathBuf,
        /// The limit in bytes, for each of its two outputs.
        limit: usize,
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
        let kind = source.kind();
        if matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) {
            return Self::Missing(path);
        }
        if kind == std::io::ErrorKind::PermissionDenied {
            return Self::Denied(path);
        }
        Self::Io { doing, path, source }
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        source = inner.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error;
    use std::io;

    #[test]
    fn io_errors_are_sorted_by_what_the_caller_can_do() {
        for (kind, text) in [
            (io::ErrorKind::NotFound, "`/a` does not exist"),
            (io::ErrorKind::NotADirectory, "`/a` does not exist"),
            (io::ErrorKind::PermissionDenied, "no permission to read `/a`"),
            (io::ErrorKind::StorageFull, "reading `/a`"),
        ] {
            let error = SysError::from_io("reading", "/a", io::Error::from(kind));
            assert_eq!(error.to_string(), text);
            let kept = matches!(error, SysError::Io { .. });
            assert_eq!(error.source().is_some(), kept, "only an unsorted error has a source");
        }
    }

    #[test]
    fn every_error_names_its_object_and_its_limit() {
        let path = || PathBuf::from("/x");
        for (error, text) in [
            (
                SysError::TooLarge { path: path(), limit: 7 },
                "`/x` is larger than the 7 bytes allowed here",
            ),
            (SysError::WrongKind { path: path(), wanted: "directory" }, "`/x` is not a directory"),
            (SysError::Escapes(path()), "`/x` leaves its root"),
            (
                SysError::Timeout { program: path(), limit: Duration::from_millis(200) },
                "`/x` did not end within 200ms",
            ),
            (
                SysError::Flooded { program: path(), limit: 9 },
                "`/x` wrote more than the 9 bytes allowed here",
            ),
            (
                SysError::Unsupported("running a command"),
                "running a command cannot be asked of this system",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_chain_names_every_cause() {
        let inner = std::io::Error::other("the cable is cut");
        let error = SysError::from_io("reading", "/x", inner);
        assert_eq!(chain(&error), format!("{error}: the cable is cut"));
        assert_eq!(chain(&SysError::Escapes("/x".into())), "`/x` leaves its root");
    }
}
