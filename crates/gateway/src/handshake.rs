//! The TLS handshake, and what it says about a connection.

use crate::log::json::hex_text;
use crate::tls::Configs;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

/// What TLS says about a connection.
#[derive(Clone, Debug)]
pub(crate) struct TlsFacts {
    /// As the log writes it.
    pub(crate) version: &'static str,
    /// The name that the client asked for.
    pub(crate) sni: Option<String>,
    /// The client's certificate, if it showed one.
    pub(crate) certificate: Option<Shown>,
}

/// A client's certificate that was verified.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// `sha256:` and the fingerprint in hexadecimal digits.
    pub(crate) fingerprint: Rc<str>,
    /// The authorities that it was verified by.
    pub(crate) client_ca: Arc<Path>,
}

/// The handshake, by the set-up of the site that the client names.
pub(crate) async fn handshake(
    configs: &Configs,
    stream: TcpStream,
) -> std::io::Result<(TlsStream<TcpStream>, Option<Arc<Path>>)> {
    if !configs.differ() {
        let acceptor = TlsAcceptor::from(Arc::clone(&configs.default));
        return Ok((acceptor.accept(stream).await?, None));
    }
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
    if let Some(config) = configs.of_authority(&start.client_hello()) {
        return Ok((start.into_stream(config).await?, None));
    }
    let own = configs.of(start.client_hello().server_name());
    let config = own.map_or(&configs.default, |own| &own.config);
    let client_ca = own.map(|own| Arc::clone(&own.client_ca));
    Ok((start.into_stream(Arc::clone(config)).await?, client_ca))
}

/// The version in force, as the log writes it.
pub(crate) fn version(stream: &TlsStream<TcpStream>) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    }
}

/// The client's certificate, if it showed one and there are authorities to verify it.
pub(crate) fn shown(stream: &TlsStream<TcpStream>, client_ca: Option<Arc<Path>>) -> Option<Shown> {
    let session = stream.get_ref().1;
    let certificate = session.peer_certificates().and_then(|chain| chain.first());
    certificate.zip(client_ca).map(|(certificate, client_ca)| {
        let digest = Sha256::digest(certificate);
        let fingerprint = format!("sha256:{}", hex_text(&digest)).into();
        Shown { fingerprint, client_ca }
    })
}

pub(crate) fn tls_facts(stream: &TlsStream<TcpStream>, client_ca: Option<Arc<Path>>) -> TlsFacts {
    let sni = stream.get_ref().1.server_name().map(str::to_owned);
    TlsFacts { version: version(stream), sni, certificate: shown(stream, client_ca) }
}
