//! The way to the ACME server: one verified TLS connection a request, HTTP/1.1 over it.
//!
//! Invariants: only `https`, only the directory's port and 443, no redirects; an answer has a bound in bytes and
//! in time. Few requests are made, days apart, so that no connection is kept.

use crate::error::CertificateError;
use burgrave_sys::read_own;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Where Debian and its kin keep the system's authorities.
const SYSTEM_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Most bytes of a file of authorities.
const AUTHORITIES_BYTES_MAX: u64 = 16 << 20;
/// Most bytes of an answer: a chain of certificates is a few kilobytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// From the look-up of the name to the last byte of the answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);
const HTTPS_PORT: u16 = 443;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Those who certify the ACME server: of this file, else the system's.
pub fn authorities(file: Option<&Path>) -> Result<RootCertStore, CertificateError> {
    let path = file.unwrap_or(Path::new(SYSTEM_FILE));
    let wrong = |why: String| CertificateError::Authorities { file: path.to_path_buf(), why };
    let text = read_own(path, AUTHORITIES_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let added = roots.add(certificate.map_err(|error| wrong(error.to_string()))?);
        // A system's collection may hold one that nobody can use; a user's own may not.
        if file.is_some() {
            added.map_err(|error| wrong(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Https {
    tls: Arc<ClientConfig>,
    /// The directory's.
    port: u16,
}

impl Https {
    pub(crate) fn new(roots: RootCertStore, port: u16) -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| CertificateError::Made(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls), port })
    }

    /// Host, port and authority of an address that may be asked.
    fn place(&self, uri: &Uri) -> Result<(String, u16, HeaderValue), Failure> {
        if uri.scheme_str() != Some("https") {
            return Err("the server names an address that is not `https`".into());
        }
        let authority = uri.authority().ok_or("the server names an address without a host")?;
        let port = authority.port_u16().unwrap_or(HTTPS_PORT);
        if authority.as_str().contains('@') || ![self.port, HTTPS_PORT].contains(&port) {
            return Err(format!("the server names an address on another port, {port}").into());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok((host, port, HeaderValue::from_str(authority.as_str())?))
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Failure> {
        let (host, port, authority) = self.place(request.uri())?;
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        let name = ServerName::try_from(host)?;
        let tls = TlsConnector::from(self.tls).connect(name, tcp).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
        let exchange = async {
            let (mut parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            parts.uri = path.parse()?;
            parts.headers.insert(HOST, authority);
            let answer = sender.send_request(Request::from_parts(parts, body)).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, Failure>(BytesResponse::from(Response::from_parts(parts, Full::new(body))))
        };
        tokio::pin!(exchange, connection);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = &mut connection => {
                ended?;
                // The whole answer may have come with the end.
                exchange.await
            }
        }
    }
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let own = self.clone();
        Box::pin(async move {
            match timeout(REQUEST_TIME, own.ask(request)).await {
                Ok(answer) => answer.map_err(Error::Other),
                Err(_slow) => Err(Error::Str("the server took too long")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::tests::made;

    fn own() -> Https {
        Https::new(RootCertStore::empty(), 14_000).unwrap()
    }

    #[test]
    fn only_the_servers_own_ports_are_asked_and_only_over_tls() {
        let place = |text: &str| own().place(&text.parse().unwrap());
        assert_eq!(place("https://a.example:14000/dir").unwrap().1, 14_000);
        let (host, port, authority) = place("https://[::1]/x").unwrap();
        assert_eq!((host.as_str(), port, authority.to_str().unwrap()), ("::1", 443, "[::1]"));
        for wrong in
            ["http://a.example:14000/", "https://a.example:22/", "/dir", "https://u@a.example/"]
        {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn authorities_are_read_whole_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, made(&["a"], (2026, 1, 1), (2027, 1, 1)).0).unwrap();
        assert_eq!(authorities(Some(&file)).unwrap().len(), 1);
        for text in
            ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            std::fs::write(&file, text).unwrap();
            assert!(authorities(Some(&file)).is_err(), "{text}");
        }
        assert!(authorities(Some(Path::new("/none"))).is_err());
    }
}
