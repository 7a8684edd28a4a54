//! HTTP/3 through a reload: what one gateway has begun it ends, while the next one reads its socket.

use crate::support;
use crate::support::Burgrave;
use bytes::{Buf as _, Bytes};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const SIZE: usize = 6 << 20;
const SOON: Duration = support::PATIENCE;

type Sender = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;

/// A client that trusts the gateway's own certificate.
async fn client(burgrave: &Burgrave) -> Sender {
    let pem = std::fs::read(burgrave.folder.path().join("state/tls/localhost.crt")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h3".to_vec()];
    let crypto = QuicClientConfig::try_from(Arc::new(config)).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
    let connecting = endpoint.connect(burgrave.address, "localhost").unwrap();
    let connection = timeout(SOON, connecting).await.unwrap().unwrap();
    let connection = h3_quinn::Connection::new(connection);
    let (mut driver, sender) = h3::client::new(connection).await.unwrap();
    tokio::spawn(async move { std::future::poll_fn(|context| driver.poll_close(context)).await });
    sender
}

fn get(path: &str) -> http::Request<()> {
    http::Request::get(format!("https://localhost{path}")).body(()).unwrap()
}

async fn status(sender: &mut Sender, path: &str) -> u16 {
    let mut stream = sender.send_request(get(path)).await.unwrap();
    stream.finish().await.unwrap();
    let status = timeout(SOON, stream.recv_response()).await.unwrap().unwrap().status().as_u16();
    // To its end, so that nobody left before it.
    while timeout(SOON, stream.recv_data()).await.unwrap().unwrap().is_some() {}
    status
}

#[test]
fn a_reload_loses_no_request() {
    let web = tempfile::tempdir().unwrap();
    let root = web.path().join("www");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("big"), vec![b'x'; SIZE]).unwrap();
    std::fs::write(root.join("index.html"), "front").unwrap();
    let burgrave = Burgrave::start(&format!(
        "tls = true\n[[site]]\nhosts = [\"localhost\"]\ntls = \"self-signed\"\nfiles = {{ root = \"{}\" }}\n",
        root.display()
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut senders = Vec::new();
        let mut begun = Vec::new();
        // As many as it takes for each event loop to have some.
        for _ in 0..8 {
            let mut sender = client(&burgrave).await;
            let mut stream = sender.send_request(get("/big")).await.unwrap();
            stream.finish().await.unwrap();
            assert_eq!(stream.recv_response().await.unwrap().status(), 200);
            senders.push(sender);
            begun.push(stream);
        }
        burgrave.signal("-HUP");
        burgrave.wait_for("configuration taken");
        for _ in 0..8 {
            assert_eq!(status(&mut client(&burgrave).await, "/").await, 200, "a new client");
        }
        for mut stream in begun {
            let mut length = 0;
            while let Some(piece) = timeout(SOON, stream.recv_data()).await.unwrap().unwrap() {
                length += piece.remaining();
            }
            assert_eq!(length, SIZE, "what was begun");
        }
    });
    let records = burgrave.records(16);
    assert!(records.iter().all(|record| record["http.version"] == "HTTP/3.0"), "{records:?}");
    assert!(records.iter().all(|record| record["reason"].is_null()), "{records:?}");
}
