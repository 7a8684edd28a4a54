//! Kept connections to one upstream. Each event loop has its own, so no lock is needed.

use super::link::Link;
use super::multiplexed::Connections;
use super::socket::Socket;
use super::tls::server_name;
use crate::refusal::Reason;
use burgrave_config::{Authority, Host, Upstream};
use rustls::ClientConfig;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Most connections that are kept for one upstream.
const KEPT_MAX: usize = 32;
/// How long one is kept.
const KEPT_TIME: Duration = Duration::from_secs(30);
/// How long an upstream that refused is tried last.
const COOLING_TIME: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug)]
pub(crate) struct Pool {
    /// As the configuration writes it, for the log.
    pub(crate) name: Rc<str>,
    upstream: Upstream,
    verify: Option<Arc<ClientConfig>>,
    kept: RefCell<VecDeque<(Box<Link>, Instant)>>,
    /// Where requests share connections.
    pub(super) shared: Option<Connections>,
    refused: Cell<Option<Instant>>,
}

impl Pool {
    pub(crate) fn new(upstream: &Upstream, verify: Option<Arc<ClientConfig>>) -> Rc<Self> {
        let name = match upstream {
            Upstream::Http(authority) => format!("http://{}", place(authority)),
            Upstream::Https(authority) => format!("https://{}", place(authority)),
            Upstream::H2c(authority) => format!("h2c://{}", place(authority)),
            Upstream::Unix(path) => format!("unix:{}", path.display()),
            Upstream::FastCgi(authority) => format!("fastcgi://{}", place(authority)),
            Upstream::FastCgiUnix(path) => format!("fastcgi:{}", path.display()),
        };
        let shares = matches!(upstream, Upstream::H2c(_));
        Rc::new(Self {
            name: name.into(),
            upstream: upstream.clone(),
            verify,
            kept: RefCell::default(),
            shared: shares.then(Connections::default),
            refused: Cell::new(None),
        })
    }

    /// Whether connections are verified in this way.
    pub(crate) fn verifies_by(&self, verify: Option<&Arc<ClientConfig>>) -> bool {
        match (&self.verify, verify) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => !matches!(self.upstream, Upstream::Https(_)),
        }
    }

    /// What the upstream is asked for by name.
    pub(super) fn host(&self) -> String {
        match &self.upstream {
            Upstream::Http(own)
            | Upstream::Https(own)
            | Upstream::H2c(own)
            | Upstream::FastCgi(own) => place(own),
            Upstream::Unix(_) | Upstream::FastCgiUnix(_) => "localhost".to_owned(),
        }
    }

    /// Whether it refused a moment ago.
    pub(crate) fn cooling(&self) -> bool {
        self.refused.get().is_some_and(|at| at.elapsed() < COOLING_TIME)
    }

    /// A kept connection that is still open.
    pub(crate) fn kept(self: &Rc<Self>) -> Option<Box<Link>> {
        loop {
            let (mut link, since) = self.kept.borrow_mut().pop_back()?;
            if since.elapsed() < KEPT_TIME && link.usable() {
                return Some(link);
            }
        }
    }

    /// Keeps a connection whose answer was read to its end.
    pub(crate) fn keep(&self, link: Box<Link>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((link, Instant::now()));
    }

    /// Closes connections that have not been used for long.
    pub(crate) fn sweep(&self) {
        self.kept.borrow_mut().retain(|(_, since)| since.elapsed() < KEPT_TIME);
        if let Some(shared) = &self.shared {
            shared.sweep();
        }
    }

    /// A new connection.
    pub(crate) async fn fresh(self: &Rc<Self>, time: Duration) -> Result<Box<Link>, Reason> {
        Ok(Box::new(Link::new(self.socket(time).await?, Rc::clone(self))))
    }

    /// A new connection, or why there is none.
    pub(super) async fn socket(&self, time: Duration) -> Result<Socket, Reason> {
        let connected = timeout(time, self.connect()).await;
        let outcome = match connected {
            Err(_elapsed) => Err(Reason::UpstreamConnectSlow),
            Ok(Err(Unconnected::Refused)) => Err(Reason::UpstreamRefused),
            Ok(Err(Unconnected::Unverified)) => Err(Reason::UpstreamUnverified),
            Ok(Ok(socket)) => Ok(socket),
        };
        self.refused.set(outcome.is_err().then(Instant::now));
        outcome
    }

    async fn connect(&self) -> Result<Socket, Unconnected> {
        match &self.upstream {
            Upstream::Http(authority) | Upstream::H2c(authority) | Upstream::FastCgi(authority) => {
                Ok(Socket::Tcp(tcp(authority).await?))
            }
            Upstream::Https(authority) => {
                let config = self.verify.clone().ok_or(Unconnected::Unverified)?;
                let name = server_name(&authority.host).ok_or(Unconnected::Unverified)?;
                let stream = tcp(authority).await?;
                let secured = TlsConnector::from(config).connect(name, stream).await;
                let secured = secured.map_err(|_unverified| Unconnected::Unverified)?;
                Ok(Socket::Tls(Box::new(secured)))
            }
            Upstream::Unix(path) | Upstream::FastCgiUnix(path) => {
                let stream = UnixStream::connect(path).await;
                Ok(Socket::Unix(stream.map_err(|_refused| Unconnected::Refused)?))
            }
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
enum Unconnected {
    Refused,
    Unverified,
}

/// A TCP connection to an upstream.
pub(crate) async fn connect_tcp(authority: &Authority) -> std::io::Result<TcpStream> {
    let stream = match &authority.host {
        Host::Address(address) => TcpStream::connect((*address, authority.port)).await?,
        Host::Name(name) => TcpStream::connect((name.as_str(), authority.port)).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn tcp(authority: &Authority) -> Result<TcpStream, Unconnected> {
    connect_tcp(authority).await.map_err(|_refused| Unconnected::Refused)
}

/// Host and port as the configuration writes them.
pub(crate) fn place(authority: &Authority) -> String {
    match &authority.host {
        Host::Address(address) if address.is_ipv6() => format!("[{address}]:{}", authority.port),
        Host::Address(address) => format!("{address}:{}", authority.port),
        Host::Name(name) => format!("{name}:{}", authority.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(host: Host, port: u16) -> Upstream {
        Upstream::Http(Authority { host, port })
    }

    #[test]
    fn names_are_as_the_configuration_writes_them() {
        for (upstream, wanted) in [
            (http(Host::Address("127.0.0.1".parse().unwrap()), 80), "http://127.0.0.1:80"),
            (http(Host::Address("::1".parse().unwrap()), 80), "http://[::1]:80"),
            (http(Host::Name("app".to_owned()), 3000), "http://app:3000"),
            (Upstream::Unix("/run/app.sock".into()), "unix:/run/app.sock"),
        ] {
            assert_eq!(&*Pool::new(&upstream, None).name, wanted);
        }
    }

    #[test]
    fn a_pool_cools_after_a_refusal_and_keeps_what_is_open() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let pool = Pool::new(&http(Host::Address(address.ip()), address.port()), None);
            let link = pool.fresh(Duration::from_secs(5)).await.unwrap();
            let (peer, _) = listener.accept().await.unwrap();
            pool.keep(link);
            assert!(pool.kept().is_some_and(|link| {
                pool.keep(link);
                true
            }));
            pool.sweep();
            drop(peer);
            let mut looks = 0;
            while let Some(link) = pool.kept() {
                pool.keep(link);
                looks += 1;
                assert!(looks < 1000, "the other side has closed it");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            drop(listener);
            let refused = pool.fresh(Duration::from_secs(5)).await;
            assert_eq!(refused.err(), Some(Reason::UpstreamRefused));
            assert!(pool.cooling());
        });
    }
}
