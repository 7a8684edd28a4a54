//! TLS: what is offered, and which certificate a client gets.
//!
//! TLS 1.2 and 1.3 with ECDHE and AEAD suites only, in our order; resumption by stateless tickets
//! that survive a reload; certificates by SNI, the first site's for a client that names none.

use crate::GatewayError;
use crate::acme::Answers;
use crate::hosts::ByHost;
use crate::plan::Purpose;
use crate::streams::StreamPlan;
use burgrave_config::{Settings, Site, Stream, StreamTls, Tls};
use burgrave_sys::{Access, SysError, make_own_directory, read_own, replace_own};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoClientAuth, ProducesTickets, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SupportedCipherSuite};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is spoken within TLS on the web's listeners.
const WEB: &[&[u8]] = &[b"h2", b"http/1.1"];
/// The suites in our order. AES-128 goes first: its SHA-256 has instructions of its own where SHA-384 has
/// none, which took a sixth of a handshake.
const SUITES: &[SupportedCipherSuite] = &[
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];
/// Most bytes of a certificate chain or key file.
const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// Most bytes of a file of authorities.
const AUTHORITIES_BYTES_MAX: u64 = 16 << 20;

/// The set-ups of the TLS listeners.
#[derive(Clone, Debug)]
pub(crate) struct Configs {
    /// For sites that ask for no client certificate, and for clients that name no site.
    pub(crate) default: Arc<rustls::ServerConfig>,
    /// `None`: the site asks for no client certificate.
    own: ByHost<Option<Own>>,
    /// What handshakes of an authority are answered with.
    answers: Option<Arc<Answers>>,
}

/// The set-up of a site that asks for client certificates.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) config: Arc<rustls::ServerConfig>,
    /// The authorities, as the site names them.
    pub(crate) client_ca: Arc<Path>,
}

impl Configs {
    /// Whether the client must be heard before the handshake.
    pub(crate) fn differ(&self) -> bool {
        self.own.values().any(Option::is_some) || self.answers.is_some()
    }

    /// The same, with answers to an authority that asks within TLS.
    pub(crate) fn answering(mut self, answers: Option<&Arc<Answers>>) -> Self {
        self.answers = answers.filter(|answers| answers.within_tls()).cloned();
        self
    }

    /// The set-up for a handshake that is an authority's question.
    pub(crate) fn of_authority(
        &self,
        hello: &ClientHello<'_>,
    ) -> Option<Arc<rustls::ServerConfig>> {
        self.answers.as_ref()?.handshake(hello)
    }

    /// The set-up for the name that a client asks for, where its site has one of its own.
    pub(crate) fn of(&self, name: Option<&str>) -> Option<&Own> {
        match name {
            Some(name) => self.own.find(&name.to_ascii_lowercase())?.as_ref(),
            None => self.own.any()?.as_ref(),
        }
    }
}

/// The set-ups for all TLS listeners, or `None` when no site has a certificate.
pub(crate) fn server_configs(
    settings: &Settings,
    ticketer: &Arc<dyn ProducesTickets>,
    purpose: Purpose,
) -> Result<Option<Configs>, GatewayError> {
    let provider = provider();
    let mut resolver = BySite::default();
    for site in &settings.sites {
        let Some(tls) = &site.tls else { continue };
        // One that we have yet to make has no fault to be found.
        if purpose == Purpose::Check && is_to_be_made(settings, site, tls)? {
            continue;
        }
        let key = Arc::new(certified_key(settings, site, tls, &provider)?);
        if resolver.first.is_none() {
            resolver.first = Some(Arc::clone(&key));
        }
        for host in &site.hosts {
            resolver.by_host.insert(host, Arc::clone(&key));
        }
    }
    if resolver.first.is_none() {
        return Ok(None);
    }
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(resolver);
    let default =
        server_config(&provider, &resolver, Arc::new(NoClientAuth), Arc::clone(ticketer), WEB)?;
    let mut configs = Configs { default, own: ByHost::default(), answers: None };
    for site in &settings.sites {
        let Some(file) = &site.client_ca else {
            site.hosts.iter().for_each(|host| configs.own.insert(host, None));
            continue;
        };
        let roots = Arc::new(authorities(file, true)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
            // Whether one is needed depends on the route.
            .allow_unauthenticated()
            .build()
            .map_err(|error| GatewayError::Tls(error.to_string()))?;
        // Tickets hold what was verified: they end with the authorities that it was verified by.
        let config = server_config(&provider, &resolver, verifier, self::ticketer()?, WEB)?;
        let own = Own { config, client_ca: Arc::from(file.as_path()) };
        for host in &site.hosts {
            configs.own.insert(host, Some(own.clone()));
        }
    }
    Ok(Some(configs))
}

/// The set-up of a stream whose TLS ends here.
#[derive(Clone, Debug)]
pub(crate) struct StreamConfig {
    pub(crate) config: Arc<rustls::ServerConfig>,
}

/// All streams, ready to serve.
pub(crate) fn streams(
    settings: &Settings,
    ticketer: &Arc<dyn ProducesTickets>,
    purpose: Purpose,
) -> Result<Vec<StreamPlan>, GatewayError> {
    let provider = provider();
    let one = |stream: &Stream| {
        let Some(StreamTls::Ended(tls)) = &stream.tls else {
            return Ok(StreamPlan::new(stream.clone(), None));
        };
        let mut site = Site::new(&format!("stream-{}", stream.name));
        if !stream.hosts.is_empty() {
            site.hosts.clone_from(&stream.hosts);
        }
        if purpose == Purpose::Check && is_to_be_made(settings, &site, tls)? {
            return Ok(StreamPlan::new(stream.clone(), None));
        }
        let mut resolver = BySite::default();
        resolver.by_host.insert("*", Arc::new(certified_key(settings, &site, tls, &provider)?));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::new(resolver);
        let (verifier, ticketer): (Arc<dyn ClientCertVerifier>, _) = match &stream.client_ca {
            None => (Arc::new(NoClientAuth), Arc::clone(ticketer)),
            Some(file) => {
                let roots = Arc::new(authorities(file, true)?);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
                        .build()
                        .map_err(|error| GatewayError::Tls(error.to_string()))?;
                (verifier, self::ticketer()?)
            }
        };
        let config = server_config(&provider, &resolver, verifier, ticketer, &[])?;
        Ok(StreamPlan::new(stream.clone(), Some(StreamConfig { config })))
    };
    settings.streams.iter().map(one).collect()
}

/// The cryptography of all servers of the gateway.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..aws_lc_rs::default_provider() })
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    resolver: &Arc<dyn ResolvesServerCert>,
    verifier: Arc<dyn ClientCertVerifier>,
    ticketer: Arc<dyn ProducesTickets>,
    protocols: &[&[u8]],
) -> Result<Arc<rustls::ServerConfig>, GatewayError> {
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| GatewayError::Tls(error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::clone(resolver));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    config.ignore_client_order = true;
    config.ticketer = ticketer;
    config.send_tls13_tickets = 2;
    Ok(Arc::new(config))
}

/// The certificates of a file of authorities. `all`: one that cannot be used is an error.
pub(crate) fn authorities(file: &Path, all: bool) -> Result<RootCertStore, GatewayError> {
    let wrong = |why: String| GatewayError::Authorities { file: file.to_path_buf(), why };
    let text = read_own(file, AUTHORITIES_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let added = roots.add(certificate.map_err(|error| wrong(error.to_string()))?);
        if all {
            added.map_err(|error| wrong(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

/// Keys for session tickets, made once a process.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, GatewayError> {
    aws_lc_rs::Ticketer::new().map_err(|error| GatewayError::Tls(error.to_string()))
}

#[derive(Debug, Default)]
struct BySite {
    by_host: ByHost<Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for BySite {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = hello.server_name() else {
            return self.by_host.any().or(self.first.as_ref()).cloned();
        };
        self.by_host.find(&name.to_ascii_lowercase()).cloned()
    }
}

fn certified_key(
    settings: &Settings,
    site: &Site,
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<CertifiedKey, GatewayError> {
    let (certificate, key) = match tls {
        Tls::Files { certificate, key } => (certificate.clone(), key.clone()),
        Tls::Acme if has_fetched(settings, site) => {
            (settings.acme_file(site), settings.acme_file(site))
        }
        Tls::SelfSigned | Tls::Acme => self_signed(settings, site)?,
    };
    pair(site, (&certificate, &key), provider)
}

/// Whether a site's fetched certificate is there and can be served.
pub(crate) fn has_fetched(settings: &Settings, site: &Site) -> bool {
    let provider = provider();
    let file = settings.acme_file(site);
    pair(site, (&file, &file), &provider).is_ok()
}

fn pair(
    site: &Site,
    (certificate, key): (&Path, &Path),
    provider: &Arc<CryptoProvider>,
) -> Result<CertifiedKey, GatewayError> {
    let read = |path: &Path| {
        read_own(path, PEM_BYTES_MAX).map_err(|source| file_error(site, path, source))
    };
    let unusable = |message: String| GatewayError::Certificate { site: site.name.clone(), message };
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(format!("`{}` is no PEM: {error}", certificate.display())))?;
    if chain.is_empty() {
        return Err(unusable(format!("`{}` holds no certificate", certificate.display())));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| unusable(format!("`{}` holds no private key: {error}", key.display())))?;
    let pair = CertifiedKey::from_der(chain, private, provider)
        .map_err(|error| unusable(format!("certificate and key are no pair: {error}")))?;
    pair.keys_match()
        .map_err(|error| unusable(format!("certificate and key are no pair: {error}")))?;
    Ok(pair)
}

/// Whether the certificate is one of our own that is not there yet.
fn is_to_be_made(settings: &Settings, site: &Site, tls: &Tls) -> Result<bool, GatewayError> {
    let (certificate, key) = match tls {
        Tls::Files { .. } => return Ok(false),
        Tls::Acme if has_fetched(settings, site) => return Ok(false),
        Tls::SelfSigned | Tls::Acme => settings.self_signed_files(site),
    };
    let there = |path: &Path| match read_own(path, PEM_BYTES_MAX) {
        Ok(_) => Ok(true),
        Err(SysError::Missing(_)) => Ok(false),
        Err(source) => Err(file_error(site, path, source)),
    };
    Ok(!(there(&certificate)? && there(&key)?))
}

/// Paths of a site's own certificate, made if it is not there yet.
fn self_signed(settings: &Settings, site: &Site) -> Result<(PathBuf, PathBuf), GatewayError> {
    let (certificate, key) = settings.self_signed_files(site);
    if !is_to_be_made(settings, site, &Tls::SelfSigned)? {
        return Ok((certificate, key));
    }
    let home = settings.state.join("tls");
    let names: Vec<String> = match site.hosts.iter().filter(|host| *host != "*").count() {
        0 => vec!["localhost".to_owned()],
        _ => site.hosts.iter().filter(|host| *host != "*").cloned().collect(),
    };
    let wrong = |error: rcgen::Error| GatewayError::Certificate {
        site: site.name.clone(),
        message: error.to_string(),
    };
    let signer = rcgen::KeyPair::generate().map_err(wrong)?;
    let made = own_certificate(names, &signer).map_err(wrong)?;
    make_own_directory(&home).map_err(|source| file_error(site, &home, source))?;
    replace_own(&key, signer.serialize_pem().as_bytes(), Access::Owner)
        .map_err(|source| file_error(site, &key, source))?;
    replace_own(&certificate, made.pem().as_bytes(), Access::All)
        .map_err(|source| file_error(site, &certificate, source))?;
    Ok((certificate, key))
}

/// One that names nobody but its host. Whoever trusts it does so by its fingerprint, so it lasts.
fn own_certificate(
    names: Vec<String>,
    signer: &rcgen::KeyPair,
) -> Result<rcgen::Certificate, rcgen::Error> {
    let host = names.first().cloned().unwrap_or_default();
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, host);
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let (year, ..) = burgrave_sys::wall_clock().civil();
    let year = i32::try_from(year).unwrap_or(2000);
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    params.not_after = rcgen::date_time_ymd(year.saturating_add(10), 1, 1);
    params.self_signed(signer)
}

fn file_error(site: &Site, path: &Path, source: SysError) -> GatewayError {
    GatewayError::CertificateFile { site: site.name.clone(), path: path.into(), source }
}
