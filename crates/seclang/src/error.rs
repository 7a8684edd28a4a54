//! Errors of rule files.

use std::path::PathBuf;

/// One thing wrong in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct LoadError {
    /// The file.
    pub file: PathBuf,
    /// The line on which the directive begins, from 1; 0 where the file itself is at fault.
    pub line: usize,
    /// What is wrong and what to do about it.
    pub message: String,
}
