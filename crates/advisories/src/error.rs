//! What can go wrong with files of advisories, by whose fault.

use burgrave_audit::facts::Blind;
use burgrave_sys::SysError;
use std::path::PathBuf;

/// Why advisories could not be imported or compared.
#[derive(Debug, thiserror::Error)]
pub enum AdvisoryError {
    /// A file could not be read.
    #[error("cannot read `{}`", .0.display())]
    Read(PathBuf, #[source] SysError),
    /// It is none of the forms that are known, or broken.
    #[error("`{file}` cannot be taken: {why}")]
    Form {
        /// The file, or the entry of an archive.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// More than is taken.
    #[error(
        "`{file}` holds more than {what}: give it in parts, or leave out what is not of this release"
    )]
    TooMuch {
        /// The file.
        file: String,
        /// The bound that it passes.
        what: &'static str,
    },
    /// What was kept is not what we wrote.
    #[error("the kept data `{}` is damaged: import it again", .0.display())]
    Damaged(PathBuf),
    /// It could not be kept.
    #[error("cannot keep the data in `{}`", .0.display())]
    Keep(PathBuf, #[source] SysError),
    /// The host could not be looked at.
    #[error("cannot look at `{}`: {}", .0.what, .0.why)]
    Blind(Blind),
    /// No package manager that we understand.
    #[error("no package of dpkg or rpm is installed there: nothing can be compared")]
    NoPackages,
    /// Packages of rpm.
    #[error(
        "versions of rpm's packages are not compared with data of holes: `dnf updateinfo list --security` tells them"
    )]
    OtherRules,
}
