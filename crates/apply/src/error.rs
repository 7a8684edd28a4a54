//! Why a change was not made, or not taken back.

use rustix::io::Errno;
use std::path::PathBuf;

/// Why a change was not made, or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A system call failed.
    #[error("{doing} `{path}`")]
    System {
        /// What was being done.
        doing: &'static str,
        /// On what.
        path: String,
        /// Why it failed.
        #[source]
        source: Errno,
    },
    /// A link, a pipe, a device or a socket stands where a file or a directory should.
    #[error("`{path}` is a {kind}: it is not changed")]
    WrongKind {
        /// What was looked at.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A symbolic link lies on the way.
    #[error("a symbolic link lies on the way to `{0}`: it is not followed")]
    Link(String),
    /// The file has other names, which would be changed along with it.
    #[error("`{0}` has other names (hard links): it is not changed")]
    Linked(String),
    /// It is not what the plan was made for.
    #[error("`{0}` has changed since the plan was made; plan anew")]
    Changed(String),
    /// It is neither as it was before the change nor as after it.
    #[error("`{0}` was changed by somebody else since; with `--force` it is set back all the same")]
    Conflict(String),
    /// Larger than what is read into memory.
    #[error("`{0}` is larger than what is changed here")]
    TooLarge(String),
    /// Another process of ours is at it.
    #[error("another `burgrave apply` or `undo` is at work")]
    Busy,
    /// The state directory could be written by others.
    #[error("`{0}` is not ours alone (owner or mode): what it says is not trusted")]
    Untrusted(String),
    /// A record of the journal does not make sense.
    #[error("the journal is damaged at `{0}`: {1}")]
    Damaged(String, String),
    /// No such change.
    #[error("there is no change `{0}`; `burgrave undo --list` shows all")]
    NoSuchId(String),
    /// Nothing to take back.
    #[error("nothing was changed, so there is nothing to take back")]
    NothingToUndo,
    /// Taken back already.
    #[error("change `{0}` was taken back already")]
    Undone(String),
    /// The kernel is too old.
    #[error("the kernel has no `openat2` (Linux 5.6), without which nothing is changed")]
    NoOpenat2,
    /// Not a directory that can be a root.
    #[error("cannot open the root `{}`", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Errno,
    },
    /// A test stopped here, as a power failure would.
    #[error("stopped here on purpose")]
    Stopped,
}

/// Sorts a failed call.
pub(crate) fn fault(doing: &'static str, path: &str, errno: Errno) -> ApplyError {
    match errno {
        Errno::LOOP | Errno::XDEV => ApplyError::Link(path.to_owned()),
        Errno::NOSYS => ApplyError::NoOpenat2,
        source => ApplyError::System { doing, path: path.to_owned(), source },
    }
}
