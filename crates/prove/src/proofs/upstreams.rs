//! Application servers that die, and those that are somebody else (CWE-295, CWE-400).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct Upstreams;

impl Attack for Upstreams {
    fn id(&self) -> &'static str {
        "upstreams"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::AppServer
    }

    fn title(&self) -> &'static str {
        "what happens to one application server is not felt, and one that is somebody else is not asked"
    }

    fn about(&self) -> &'static str {
        "Starts a gateway on a loopback address with each route's own `balance`, `health`, \
         `connect_time` and `upstream_time`, before\nstand-ins for its application servers, at \
         most eight, and lets things happen to one of them. It dies, and everybody is \
         answered.\nIt ends connections in the place of answers: GETs are made again elsewhere \
         (those of FastCGI are not, for a script was begun),\nafter five failures it is left \
         alone, and no POST is made twice (RFC 9110 \u{a7}9.2.2). It hangs: a client is told \
         within the time\n(CWE-400). It says that it is not well: it gets no requests until it \
         is again. An `https` one shows a certificate of another\nauthority, for another name, \
         one that has ended, or, without `upstream_ca`, one that this system does not know \
         (CWE-295): no\nrequest reaches it. The control of each is that all requests are \
         answered while all are well. No application server of yours is\ncontacted. Times are \
         cut so that the play ends: to one second for connecting, two for an answer, and a \
         fifth of one between\nchecks. A route with one upstream is played for what holds for \
         one, a unix socket as an address; `health` of others than\nHTTP/1.1 is not \
         proven.\n\nIf it fell: give the route `health` with a path that says how the \
         application is, and a second upstream that does not depend\non the first. A request \
         that an application must not see twice is no GET."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.upstreams.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.upstreams.as_ref(), "no [[site.route]] has an upstream")
    }
}
