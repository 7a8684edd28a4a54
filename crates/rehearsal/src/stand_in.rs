//! Somebody who listens in an upstream's place.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections that one takes in its life.
const CONNECTIONS_MAX: usize = 2_000;
/// Between two looks for a client.
const PAUSE: Duration = Duration::from_millis(2);
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(20);

/// See the module. When it is dropped it is gone: nobody listens there, and what was open is closed.
#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    is_over: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Listens on a port of loopback; each connection is served by a thread of its own.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Result<Self, String> {
        let words = |error: std::io::Error| format!("listening on loopback: {error}");
        let listener = TcpListener::bind(crate::house::FRONT).map_err(words)?;
        listener.set_nonblocking(true).map_err(words)?;
        let address = listener.local_addr().map_err(words)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (end, kept) = (Arc::clone(&is_over), Arc::clone(&open));
        let serve = Arc::new(serve);
        let thread = std::thread::spawn(move || {
            for _ in 0..CONNECTIONS_MAX {
                let Some(client) = next(&listener, &end) else { return };
                let Ok(twin) = client.try_clone() else { continue };
                if let Ok(own) = client.try_clone() {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(own);
                }
                let serve = Arc::clone(&serve);
                // Ends with the connection.
                drop(std::thread::spawn(move || {
                    serve(client);
                    // Others hold it, too: it must be seen to end.
                    drop(twin.shutdown(Shutdown::Both));
                }));
            }
        });
        Ok(Self { address, is_over, open, thread: Some(thread) })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        for client in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            drop(client.shutdown(Shutdown::Both));
        }
    }
}

/// The next client, until it is over.
fn next(listener: &TcpListener, is_over: &AtomicBool) -> Option<TcpStream> {
    while !is_over.load(Ordering::SeqCst) {
        if let Ok((client, _)) = listener.accept() {
            client.set_nonblocking(false).ok()?;
            client.set_read_timeout(Some(SILENCE)).ok()?;
            client.set_write_timeout(Some(SILENCE)).ok()?;
            client.set_nodelay(true).ok()?;
            return Some(client);
        }
        std::thread::sleep(PAUSE);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Read, Write};

    #[test]
    fn who_is_gone_takes_nobody_and_leaves_nobody_waiting() {
        let own = StandIn::start(|mut client| {
            let mut piece = [0; 8];
            while let Ok(count @ 1..) = client.read(&mut piece) {
                drop(client.write_all(&piece[..count]));
            }
        })
        .unwrap();
        let address = own.address;
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"ab").unwrap();
        let mut heard = [0; 2];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"ab");
        drop(own);
        assert_eq!(client.read(&mut heard).unwrap(), 0);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
}
