//! What is to be done: a ban or an alert, with the evidence for it.

use std::net::IpAddr;
use std::time::Duration;

/// Whom a ban hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// One address.
    Address(IpAddr),
    /// A network: its first address and the bits of its prefix.
    Network(IpAddr, u8),
}

impl std::fmt::Display for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(ip) => write!(formatter, "{ip}"),
            Self::Network(ip, bits) => write!(formatter, "{ip}/{bits}"),
        }
    }
}

/// Why: what was counted, and of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The service whose log showed it.
    pub service: &'static str,
    /// How many events were counted.
    pub events: u32,
    /// Within how many seconds.
    pub within_secs: u32,
    /// The account of the last event, as written; at most 128 bytes.
    pub account: Option<Vec<u8>>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Keep it out.
    Ban {
        /// Whom.
        target: Target,
        /// For how long.
        duration: Duration,
        /// The detector that says so.
        reason: &'static str,
        /// What it counted.
        evidence: Evidence,
    },
    /// Tell people.
    Alert {
        /// The detector that says so.
        reason: &'static str,
        /// The client, where there is one.
        ip: Option<IpAddr>,
        /// What it counted.
        evidence: Evidence,
    },
}

impl Action {
    /// The detector that says so.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ban { reason, .. } | Self::Alert { reason, .. } => reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_shown_as_networks_are_written() {
        let ip: IpAddr = "192.0.2.0".parse().unwrap();
        assert_eq!(Target::Network(ip, 24).to_string(), "192.0.2.0/24");
        assert_eq!(Target::Address(ip).to_string(), "192.0.2.0");
    }
}
