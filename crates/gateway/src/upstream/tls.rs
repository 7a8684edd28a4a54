//! TLS towards `https` upstreams: the certificate is verified, always.

use crate::GatewayError;
use burgrave_config::{Host, Upstream};
use burgrave_sys::read_own;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where Debian and its kin keep the system's authorities.
const SYSTEM_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Most bytes of a file of authorities.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What a route needs to reach its `https` upstreams; `None` where it has none.
pub(crate) fn client_config(
    upstreams: &[Upstream],
    authorities: Option<&PathBuf>,
) -> Result<Option<Arc<ClientConfig>>, GatewayError> {
    if !upstreams.iter().any(|upstream| matches!(upstream, Upstream::Https(_))) {
        return Ok(None);
    }
    let file = authorities.map_or(Path::new(SYSTEM_FILE), PathBuf::as_path);
    let wrong = |why: String| GatewayError::Authorities { file: file.to_path_buf(), why };
    let text = read_own(file, FILE_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        // A system's collection may hold one that nobody can use; a user's own may not.
        let added = roots.add(certificate);
        if authorities.is_some() {
            added.map_err(|error| wrong(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

/// The name that the upstream's certificate must be for.
pub(super) fn server_name(host: &Host) -> Option<ServerName<'static>> {
    match host {
        Host::Address(address) => Some(ServerName::IpAddress((*address).into())),
        Host::Name(name) => ServerName::try_from(name.clone()).ok(),
    }
}
