//! An HTTP/2 upstream without TLS that speaks as gRPC servers do: messages, then trailers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// See the module.
pub struct Grpc {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A call's header as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub uri: String,
    pub headers: HeaderMap,
}

type Body = BoxBody<Bytes, std::io::Error>;

impl Grpc {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let records = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(listener, records));
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn accept(listener: std::net::TcpListener, records: Arc<Mutex<Vec<Seen>>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let records = Arc::clone(&records);
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = Seen { uri: request.uri().to_string(), headers: request.headers().clone() };
            records.lock().unwrap().push(seen);
            async move { Ok::<_, Infallible>(answer(request)) }
        });
        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
    }
}

/// A message in its frame.
pub fn message(text: &str) -> Bytes {
    let mut out = vec![0];
    out.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    out.into()
}

fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.insert("grpc-message", HeaderValue::from_static("fine"));
    // What no trailer may say.
    trailers.insert("content-length", HeaderValue::from_static("7"));
    trailers.insert("set-cookie", HeaderValue::from_static("a=b"));
    trailers.insert("server", HeaderValue::from_static("grpc/1.2.3"));
    trailers
}

fn answer(request: Request<Incoming>) -> Response<Body> {
    let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(16);
    let path = request.uri().path().to_owned();
    tokio::spawn(async move {
        let mut incoming = request.into_body();
        match path.as_str() {
            // Speaks first, then says each piece again as it comes.
            "/test.Echo/Both" => {
                sender.send_data(message("hello")).await.unwrap();
                while let Some(frame) = incoming.frame().await {
                    let Ok(Ok(data)) = frame.map(http_body::Frame::into_data) else { return };
                    if sender.send_data(data).await.is_err() {
                        return;
                    }
                }
                drop(sender.send_trailers(trailers("0")).await);
            }
            "/test.Echo/Fails" => drop(sender.send_trailers(trailers("13")).await),
            "/test.Echo/Dies" => {
                sender.send_data(message("half")).await.unwrap();
                // Resets the stream, some time after the header has gone out.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                sender.abort(std::io::ErrorKind::Other.into());
            }
            _ => {
                let said = incoming.collect().await.unwrap().to_bytes();
                sender.send_data(said).await.unwrap();
                drop(sender.send_trailers(trailers("0")).await);
            }
        }
    });
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
