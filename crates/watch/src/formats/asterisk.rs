//! Asterisk: SIP, IAX and the manager.

use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, B, E, End, Host, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sp, Sp0, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&ASTERISK];

/// `NOTICE[1638][C-00000fa9]: chan_sip.c:28468 handle_request_register: `.
const LEAD: Piece = Sub(&[
    One(&["NOTICE", "SECURITY", "WARNING"]),
    Sp0,
    L("["),
    Num,
    L("]"),
    Opt(&[L(":")]),
    Opt(&[L("[C-"), Not("]"), L("]")]),
    Opt(&[L(":")]),
    L(" "),
    Not1(":"),
    L(":"),
    Opt(&[Num]),
    Opt(&[Opt(&[L(" in")]), L(" "), Not1(":'\""), L(":")]),
    Sp,
]);
const PORT: Piece = Opt(&[L(":"), Num]);

static ASTERISK: Service = Service::new(
    "asterisk",
    "Asterisk: refused registrations, calls to numbers that there are not, refused managers.",
    "/var/log/asterisk/messages",
)
.programs(&["asterisk"])
.patterns(&[
    Pattern::auth(&[
        LEAD,
        L("Registration from '"),
        S,
        Any,
        E,
        L("' failed for '"),
        Host,
        PORT,
        L("' - "),
        One(&[
            "Wrong password",
            "Username/auth name mismatch",
            "No matching peer found",
            "Not a local domain",
            "Device does not match ACL",
            "Peer is not supposed to register",
            "ACL error (permit/deny)",
        ]),
        End,
    ]),
    Pattern::attack(&[
        LEAD,
        L("Call "),
        Opt(&[L("from '"), S, Not("'"), E, L("' ")]),
        L("("),
        Opt(&[One(&["TCP:", "UDP:", "TLS:"])]),
        Host,
        L(":"),
        Num,
        L(") to extension '"),
        Not("'"),
        L("' rejected because extension not found in context"),
    ]),
    Pattern::auth(&[
        LEAD,
        Opt(&[L("Host ")]),
        Host,
        Alt(&[
            &[L(" failed to authenticate"), B],
            &[L(" failed MD5 authentication"), B],
            &[L(" tried to authenticate with nonexistent user"), B],
        ]),
    ]),
    Pattern::auth(&[
        LEAD,
        L("No registration for peer '"),
        S,
        Not("'"),
        E,
        L("' (from "),
        Host,
        L(")"),
        End,
    ]),
    Pattern::attack(&[LEAD, L("hacking attempt detected '"), Host, L("'"), End]),
    Pattern::auth(&[
        LEAD,
        L("SecurityEvent=\""),
        One(&["FailedACL", "InvalidAccountID", "ChallengeResponseFailed", "InvalidPassword"]),
        L("\""),
        Any,
        L(",RemoteAddress=\"IPV"),
        One(&["4", "6"]),
        L("/"),
        Not1("/\""),
        L("/"),
        Ip,
        L("/"),
        Num,
        L("\""),
        Rep(&[L(","), Not1("=,\""), L("=\""), Not("\""), L("\"")]),
        End,
    ]),
    Pattern::attack(&[
        LEAD,
        L("\"Rejecting unknown SIP connection from "),
        Host,
        PORT,
        L("\""),
        End,
    ]),
    Pattern::auth(&[
        LEAD,
        L("Request "),
        Opt(&[L("'"), Not("'"), L("' ")]),
        L("from '"),
        S,
        Any,
        E,
        L("' failed for '"),
        Host,
        PORT,
        L("'"),
        Sp,
        L("(callid: "),
        Word,
        L(" - "),
        One(&[
            "No matching endpoint found",
            "Not match Endpoint Contact ACL",
            "Not match Endpoint ACL",
            "Failed to authenticate",
            "Error to authenticate",
        ]),
        B,
        Not("'"),
        End,
    ]),
]);
