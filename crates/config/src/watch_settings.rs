//! The logs that are watched, as they are configured.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A log that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How its lines are read.
    pub format: Format,
    /// Where it comes from.
    pub source: Source,
    /// The stricter modes as well. Default false.
    pub is_strict: bool,
    /// How long it may be silent. Default a day.
    pub silent_after: Duration,
    /// When a client is banned.
    pub ban: Ban,
}

/// How the lines of a log are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// As those of a service; its name is known to the crate that reads logs.
    Service(&'static str),
    /// By a filter of fail2ban.
    Filter(PathBuf),
}

/// Where a log comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file that is followed.
    File(PathBuf),
    /// A unit of the journal, or `kernel`.
    Journal(String),
    /// A socket of syslog.
    Syslog(Syslog),
    /// Syslog over TLS (RFC 5425), from clients that show a certificate.
    SyslogTls(SyslogTls),
    /// A group to which rules log packets.
    Nflog(u16),
    /// The gateway's own events.
    Gateway,
}

/// A socket on which messages of syslog are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// Datagrams.
    Udp(SocketAddr),
    /// A stream (RFC 6587).
    Tcp(SocketAddr),
    /// A socket of this machine.
    Unix(PathBuf),
}

/// Where messages of syslog are taken over TLS, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogTls {
    /// Where it listens.
    pub address: SocketAddr,
    /// Our certificate (PEM, with those that vouch for it).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// Certificates (PEM) of those who vouch for clients.
    pub client_ca: PathBuf,
}

/// When a client is banned, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// After so many failures. Default 5.
    pub after: u32,
    /// Within this time. Default 10 minutes.
    pub within: Duration,
    /// For this time, the first time. Default an hour.
    pub duration: Duration,
}

impl Default for Ban {
    fn default() -> Self {
        Self { after: 5, within: Duration::from_mins(10), duration: Duration::from_hours(1) }
    }
}
