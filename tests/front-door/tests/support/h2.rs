//! An HTTP/2 client over TLS.

use super::tls::client;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;

pub fn http2<T>(test: impl AsyncFnOnce() -> T) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test())
}

pub type Sender<B> = hyper::client::conn::http2::SendRequest<B>;

pub async fn h2<B>(address: SocketAddr) -> Sender<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let config = client(&rustls::version::TLS13, &[b"h2"]);
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("site.test").unwrap();
    let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

pub fn request<B>(method: &str, uri: &str, headers: &[(&str, &str)], body: B) -> http::Request<B> {
    let mut builder = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).unwrap()
}
