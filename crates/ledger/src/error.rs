//! Why rows could not be written or looked at.

use burgrave_sys::SysError;
use std::path::PathBuf;

/// Why rows could not be written or looked at.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The machine did not do it.
    #[error("the machine refused")]
    Machine(#[from] SysError),
    /// The key cannot be used.
    #[error("the ledger's key `{}` cannot be used: {why}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No key could be made.
    #[error("no key could be made for the ledger")]
    NoKey,
    /// There is none.
    #[error("no ledger is in `{}`", .0.display())]
    NoLedger(PathBuf),
    /// A head that an auditor noted cannot be read.
    #[error(
        "`{0}` is no head: it is the file `HEAD` of an earlier look, or `ROW:HASH` as `burgrave ledger verify` shows it"
    )]
    NoHead(String),
}
