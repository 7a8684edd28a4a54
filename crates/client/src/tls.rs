//! Whom a client believes, and as whom it comes.

use crate::error::ClientError;
use burgrave_sys::read_own;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The certificates of the authorities that this machine trusts, as Debian and Red Hat keep them.
pub const AUTHORITIES: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
const AUTHORITIES_BYTES_MAX: u64 = 16 * 1024 * 1024;
const OWN_BYTES_MAX: u64 = 1024 * 1024;

/// Who vouches for a server, and who vouches for this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// A file of certificates (PEM) in place of the machine's authorities.
    pub ca: Option<PathBuf>,
    /// The own certificate with those that vouch for it, and its key (both PEM).
    pub own: Option<(PathBuf, PathBuf)>,
}

/// What TLS is spoken by.
pub type Tls = Arc<ClientConfig>;

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or holds nothing; no authority at all.
    pub fn load(&self) -> Result<Tls, ClientError> {
        let mut roots = RootCertStore::empty();
        for certificate in authorities(self.ca.as_deref())? {
            let added = roots.add(certificate);
            // One of the machine's that this library does not take vouches for nobody.
            if self.ca.is_some() {
                added.map_err(|error| ClientError::Tls(error.to_string()))?;
            }
        }
        if roots.is_empty() {
            return Err(ClientError::NoAuthorities);
        }
        let wrong = |error: rustls::Error| ClientError::Tls(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(wrong)?
            .with_root_certificates(roots);
        let config = match &self.own {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let text = read_own(key, OWN_BYTES_MAX)?;
                let private = PrivateKeyDer::from_pem_slice(&text)
                    .map_err(|_odd| ClientError::Empty(key.clone(), "private key"))?;
                config.with_client_auth_cert(chain, private).map_err(wrong)?
            }
        };
        Ok(Arc::new(config))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let text = read_own(path, OWN_BYTES_MAX)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).flatten().collect();
    if found.is_empty() {
        return Err(ClientError::Empty(path.to_path_buf(), "certificate"));
    }
    Ok(found)
}

/// The certificates of a file, else of the authorities that this machine trusts.
///
/// # Errors
///
/// A file that cannot be read or holds none; a machine that trusts nobody.
pub fn authorities(ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    if let Some(path) = ca {
        return certificates(path);
    }
    let texts = AUTHORITIES.iter().filter_map(|file| {
        // One of both is there on each kind of machine.
        read_own(Path::new(file), AUTHORITIES_BYTES_MAX).ok()
    });
    let found: Vec<CertificateDer<'static>> = texts
        .flat_map(|text| CertificateDer::pem_slice_iter(&text).flatten().collect::<Vec<_>>())
        .collect();
    if found.is_empty() { Err(ClientError::NoAuthorities) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_hold_nothing_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.pem");
        #[expect(clippy::disallowed_methods, reason = "the test's own file")]
        std::fs::write(&path, "-----BEGIN NOTHING-----\n").unwrap();
        let of_ca = Trust { ca: Some(path.clone()), own: None };
        assert!(matches!(of_ca.load(), Err(ClientError::Empty(own, "certificate")) if own == path));
        let missing = Trust { ca: Some(folder.path().join("none")), own: None };
        assert!(matches!(missing.load(), Err(ClientError::File(_))));
    }
}
