//! Listening sockets on their way from process to process.
//!
//! TCP connections stay with the gateway that accepted them. Datagrams do not: so each gateway gets, with
//! the UDP sockets, a mark for its connections' names, a socket from which it reads what later ones
//! pass on to it, and one to each earlier gateway that still has connections.

use crate::error::Error;
use burgrave_config::Settings;
use burgrave_gateway::{Handed, Mark, QuicSocket};
use burgrave_sys::{
    ACTIVATED_FIRST, SysError, datagram_pair, inherit, seed, take_datagrams, take_listener,
    take_udp,
};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixDatagram;

/// Where a gateway finds the numbers of its sockets: `ADDRESS=N,N…;ADDRESS=N…`.
const VARIABLE: &str = "BURGRAVE_SOCKETS";
/// Where it finds those of UDP: `ADDRESS=MARK:N:INLET[:MARK/OUTLET…],…;ADDRESS=…`.
const QUIC_VARIABLE: &str = "BURGRAVE_QUIC_SOCKETS";
/// Most sockets that are taken from systemd.
const ACTIVATED_MAX: i32 = 1024;

/// What the supervisor holds.
#[derive(Default)]
pub(super) struct Sockets {
    tcp: BTreeMap<SocketAddr, Vec<TcpListener>>,
    udp: BTreeMap<SocketAddr, Vec<UdpSocket>>,
}

/// The ways to one gateway: its mark, and for each UDP socket both ends of a pair. What is written to the
/// first is read from the second.
pub(super) struct Ways {
    mark: Mark,
    pairs: BTreeMap<SocketAddr, Vec<(UnixDatagram, UnixDatagram)>>,
}

impl Sockets {
    /// Those that systemd has opened for this process (`sd_listen_fds(3)`), by their address.
    pub(super) fn activated() -> Result<Self, Error> {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<i32>().ok());
        let ours =
            number("LISTEN_PID").is_some_and(|id| u32::try_from(id) == Ok(std::process::id()));
        let count = number("LISTEN_FDS").unwrap_or(0).clamp(0, ACTIVATED_MAX);
        let mut own = Self::default();
        for offset in 0..if ours { count } else { 0 } {
            let number = ACTIVATED_FIRST + offset;
            let address = |address: std::io::Result<SocketAddr>| {
                address.map_err(|error| {
                    Error::Sockets(SysError::from_io("asking the address of", "a socket", error))
                })
            };
            if let Ok(socket) = take_udp(number) {
                own.udp.entry(address(socket.local_addr())?).or_default().push(socket);
            } else {
                let socket = take_listener(number).map_err(Error::Sockets)?;
                own.tcp.entry(address(socket.local_addr())?).or_default().push(socket);
            }
        }
        Ok(own)
    }

    /// Opens what is configured and not open yet, for so many event loops.
    pub(super) fn open(&mut self, settings: &Settings, threads: usize) -> Result<(), Error> {
        for address in settings.addresses() {
            let http3 = settings.speaks_http3(address);
            let opened = |opened: Result<_, _>| opened.map_err(Error::Gateway);
            match self.tcp.get(&address).and_then(|own| own.first()) {
                None => {
                    let fresh = http3 && !self.udp.contains_key(&address);
                    let (tcp, udp) = opened(burgrave_gateway::listen(address, threads, fresh))?;
                    self.tcp.insert(address, tcp);
                    if fresh {
                        self.udp.insert(address, udp);
                    }
                }
                Some(listener) if http3 && !self.udp.contains_key(&address) => {
                    let real = listener.local_addr().unwrap_or(address);
                    let udp = burgrave_gateway::listen_quic(real, threads);
                    self.udp.insert(address, udp.map_err(Error::Gateway)?);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Closes what is configured no more.
    pub(super) fn retain(&mut self, settings: &Settings) {
        let wanted = settings.addresses();
        self.tcp.retain(|address, _| wanted.contains(address));
        self.udp.retain(|address, _| settings.speaks_http3(*address));
    }

    /// The ways to a gateway that is to be started.
    pub(super) fn ways(&self) -> Result<Ways, Error> {
        let seed = seed().map_err(Error::Sockets)?;
        let mark = seed.first_chunk().copied().unwrap_or_default();
        let mut pairs = BTreeMap::new();
        for (address, sockets) in &self.udp {
            let own = sockets.iter().map(|_| datagram_pair().map_err(Error::Sockets));
            pairs.insert(*address, own.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Ways { mark, pairs })
    }

    /// The variables for a gateway that is to be started with these sockets and ways, after those that are
    /// still there.
    pub(super) fn variables(&self, ways: &Ways, earlier: &[&Ways]) -> [(&'static str, String); 2] {
        let tcp = self.tcp.iter().map(|(address, sockets)| {
            let numbers: Vec<_> = sockets.iter().map(|own| own.as_raw_fd().to_string()).collect();
            format!("{address}={}", numbers.join(","))
        });
        let udp = self.udp.iter().map(|(address, sockets)| {
            let one = |(index, socket): (usize, &UdpSocket)| {
                let inlet = ways.inlet(*address, index)?;
                let mut text = format!("{}:{}:{inlet}", hex(ways.mark), socket.as_raw_fd());
                for other in earlier {
                    if let Some(outlet) = other.outlet(*address, index) {
                        text.push_str(&format!(":{}/{outlet}", hex(other.mark)));
                    }
                }
                Some(text)
            };
            let all: Vec<_> = sockets.iter().enumerate().filter_map(one).collect();
            format!("{address}={}", all.join(","))
        });
        [
            (VARIABLE, tcp.collect::<Vec<_>>().join(";")),
            (QUIC_VARIABLE, udp.collect::<Vec<_>>().join(";")),
        ]
    }

    /// Lets programs that are started from now on inherit what the variables name, or not.
    pub(super) fn inherited(
        &self,
        ways: &Ways,
        earlier: &[&Ways],
        inherited: bool,
    ) -> Result<(), Error> {
        let set = |socket: BorrowedFd<'_>| inherit(socket, inherited).map_err(Error::Sockets);
        self.tcp.values().flatten().try_for_each(|socket| set(socket.as_fd()))?;
        self.udp.values().flatten().try_for_each(|socket| set(socket.as_fd()))?;
        ways.pairs.values().flatten().try_for_each(|(_, inlet)| set(inlet.as_fd()))?;
        let outlets = earlier.iter().flat_map(|other| other.pairs.values().flatten());
        outlets.map(|(outlet, _)| outlet).try_for_each(|outlet| set(outlet.as_fd()))
    }
}

impl Ways {
    fn pair(&self, address: SocketAddr, index: usize) -> Option<&(UnixDatagram, UnixDatagram)> {
        self.pairs.get(&address)?.get(index)
    }

    fn outlet(&self, address: SocketAddr, index: usize) -> Option<RawFd> {
        self.pair(address, index).map(|(outlet, _)| outlet.as_raw_fd())
    }

    fn inlet(&self, address: SocketAddr, index: usize) -> Option<RawFd> {
        self.pair(address, index).map(|(_, inlet)| inlet.as_raw_fd())
    }
}

fn hex(mark: Mark) -> String {
    format!("{:04x}", u16::from_be_bytes(mark))
}

/// What the supervisor has handed over.
pub(super) fn handed() -> Result<Handed, Error> {
    let text = |name| std::env::var(name).unwrap_or_default();
    let mut handed = Handed::default();
    for (address, numbers) in parse(&text(VARIABLE), |number| number.parse().ok()) {
        let take = |number| take_listener(number).map_err(Error::Sockets);
        let sockets = numbers.into_iter().map(take).collect::<Result<_, _>>()?;
        handed.tcp.insert(address, sockets);
    }
    for (address, all) in parse(&text(QUIC_VARIABLE), Numbers::parse) {
        let sockets = all.into_iter().map(Numbers::take).collect::<Result<_, _>>()?;
        handed.quic.insert(address, sockets);
    }
    Ok(handed)
}

/// A UDP socket as the variable names it.
#[derive(Debug, PartialEq, Eq)]
struct Numbers {
    mark: Mark,
    socket: RawFd,
    inlet: RawFd,
    outlets: Vec<(Mark, RawFd)>,
}

impl Numbers {
    fn parse(text: &str) -> Option<Self> {
        let mark = |text: &str| u16::from_str_radix(text, 16).ok().map(u16::to_be_bytes);
        let mut parts = text.split(':');
        let (first, socket, inlet) = (parts.next()?, parts.next()?, parts.next()?);
        let outlet = |part: &str| {
            let (own, number) = part.split_once('/')?;
            Some((mark(own)?, number.parse().ok()?))
        };
        Some(Self {
            mark: mark(first)?,
            socket: socket.parse().ok()?,
            inlet: inlet.parse().ok()?,
            outlets: parts.filter_map(outlet).collect(),
        })
    }

    fn take(self) -> Result<QuicSocket, Error> {
        let outlets = self.outlets.into_iter().map(|(mark, number)| {
            take_datagrams(number).map(|outlet| (mark, outlet)).map_err(Error::Sockets)
        });
        Ok(QuicSocket {
            socket: take_udp(self.socket).map_err(Error::Sockets)?,
            mark: self.mark,
            inlet: Some(take_datagrams(self.inlet).map_err(Error::Sockets)?),
            outlets: outlets.collect::<Result<_, _>>()?,
        })
    }
}

fn parse<T>(text: &str, one: impl Fn(&str) -> Option<T>) -> Vec<(SocketAddr, Vec<T>)> {
    let part = |part: &str| {
        let (address, all) = part.split_once('=')?;
        Some((address.parse().ok()?, all.split(',').filter_map(&one).collect()))
    };
    text.split(';').filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_say_which_socket_is_which() {
        let any = || TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = || UdpSocket::bind("127.0.0.1:0").unwrap();
        let (one, two) = ("127.0.0.1:0".parse().unwrap(), "[::1]:443".parse().unwrap());
        let sockets = Sockets {
            tcp: BTreeMap::from([(one, vec![any(), any()]), (two, vec![any()])]),
            udp: BTreeMap::from([(two, vec![udp(), udp()])]),
        };
        let numbers =
            |address| sockets.tcp[&address].iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>();
        let (ways, earlier) = (sockets.ways().unwrap(), sockets.ways().unwrap());
        let [(name, tcp), (quic_name, quic)] = sockets.variables(&ways, &[&earlier]);
        assert_eq!((name, quic_name), ("BURGRAVE_SOCKETS", "BURGRAVE_QUIC_SOCKETS"));
        let number = |number: &str| number.parse().ok();
        assert_eq!(parse(&tcp, number), [(one, numbers(one)), (two, numbers(two))]);
        let of = |index: usize| Numbers {
            mark: ways.mark,
            socket: sockets.udp[&two][index].as_raw_fd(),
            inlet: ways.inlet(two, index).unwrap(),
            outlets: vec![(earlier.mark, earlier.outlet(two, index).unwrap())],
        };
        assert_eq!(parse(&quic, Numbers::parse), [(two, vec![of(0), of(1)])]);
        for odd in ["", ";", "=", "x=1", "127.0.0.1=5"] {
            assert!(parse(odd, number).is_empty(), "{odd}");
        }
    }

    #[test]
    fn nothing_is_taken_that_is_not_ours() {
        let own = Sockets::activated().unwrap();
        assert!(own.tcp.is_empty() && own.udp.is_empty());
    }
}
