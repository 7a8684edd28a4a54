//! TLS as far as a proof needs it.
//!
//! Any certificate is accepted: the addresses are our own, the machine may carry a self-signed
//! certificate or one for another name, nothing confidential is sent, and whether the certificate is
//! a good one is not what is proven here. The handshake's signatures are checked all the same.

use super::connection::is_wait;
use super::identity::Identity;
use super::{Reply, WireError, now};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// A client's side of TLS.
pub(crate) type Session = ClientConnection;

/// The versions that a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// 1.2 and 1.3.
    Both,
    /// 1.2 only, ECDHE with AEAD suites.
    Tls12,
    /// 1.3 only.
    Tls13,
}

/// What a client says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    pub(crate) offer: Offer,
    /// The protocol within TLS.
    pub(crate) protocol: &'a [u8],
    /// `None`: it shows no certificate, asked or not.
    pub(crate) identity: Option<&'a Identity>,
}

impl Default for Client<'_> {
    fn default() -> Self {
        Self { offer: Offer::Both, protocol: b"http/1.1", identity: None }
    }
}

/// A session that asks for this host.
pub(crate) fn session(host: &str, client: Client<'_>) -> Result<Session, WireError> {
    let config = config(host, client)?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_invalid| WireError::Name(host.to_owned()))?;
    ClientConnection::new(Arc::new(config), name).map_err(|source| wrong(host, source))
}

/// How TLS is spoken with this host.
pub(crate) fn config(host: &str, client: Client<'_>) -> Result<ClientConfig, WireError> {
    let wrong = |source| wrong(host, source);
    let versions: &[&rustls::SupportedProtocolVersion] = match client.offer {
        Offer::Both => &[&rustls::version::TLS13, &rustls::version::TLS12],
        Offer::Tls12 => &[&rustls::version::TLS12],
        Offer::Tls13 => &[&rustls::version::TLS13],
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(wrong)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)));
    let mut config = match client.identity {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let shown = builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key());
            shown.map_err(wrong)?
        }
    };
    config.alpn_protocols = vec![client.protocol.to_vec()];
    Ok(config)
}

fn wrong(host: &str, source: rustls::Error) -> WireError {
    WireError::Tls { host: host.to_owned(), source }
}

/// Does the handshake, until `end` at the latest.
pub(crate) fn handshake(
    session: &mut Session,
    stream: &mut TcpStream,
    end: Duration,
) -> Result<(), Reply> {
    while session.is_handshaking() || session.wants_write() {
        let left = end.saturating_sub(now());
        if left.is_zero() {
            return Err(Reply::Silent);
        }
        let timed = stream
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .and_then(|()| stream.set_write_timeout(Some(left.max(Duration::from_millis(1)))));
        match timed.and_then(|()| step(session, stream)) {
            Ok(()) => {}
            Err(error) if is_wait(error.kind()) => {}
            Err(error) => return Err(Reply::Closed(format!("TLS handshake ended: {error}"))),
        }
    }
    Ok(())
}

fn step(session: &mut Session, stream: &mut TcpStream) -> io::Result<()> {
    if session.wants_write() {
        session.write_tls(stream)?;
        return Ok(());
    }
    take_records(session, stream)
}

/// Reads some TLS from the socket; an end or an alert is an error.
fn take_records(session: &mut Session, stream: &mut TcpStream) -> io::Result<()> {
    if session.read_tls(stream)? == 0 {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "connection closed"));
    }
    let processed = session.process_new_packets();
    processed.map(|_state| ()).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Sends a piece.
pub(crate) fn send(session: &mut Session, stream: &mut TcpStream, piece: &[u8]) -> io::Result<()> {
    session.writer().write_all(piece)?;
    while session.wants_write() {
        session.write_tls(stream)?;
    }
    Ok(())
}

/// Reads decrypted bytes; `None` when records came that held none.
pub(crate) fn receive(
    session: &mut Session,
    stream: &mut TcpStream,
    space: &mut [u8],
) -> io::Result<Option<usize>> {
    match session.reader().read(space) {
        Ok(count) => return Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    take_records(session, stream)?;
    Ok(None)
}

/// See the module.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
