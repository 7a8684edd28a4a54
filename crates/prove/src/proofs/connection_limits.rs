//! One who takes every place there is (CWE-400, CWE-770).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct ConnectionLimits;

impl Attack for ConnectionLimits {
    fn id(&self) -> &'static str {
        "connection-limits"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::DenialOfService
    }

    fn title(&self) -> &'static str {
        "whoever holds more connections than one client or network may is refused, and nobody beside it is"
    }

    fn about(&self) -> &'static str {
        "Starts a gateway on a loopback address with your `[limits]`, before a stand-in that holds requests, and comes \
         from\naddresses of 127.0.0.0/8, each of which is a client (CWE-400, CWE-770). One client has \
         `connections_per_client` requests in\nwork: one more is refused, and a client beside it is answered within a \
         second. The same for the clients of one /24 and\n`connections_per_network`, and for clients of many networks and \
         `connections`, beside whom there is no place. Once they have\nended, the next one is answered again. Then one \
         client sends more headers that stop, and more bodies, than it may have\nconnections: a client beside it, and one \
         who shares its address, are answered within a second, and all are cut by\n`header_time` and `body_time`. The \
         control is that a request is answered while nobody else is there, and that all that may be in\nwork are. With \
         requests in work, limits over 16, 32 and 48, in the order of their size, are cut to these, with slow ones over \
         200,\n250 and 300; times are cut to four seconds. Networks of IPv6, HTTP/2 and HTTP/3 are not played: loopback \
         has one address of\nIPv6. Slow clients that say a little now and then come to your front door itself, in \
         `oversized-and-slow`.\n\nIf it fell: let `connections_per_client` be well under `connections_per_network`, and \
         that under `connections`."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.connections.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.connections.as_ref(), "no [[site]] is served, so nobody comes")
    }
}
