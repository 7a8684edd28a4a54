//! A connection, in plain or within TLS, with an end to every wait.

use crate::tls::Tls;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address; one of IPv6 with or without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// How long is waited at most.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes, in either direction.
    pub idle: Duration,
}

/// A connection; what comes is buffered.
pub struct Connection {
    wire: BufReader<Box<dyn Wire>>,
    socket: TcpStream,
    idle: Duration,
    /// When nothing more is waited for, however much still comes.
    deadline: Option<Instant>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connection").field("socket", &self.socket).finish_non_exhaustive()
    }
}

/// Connects to the first address of a name that answers, within TLS where it is given.
///
/// # Errors
///
/// Nobody answers in time, or the name has no address. A handshake's errors come with the first bytes.
pub fn connect(
    address: &Address,
    tls: Option<&Tls>,
    patience: Patience,
) -> Result<Connection, std::io::Error> {
    let host = address.host.trim_start_matches('[').trim_end_matches(']');
    let mut last = std::io::Error::other("the name has no address");
    for found in (host, address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&found, patience.connect) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                socket.set_read_timeout(Some(patience.idle))?;
                socket.set_write_timeout(Some(patience.idle))?;
                let wire = BufReader::new(secure(socket.try_clone()?, host, tls)?);
                return Ok(Connection { wire, socket, idle: patience.idle, deadline: None });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn secure(
    socket: TcpStream,
    host: &str,
    tls: Option<&Tls>,
) -> Result<Box<dyn Wire>, std::io::Error> {
    let Some(tls) = tls else { return Ok(Box::new(socket)) };
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let session = ClientConnection::new(Arc::clone(tls), name).map_err(std::io::Error::other)?;
    Ok(Box::new(StreamOwned::new(session, socket)))
}

impl Connection {
    /// From now on nothing is read past this moment, but for one wait for bytes.
    pub(crate) fn end_at(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    fn is_in_time(&self) -> std::io::Result<()> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// Whether the other side has ended it. Of a protocol in which it never speaks: what it says all the same is passed over.
    ///
    /// # Errors
    ///
    /// The socket does not take a time limit.
    pub fn is_closed(&mut self) -> Result<bool, std::io::Error> {
        self.socket.set_read_timeout(Some(Duration::from_millis(1)))?;
        let read = self.wire.fill_buf().map(<[u8]>::len);
        self.socket.set_read_timeout(Some(self.idle))?;
        match read {
            Ok(count) => {
                self.wire.consume(count);
                Ok(count == 0)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(false)
            }
            Err(_) => Ok(true),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.is_in_time()?;
        self.wire.read(into)
    }
}

impl BufRead for Connection {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.is_in_time()?;
        self.wire.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.wire.consume(count);
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.wire.get_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.wire.get_mut().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const PATIENCE: Patience =
        Patience { connect: Duration::from_secs(5), idle: Duration::from_secs(5) };

    #[test]
    fn an_end_of_the_other_side_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address { host: "[127.0.0.1]".to_owned(), port };
        let mut connection = connect(&address, None, PATIENCE).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        assert!(!connection.is_closed().unwrap());
        other.write_all(b"chatter").unwrap();
        connection.write_all(b"line").unwrap();
        let mut four = [0; 4];
        other.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"line");
        drop(other);
        let is_closed = |_| {
            std::thread::sleep(Duration::from_millis(10));
            connection.is_closed().unwrap()
        };
        assert!((0..1_000).any(is_closed));
    }

    #[test]
    fn nobody_there_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let address = Address { host: "127.0.0.1".to_owned(), port };
        assert!(connect(&address, None, PATIENCE).is_err());
    }
}
