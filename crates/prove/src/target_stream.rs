//! Services that are no HTTP, as seen from outside.

use crate::target::{Door, Entry, Layer, asked_host, near};
use burgrave_config::{Settings, Stream};
use std::time::Duration;

/// One stream.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetStream {
    /// In the configuration.
    pub name: String,
    /// Where clients come in.
    pub door: Door,
    /// The name to ask TLS for: the first one, `localhost` where any will do.
    pub host: String,
    /// Some stream of this address takes every name, and none.
    pub any_name: bool,
    /// A client needs a certificate.
    pub wants_certificate: bool,
    /// Whether a stranger is let in, by its address.
    pub entry: Entry,
    /// The parties of each FIX session, the client's first. Empty: bytes are not looked at.
    pub sessions: Vec<(String, String)>,
    /// How long a handshake or a Logon may take, each.
    pub header_time: Duration,
}

impl TargetStream {
    /// Whether it refuses anybody at all.
    pub fn is_guarded(&self) -> bool {
        self.door.layer == Layer::Tls || !self.sessions.is_empty() || self.entry != Entry::Open
    }
}

/// All streams of a configuration.
pub(crate) fn streams(settings: &Settings) -> Vec<TargetStream> {
    settings.streams.iter().map(|stream| target_stream(settings, stream)).collect()
}

fn target_stream(settings: &Settings, stream: &Stream) -> TargetStream {
    let address = near(stream.address);
    let layer = if stream.tls.is_some() { Layer::Tls } else { Layer::Plain };
    let mut beside = settings.streams.iter().filter(|other| other.address == stream.address);
    let parties = stream.fix.iter().map(|own| (own.sender.clone(), own.target.clone()));
    TargetStream {
        name: stream.name.clone(),
        door: Door { address, layer },
        host: asked_host(&stream.hosts),
        any_name: beside.any(|other| other.hosts.is_empty()),
        wants_certificate: stream.client_ca.is_some(),
        entry: match stream.networks.as_slice() {
            [] => Entry::Open,
            own if own.iter().any(|network| network.contains(address.ip())) => Entry::OpenToUs,
            _ => Entry::Closed,
        },
        sessions: parties.collect(),
        header_time: settings.limits.header_time,
    }
}
