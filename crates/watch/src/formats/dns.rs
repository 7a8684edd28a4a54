//! Name servers: BIND and NSD.

use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, Sp0, Sub,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&NAMED, &NSD];

static NAMED: Service = Service::new(
    "named-refused",
    "BIND: refused queries and zone transfers.",
    "/var/log/named/security.log",
)
.aliases(&["named"])
.programs(&["named*"])
.patterns(&[
    Pattern::attack(&[CLIENT, Opt(&[L("view "), Not1(" :"), L(": ")]), L("query"), DENIED]),
    Pattern::attack(&[CLIENT, L("zone transfer"), DENIED]),
    Pattern::attack(&[
        CLIENT,
        L("bad zone transfer request: '"),
        Not1(" '"),
        L("': non-authoritative zone"),
        DENIED,
    ]),
]);
/// `security: error: client @0x7f7c95c76968 192.0.2.3#60683 (example.com): `.
const CLIENT: Piece = Sub(&[
    Opt(&[Not1(" :#"), L(": ")]),
    Opt(&[One(&["error:", "info:"]), Sp0]),
    L("client "),
    Opt(&[L("@"), Not(" "), L(" ")]),
    Host,
    L("#"),
    Num,
    Opt(&[L(" ("), Not1(" )"), L(")")]),
    L(": "),
]);
const DENIED: Piece = Alt(&[
    &[Any, L(" denied"), Opt(&[L(" ("), Not(")"), L(")")]), End],
    &[Any, L(" (NOTAUTH)"), End],
]);

static NSD: Service =
    Service::new("nsd", "NSD: refused zone transfers and floods of queries.", "/var/log/nsd.log")
        .programs(&["nsd"])
        .patterns(&[
            Pattern::attack(&[
                L("info: ratelimit block "),
                Few,
                L(" query "),
                Ip,
                L(" TYPE255"),
                End,
            ]),
            Pattern::attack(&[
                L("info: "),
                Any,
                L(" from "),
                Opt(&[L("client ")]),
                Ip,
                L(" refused, no acl matches"),
                Opt(&[L(".")]),
                End,
            ]),
        ]);
