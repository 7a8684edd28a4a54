//! Why TLS cannot be spoken at all; what a server does wrong is an `io::Error` of the request.

use burgrave_sys::SysError;
use std::path::PathBuf;

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file cannot be read.
    #[error("a file of certificates or keys cannot be read")]
    File(#[from] SysError),
    /// A file holds nothing that is of use.
    #[error("`{0}` holds no {1} in PEM")]
    Empty(PathBuf, &'static str),
    /// No authority is known.
    #[error("this machine has no certificates of authorities (`ca-certificates`)")]
    NoAuthorities,
    /// The library does not take it.
    #[error("TLS cannot be spoken: {0}")]
    Tls(String),
}
