//! What a configuration says of services that are no HTTP.

use crate::settings::{Authority, Network, Tls};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A service that is no HTTP: bytes passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// For the access log.
    pub name: String,
    /// Several streams may share one, told apart by [`Self::hosts`].
    pub address: SocketAddr,
    /// Names that clients ask TLS for. Empty: any, or none.
    pub hosts: Vec<String>,
    /// `None`: no TLS.
    pub tls: Option<StreamTls>,
    /// PEM file of the authorities of client certificates, which are then needed.
    pub client_ca: Option<PathBuf>,
    /// Networks that clients come from. Empty: any.
    pub networks: Vec<Network>,
    /// At least one.
    pub upstream: Vec<Authority>,
    /// Whether the client is named to the upstream.
    pub announce: Option<Announce>,
    /// How long a connection to the upstream may take.
    pub connect_time: Duration,
    /// How long both sides may be silent.
    pub idle_time: Duration,
    /// FIX sessions; empty: bytes are not looked at.
    pub fix: Vec<FixSession>,
}

/// What is done about a stream's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamTls {
    /// It ends here.
    Ended(Tls),
    /// It is passed on as it is; only the name is read.
    Passed,
}

/// The version of the PROXY protocol that names a client to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// Version 1.
    Text,
    /// Version 2.
    Binary,
}

/// Who may open a FIX session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixSession {
    /// `SenderCompID` (49) of the client.
    pub sender: String,
    /// `TargetCompID` (56) of the client.
    pub target: String,
    /// `sha256:` and the fingerprint of the client's certificate. `None`: any that is verified.
    pub certificate: Option<String>,
    /// Networks that it comes from. Empty: any.
    pub networks: Vec<Network>,
}
