//! Exim's main log.
//!
//! What a client says in HELO stands in round brackets and holds no space; the address follows it in
//! square ones.

use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Fun, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&EXIM];

/// `[8001] `.
pub(super) const PROCESS: Piece = Opt(&[L("["), Num, L("] ")]);
/// ` I=[192.0.2.1]:25 Ci=30416`.
const FIELDS: Piece = Rep(&[L(" "), Fun(field)]);
/// `H=name (helo) [192.0.2.1]:1418 I=[…]:25`.
pub(super) const CLIENT: Piece = Sub(&[
    Rep(&[Fun(field), L(" ")]),
    Opt(&[L("H=")]),
    Opt(&[Not1(" (["), Opt(&[L(" ")])]),
    Opt(&[L("("), Word, L(" ")]),
    L("["),
    Ip,
    L("]"),
    Opt(&[L(":"), Num]),
    FIELDS,
]);

/// `Ci=30416`, `X=TLS1.3:…:256`, `TFO`: a name of up to four letters. Not the host, and not the colon
/// that ends the list.
fn field(text: &[u8]) -> Option<usize> {
    let letters = text.iter().take(5).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = text.split_at_checked(letters)?;
    if name.is_empty() || letters > 4 || name == b"H" {
        return None;
    }
    if rest.first() != Some(&b'=') {
        let ends = matches!(rest.first(), None | Some(b' ' | b':'));
        return (ends && matches!(name, b"TFO" | b"K" | b"L" | b"DS" | b"PRDR")).then_some(letters);
    }
    let value = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let colons = rest.get(..value)?.iter().rev().take_while(|byte| **byte == b':').count();
    Some(letters + value - colons)
}

static EXIM: Service = Service::new(
    "exim",
    "Exim: refused sign-ins; strictly also refused recipients, broken protocol and clients that break off.",
    "/var/log/exim4/mainlog",
)
.programs(&["exim", "exim4"])
.patterns(&[
    Pattern::auth(&[PROCESS, Not1(" "), L(" authenticator failed for "), CLIENT, L(": 535 Incorrect authentication data"), Alt(&[
        &[L(" (set_id="), S, Any, E, L(")"), End],
        &[L(": "), Num, L(" Time(s)"), End],
        &[End],
    ])]),
    Pattern::attack(&[PROCESS, CLIENT, L(" sender verify fail for <"), Not1("> "), L(">: "), One(&["Unknown user", "Unrouteable address",
        "all relevant MX records point to non-existent hosts"]), End]).strict(),
    Pattern::attack(&[PROCESS, CLIENT, L(" rejected RCPT ")]).strict(),
    Pattern::attack(&[PROCESS, L("SMTP protocol synchronization error ("), Not(")"), L("): rejected "),
        Alt(&[&[L("connection from")], &[L("\""), Word]]), L(" "), CLIENT, L(" "), Opt(&[L("next ")]), L("input=\""), Any, L("\""), End])
        .strict(),
    Pattern::attack(&[PROCESS, L("SMTP call from "), CLIENT, L(" dropped: too many "), One(&["nonmail commands", "unrecognized commands",
        "syntax or protocol errors"])]).strict(),
    Pattern::attack(&[PROCESS, L("SMTP protocol error in \""), Any, L("\" "), CLIENT, L(" "), Not1(" "), L(" "),
        One(&["command used when not advertised", "authentication mechanism not supported"]), End]).strict(),
    Pattern::attack(&[PROCESS, L("no MAIL in SMTP connection from "), CLIENT]).strict(),
    Pattern::attack(&[PROCESS, Opt(&[Not1(" "), L(" ")]), L("SMTP connection from "), CLIENT, L(" closed by DROP in ACL"), End]).strict(),
    Pattern::attack(&[PROCESS, L("no host name found for IP address "), Ip, End]).strict(),
    Pattern::attack(&[PROCESS, L("no IP address found for host "), Word, L(" (during SMTP connection from "), CLIENT, L(")"), End]).strict(),
    Pattern::attack(&[PROCESS, CLIENT, L(" dropped by '"), Not1("'"), L("' ACL:")]).strict(),
]);
