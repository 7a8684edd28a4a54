//! Telephony and games: FreeSWITCH, Mumble, Counter-Strike.

use crate::pattern::Pattern;
use crate::piece::Piece::{self, Any, E, End, Few, Host, L, Not, Not1, Num, One, Opt, S, Sub};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&FREESWITCH, &MURMUR, &COUNTER_STRIKE];

static FREESWITCH: Service = Service::new(
    "freeswitch",
    "FreeSWITCH: refused registrations and calls.",
    "/var/log/freeswitch/freeswitch.log",
)
.programs(&["freeswitch"])
.patterns(&[
    Pattern::auth(&[
        LEAD,
        L("Can't find user ["),
        S,
        Not1("@"),
        E,
        L("@"),
        Any,
        L("] from "),
        Host,
        End,
    ]),
    Pattern::auth(&[
        LEAD,
        L("SIP auth "),
        One(&["failure (", "challenge ("]),
        One(&["REGISTER", "INVITE"]),
        L(") on sofia profile '"),
        Not1("'"),
        L("' for ["),
        S,
        Any,
        E,
        L("] from ip "),
        Host,
        End,
    ]),
]);
/// `00.00% [WARNING] sofia_reg.c:1478 `.
const LEAD: Piece = Sub(&[
    Not("["),
    One(&["[WARNING]", "[WARN]"]),
    Opt(&[L(" [SOFIA]")]),
    L(" "),
    Opt(&[L("[")]),
    L("sofia_reg.c:"),
    Num,
    Opt(&[L("]")]),
    L(" "),
]);

static MURMUR: Service = Service::new(
    "murmur",
    "Mumble server: refused passwords and certificates.",
    "/var/log/mumble-server/mumble-server.log",
)
.programs(&["murmurd", "mumble-server"])
.patterns(&[Pattern::auth(&[
    Num,
    L(" => <"),
    Num,
    L(":"),
    S,
    Any,
    E,
    L("(-1)> Rejected connection from "),
    Host,
    L(":"),
    Num,
    L(": "),
    One(&["Invalid server password", "Wrong certificate or password for existing user"]),
    End,
])]);

static COUNTER_STRIKE: Service = Service::new(
    "counter-strike",
    "Counter-Strike: refused remote control.",
    "/opt/cstrike/logs/L.log",
)
.patterns(&[Pattern::auth(&[
    L("L "),
    Not1(":"),
    L(":"),
    Num,
    L(":"),
    Num,
    L(": Bad Rcon: \"rcon "),
    Num,
    L(" \""),
    Few,
    L("\"  sv_contact \""),
    Any,
    L("\"\" from \""),
    Host,
    L(":"),
    Num,
    L("\""),
    End,
])]);
