//! A TLS client that takes any certificate.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub fn client(version: &'static SupportedProtocolVersion, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    client_with(version, alpn, None)
}

/// What a client shows of itself.
pub type Shown = (Vec<CertificateDer<'static>>, Arc<PrivateKeyDer<'static>>);

pub fn client_with(
    version: &'static SupportedProtocolVersion,
    alpn: &[&[u8]],
    shown: Option<Shown>,
) -> Arc<ClientConfig> {
    built(rustls::crypto::aws_lc_rs::default_provider(), version, alpn, shown)
}

/// A client of TLS 1.3 that offers these suites and no others.
pub fn client_of(suites: &[rustls::SupportedCipherSuite]) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites = suites.to_vec();
    built(provider, &rustls::version::TLS13, &[], None)
}

fn built(
    provider: rustls::crypto::CryptoProvider,
    version: &'static SupportedProtocolVersion,
    alpn: &[&[u8]],
    shown: Option<Shown>,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate));
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key.clone_key()).unwrap(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

pub type Secure = StreamOwned<ClientConnection, TcpStream>;

pub fn open(config: &Arc<ClientConfig>, address: SocketAddr, name: &str) -> Secure {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(Arc::clone(config), name).unwrap();
    StreamOwned::new(session, super::connect(address))
}

/// An authority for client certificates.
pub struct Authorities(CertifiedIssuer<'static, KeyPair>);

/// A client's certificate with its key.
pub struct Client(Shown);

impl Authorities {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn client(&self, name: &str) -> Client {
        let key = KeyPair::generate().unwrap();
        let client = CertificateParams::new(vec![format!("{name}.test")]).unwrap();
        let client = client.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Client((vec![client.der().clone()], Arc::new(key)))
    }
}

impl Client {
    pub fn shown(&self) -> Shown {
        self.0.clone()
    }

    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.0.0[0]);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }
}
