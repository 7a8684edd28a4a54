//! The name that a client asks TLS for, read without taking a byte away.

use rustls::server::Acceptor;
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest beginning of a handshake.
const HELLO_BYTES_MAX: usize = 16 * 1024;
/// How long to wait for the rest of one that comes in pieces.
const PAUSE: Duration = Duration::from_millis(5);

/// Peeks until the client's hello is whole; `None` where it names nobody.
pub(super) async fn server_name(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut seen = vec![0; HELLO_BYTES_MAX];
    let mut before = 0;
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if count > before {
            before = count;
            if let Some(name) = read(seen.get(..count).unwrap_or_default())? {
                return Ok(name);
            }
        } else if count == HELLO_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        } else {
            // What is there stays readable: peeking again at once would only burn time.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The name in lower case, once the hello is whole.
#[expect(clippy::option_option, reason = "not whole yet, and whole without a name")]
fn read(mut bytes: &[u8]) -> io::Result<Option<Option<String>>> {
    let mut acceptor = Acceptor::default();
    while !bytes.is_empty() {
        acceptor.read_tls(&mut bytes)?;
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let name = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
                return Ok(Some(name));
            }
            Err(_refused) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(None)
}
