//! TLS: what is offered, and which certificate a client gets.
//!
//! TLS 1.2 and 1.3 with ECDHE and AEAD suites only, in our order; resumption by stateless tickets
//! that survive a reload; certificates by SNI, the first site's for a client that names none.

use crate::GatewayError;
use burgrave_config::{Settings, Site, Tls};
use burgrave_sys::{Access, SysError, make_own_directory, read_own, replace_own};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of a certificate chain or key file.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// The set-up for all TLS listeners, or `None` when no site has a certificate.
pub(crate) fn server_config(
    settings: &Settings,
    ticketer: &Arc<dyn ProducesTickets>,
) -> Result<Option<Arc<rustls::ServerConfig>>, GatewayError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut resolver = BySite::default();
    for site in &settings.sites {
        let Some(tls) = &site.tls else { continue };
        let key = Arc::new(certified_key(settings, site, tls, &provider)?);
        if resolver.first.is_none() {
            resolver.first = Some(Arc::clone(&key));
        }
        for host in &site.hosts {
            if host == "*" {
                resolver.any = Some(Arc::clone(&key));
            } else {
                resolver.by_host.insert(host.clone(), Arc::clone(&key));
            }
        }
    }
    if resolver.first.is_none() {
        return Ok(None);
    }
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| GatewayError::Tls(error.to_string()))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ignore_client_order = true;
    config.ticketer = Arc::clone(ticketer);
    config.send_tls13_tickets = 2;
    Ok(Some(Arc::new(config)))
}

/// Keys for session tickets, made once a process.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, GatewayError> {
    rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|error| GatewayError::Tls(error.to_string()))
}

#[derive(Debug, Default)]
struct BySite {
    by_host: HashMap<String, Arc<CertifiedKey>>,
    any: Option<Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for BySite {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = hello.server_name() else {
            return self.any.clone().or_else(|| self.first.clone());
        };
        let name = name.to_ascii_lowercase();
        self.by_host.get(&name).or(self.any.as_ref()).cloned()
    }
}

fn certified_key(
    settings: &Settings,
    site: &Site,
    tls: &Tls,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<CertifiedKey, GatewayError> {
    let (certificate, key) = match tls {
        Tls::Files { certificate, key } => (certificate.clone(), key.clone()),
        Tls::SelfSigned => self_signed(settings, site)?,
    };
    let read = |path: &Path| {
        read_own(path, PEM_BYTES_MAX).map_err(|source| file_error(site, path, source))
    };
    let unusable = |message: String| GatewayError::Certificate { site: site.name.clone(), message };
    let chain = CertificateDer::pem_slice_iter(&read(&certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(format!("`{}` is no PEM: {error}", certificate.display())))?;
    if chain.is_empty() {
        return Err(unusable(format!("`{}` holds no certificate", certificate.display())));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(&key)?)
        .map_err(|error| unusable(format!("`{}` holds no private key: {error}", key.display())))?;
    let pair = CertifiedKey::from_der(chain, private, provider)
        .map_err(|error| unusable(format!("certificate and key are no pair: {error}")))?;
    pair.keys_match()
        .map_err(|error| unusable(format!("certificate and key are no pair: {error}")))?;
    Ok(pair)
}

/// Paths of a site's own certificate, made if it is not there yet.
fn self_signed(settings: &Settings, site: &Site) -> Result<(PathBuf, PathBuf), GatewayError> {
    let home = settings.state.join("tls");
    let name = if site.name == "*" { "any" } else { site.name.as_str() };
    let (certificate, key) = (home.join(format!("{name}.crt")), home.join(format!("{name}.key")));
    let there = |path: &Path| match read_own(path, PEM_BYTES_MAX) {
        Ok(_) => Ok(true),
        Err(SysError::Missing(_)) => Ok(false),
        Err(source) => Err(file_error(site, path, source)),
    };
    if there(&certificate)? && there(&key)? {
        return Ok((certificate, key));
    }
    let names: Vec<String> = match site.hosts.iter().filter(|host| *host != "*").count() {
        0 => vec!["localhost".to_owned()],
        _ => site.hosts.iter().filter(|host| *host != "*").cloned().collect(),
    };
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| {
        GatewayError::Certificate { site: site.name.clone(), message: error.to_string() }
    })?;
    make_own_directory(&home).map_err(|source| file_error(site, &home, source))?;
    replace_own(&key, made.signing_key.serialize_pem().as_bytes(), Access::Owner)
        .map_err(|source| file_error(site, &key, source))?;
    replace_own(&certificate, made.cert.pem().as_bytes(), Access::All)
        .map_err(|source| file_error(site, &certificate, source))?;
    Ok((certificate, key))
}

fn file_error(site: &Site, path: &Path, source: SysError) -> GatewayError {
    GatewayError::CertificateFile { site: site.name.clone(), path: path.into(), source }
}
