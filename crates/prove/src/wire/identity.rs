//! What a client shows of itself within TLS.

use super::WireError;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// A certificate with its chain and its key.
#[derive(Clone)]
pub struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// Of bytes: the chain, leaf first, and the key (PKCS #8).
    pub fn new(chain: Vec<Vec<u8>>, key: Vec<u8>) -> Self {
        let key = PrivateKeyDer::Pkcs8(key.into());
        Self { chain: chain.into_iter().map(Into::into).collect(), key: Arc::new(key) }
    }

    /// One that nobody signed but itself, as anybody can make it.
    pub(crate) fn self_made(name: &str) -> Result<Self, WireError> {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]);
        let made = made.map_err(|source| WireError::Identity { name: name.to_owned(), source })?;
        Ok(Self::new(vec![made.cert.der().to_vec()], made.signing_key.serialize_der()))
    }
}

/// The key is nobody's business.
impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}
