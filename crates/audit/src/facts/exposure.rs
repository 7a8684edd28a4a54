//! From where each listening socket can be reached: its address and the packet filter together.

use super::{Facts, Process, Seen};
use burgrave_model::Severity;
use serde::Serialize;
use std::net::IpAddr;

/// From where a socket can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// From this machine only.
    Local,
    /// Bound to a network's address, and the filter lets nobody in.
    Filtered,
    /// From a private network's address.
    Inside,
    /// From everywhere.
    Outside,
}

impl Reach {
    /// A weight as it is from here: one step less where only few can reach it.
    pub const fn weigh(self, severity: Severity) -> Severity {
        match (self, severity) {
            (Self::Inside, Severity::Critical) => Severity::High,
            (Self::Filtered | Self::Local, Severity::Critical | Severity::High) => Severity::Medium,
            (Self::Filtered | Self::Local, Severity::Medium) => Severity::Low,
            (Self::Outside | Self::Inside | Self::Filtered | Self::Local, severity) => severity,
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Local => "this machine only",
            Self::Filtered => "closed by the packet filter",
            Self::Inside => "the local network",
            Self::Outside => "everywhere",
        }
    }
}

/// One listening socket with everything that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `tcp`, `tcp6`, `udp` or `udp6`.
    pub kind: &'static str,
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// From where it can be reached.
    pub reach: Reach,
    /// Who holds it; `None` where that cannot be seen.
    pub process: Option<Process>,
    /// The package of its program; `None` where it belongs to none.
    pub package: Option<String>,
    /// Other machines are connected to it now.
    pub has_peers: bool,
    /// Programs of this machine are connected to it now.
    pub has_local_peers: bool,
}

impl Listener {
    /// As `tcp 0.0.0.0:6379`.
    pub fn socket(&self) -> String {
        let kind = self.kind.trim_end_matches('6');
        if self.address.is_ipv6() {
            format!("{kind} [{}]:{}", self.address, self.port)
        } else {
            format!("{kind} {}:{}", self.address, self.port)
        }
    }

    /// The program's name, or what the port is known for.
    pub fn program(&self) -> String {
        self.process
            .as_ref()
            .map_or_else(|| "an unseen process".to_owned(), |process| process.name.clone())
    }

    /// Whether it is for more than this machine, by its address.
    pub fn is_public(&self) -> bool {
        self.reach != Reach::Local
    }
}

impl Facts<'_> {
    /// Every listening TCP and UDP socket; none in a tree.
    pub fn listeners(&self) -> &Seen<Vec<Listener>> {
        self.cells.listeners.get_or_init(|| {
            let sockets = self.sockets().as_ref().map_err(Clone::clone)?;
            let processes = self.processes().as_ref().map_err(Clone::clone)?;
            let packages = self.packages().as_ref().map_err(Clone::clone)?;
            let filter = self.loaded().as_ref().ok().and_then(Option::as_ref);
            let mut out: Vec<Listener> = Vec::new();
            for socket in sockets
                .iter()
                .filter(|s| s.is_listening && matches!(s.kind, "tcp" | "tcp6" | "udp" | "udp6"))
            {
                let holds = |process: &&Process| {
                    process
                        .files
                        .iter()
                        .any(|(_, link)| *link == format!("socket:[{}]", socket.inode))
                };
                let process = processes.iter().find(holds).cloned();
                let program = process.as_ref().and_then(Process::program);
                let peers = |local: bool| {
                    sockets.iter().any(|other| {
                        other.port == socket.port
                            && other.remote_port != 0
                            && !other.is_listening
                            && other.remote.is_loopback() == local
                    })
                };
                let protocol = socket.kind.trim_end_matches('6');
                let family = if socket.local.is_ipv6() { 6 } else { 4 };
                let closed = filter.is_some_and(|filter| {
                    filter.place.is_some() && !filter.lets_in(family, protocol, socket.port)
                });
                let listener = Listener {
                    kind: socket.kind,
                    address: socket.local,
                    port: socket.port,
                    reach: reach(socket.local, closed),
                    package: program.and_then(|path| packages.owner(&path).map(str::to_owned)),
                    process,
                    has_peers: peers(false),
                    has_local_peers: peers(true),
                };
                if !out.iter().any(|known| {
                    known.kind == listener.kind
                        && known.address == listener.address
                        && known.port == listener.port
                }) {
                    out.push(listener);
                }
            }
            out.sort_by(|a, b| (a.port, a.kind, a.address).cmp(&(b.port, b.kind, b.address)));
            Ok(out)
        })
    }
}

fn reach(address: IpAddr, closed: bool) -> Reach {
    let private = match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if address.is_loopback() {
        Reach::Local
    } else if closed {
        Reach::Filtered
    } else if private {
        Reach::Inside
    } else {
        Reach::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_follows_address_and_filter() {
        for (address, closed, wanted) in [
            ("127.0.0.1", false, Reach::Local),
            ("::1", false, Reach::Local),
            ("0.0.0.0", false, Reach::Outside),
            ("0.0.0.0", true, Reach::Filtered),
            ("10.1.2.3", false, Reach::Inside),
            ("fd00::1", false, Reach::Inside),
            ("203.0.113.9", false, Reach::Outside),
        ] {
            assert_eq!(reach(address.parse().unwrap(), closed), wanted, "{address}");
        }
        assert_eq!(Reach::Local.weigh(Severity::Critical), Severity::Medium);
        assert_eq!(Reach::Outside.weigh(Severity::Critical), Severity::Critical);
    }
}
