//! What a line says: one event, or none.

use crate::time::Stamp;
use std::net::IpAddr;

/// What happened, as far as one line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A sign-in that was refused.
    AuthFailure,
    /// A sign-in that went through.
    AuthSuccess,
    /// Something that no honest client does.
    Attack,
    /// A request for what is not there. One is a mistake, many are a scan.
    NotFound,
    /// A client that asked for more than its limit.
    Limit,
    /// A person on the machine who was refused the rights of another.
    SudoFailure,
    /// A client that knocked at the agreed place: it may be let in.
    Knock,
    /// A packet to a port that the firewall keeps closed. One is nothing, many ports are a scan.
    Dropped,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::AuthFailure,
        Self::AuthSuccess,
        Self::Attack,
        Self::NotFound,
        Self::Limit,
        Self::SudoFailure,
        Self::Knock,
        Self::Dropped,
    ];

    /// The name in output and in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthFailure => "auth.failure",
            Self::AuthSuccess => "auth.success",
            Self::Attack => "attack",
            Self::NotFound => "http.not_found",
            Self::Limit => "limit",
            Self::SudoFailure => "sudo.failure",
            Self::Knock => "knock",
            Self::Dropped => "packet.dropped",
        }
    }
}

/// One event, borrowed from its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The service that wrote the line.
    pub service: &'static str,
    /// What happened.
    pub kind: Kind,
    /// The client's address. `None`: the line names none, or names the client by a host name, which is
    /// never looked up: whoever owns the name would choose who is banned.
    pub ip: Option<IpAddr>,
    /// The client's host name, where the line has that instead.
    pub host: Option<&'a [u8]>,
    /// The account that was tried, as written.
    pub user: Option<&'a [u8]>,
    /// When, as written.
    pub stamp: Option<Stamp>,
    /// How many events of this kind the line stands for; at least 1.
    pub count: u32,
    /// What a rule engine made of it; 0 where there is none.
    pub score: u32,
    /// The port that was asked for, where the line tells of a packet.
    pub port: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> =
            Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
