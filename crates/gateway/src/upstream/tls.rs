//! TLS towards `https` upstreams: the certificate is verified, always.

use crate::GatewayError;
use crate::tls::authorities;
use burgrave_config::{Host, Upstream};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where Debian and its kin keep the system's authorities.
const SYSTEM_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What a route needs to reach its `https` upstreams; `None` where it has none.
pub(crate) fn client_config(
    upstreams: &[Upstream],
    authorities_file: Option<&PathBuf>,
) -> Result<Option<Arc<ClientConfig>>, GatewayError> {
    if !upstreams.iter().any(|upstream| matches!(upstream, Upstream::Https(_))) {
        return Ok(None);
    }
    let file = authorities_file.map_or(Path::new(SYSTEM_FILE), PathBuf::as_path);
    // A system's collection may hold one that nobody can use; a user's own may not.
    let roots = authorities(file, authorities_file.is_some())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| GatewayError::Tls(error.to_string()))?
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
