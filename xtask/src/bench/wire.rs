//! A backend that answers everything, and a client that sends raw requests; loopback only.

use anyhow::Result;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Answers 200 and nothing to every request, one a connection; ends when dropped.
pub(super) struct Backend {
    pub(super) address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Backend {
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::spawn(move || serve(stream));
            }
        });
        Ok(Self { address, stop })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

/// Reads until the head is in, answers, and drains what else comes.
fn serve(mut stream: TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 65536];
    drop(stream.set_read_timeout(Some(Duration::from_secs(5))));
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        seen.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if seen.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"));
    drop(stream.shutdown(std::net::Shutdown::Write));
    drop(stream.set_read_timeout(Some(Duration::from_millis(200))));
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

/// Sends a raw request; the answer's status, or `None` where the connection ended without one.
pub(super) fn send(address: SocketAddr, raw: &[u8]) -> Result<Option<u16>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    // A server that refuses early may close while the rest is still being sent.
    drop(stream.write_all(raw));
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while answer.len() < 64 {
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => answer.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            _ => break,
        }
    }
    let status = answer.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    Ok(status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_answers_every_request_and_ends() {
        let backend = Backend::start().unwrap();
        let address = backend.address;
        assert!(address.ip().is_loopback());
        for raw in ["GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.1\r\nA: b\r\n\r\nbody", "\r\n\r\n"] {
            assert_eq!(send(address, raw.as_bytes()).unwrap(), Some(200), "{raw:?}");
        }
        drop(backend);
    }

    #[test]
    fn an_answer_that_is_none_has_no_status() {
        for (answer, status) in [
            (&b""[..], None),
            (b"HTTP/1.1 403 No\r\n\r\n", Some(403)),
            (b"HTTP/1.1 4", None),
            (b"HTTP/1.0 200 OK\r\n\r\n", None),
            (b"HTTP/1.1 abc\r\n\r\n", None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut buffer = [0; 16];
                let _read = stream.read(&mut buffer).unwrap();
                stream.write_all(answer).unwrap();
            });
            assert_eq!(send(address, b"GET / HTTP/1.1").unwrap(), status, "{answer:?}");
            server.join().unwrap();
        }
    }
}
