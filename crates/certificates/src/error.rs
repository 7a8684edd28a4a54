//! What can go wrong with a certificate.

use burgrave_sys::SysError;
use std::path::PathBuf;

/// Why a certificate could not be fetched, read or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file of ours.
    #[error("cannot keep what is fetched")]
    Disk(#[from] SysError),
    /// The file of authorities for the ACME server.
    #[error("the authorities in `{}` cannot be used: {why}", file.display())]
    Authorities {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The ACME server, or the way to it.
    #[error("{doing}: {why}")]
    Server {
        /// What was asked of it.
        doing: &'static str,
        /// What it said, or what went wrong.
        why: String,
    },
    /// The server offers no challenge of the configured kind.
    #[error("the authority does not offer `{0}` for `{1}`")]
    NotOffered(&'static str, String),
    /// The server asks for something that no page or record can be called.
    #[error("the authority's token is no base64url")]
    Token,
    /// The hook failed.
    #[error("the hook failed: {0}")]
    Hook(String),
    /// What was fetched, or is kept, is not what is needed.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
    /// Making a key or a request failed.
    #[error("cannot make a key or a request: {0}")]
    Made(String),
    /// The program of the hook.
    #[error("the hook `{}` cannot be run: {why}", program.display())]
    Program {
        /// Its path.
        program: PathBuf,
        /// Why not.
        why: String,
    },
}

impl CertificateError {
    /// A call to the server that failed.
    pub(crate) fn server(doing: &'static str, error: &instant_acme::Error) -> Self {
        Self::Server { doing, why: shown(&error.to_string()) }
    }

    /// The whole chain in one line.
    pub fn chain(&self) -> String {
        burgrave_sys::chain(self)
    }
}

/// What somebody else has said, cut and without control characters.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 400;
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_cut_and_harmless() {
        assert_eq!(shown("a\u{1b}[2J\nb"), "a [2J b");
        assert_eq!(shown(&"x".repeat(5_000)).len(), 400);
    }

    #[test]
    fn a_chain_is_one_line() {
        let disk = CertificateError::Disk(SysError::Missing("/x".into()));
        assert!(disk.chain().starts_with("cannot keep what is fetched: "), "{}", disk.chain());
    }
}
