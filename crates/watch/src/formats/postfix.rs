//! Postfix: smtpd, submission, postscreen.
//!
//! The client stands as `name[address]`; the name is what its reverse DNS says and cannot hold a bracket.

use crate::pattern::Pattern;
use crate::piece::Piece::{self, Alt, B, Host, I, Ip, L, Not, Not1, Num, One, Opt, Rep, Sub, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&POSTFIX, &SASL, &RBL];

const PROGRAMS: &[&str] = &["postfix*"];

/// `1D8CC1CA0A7F: `, `NOQUEUE: `.
const QUEUE: Piece = Opt(&[Not1(" :[\""), L(": ")]);
/// `name[192.0.2.1]:1234`.
const CLIENT: Piece = Sub(&[Not("["), L("["), Host, L("]"), Opt(&[L(":"), Num])]);
const REJECT: Piece = Sub(&[QUEUE, One(&["reject: ", "milter-reject: "])]);

const REJECTED: Pattern = Pattern::attack(&[
    REJECT,
    Not1(" abcdefghijklmnopqrstuvwxyz[:"),
    L(" from "),
    CLIENT,
    L(": "),
    One(&["4", "5"]),
    One(&["5", "0"]),
    One(&["0", "4"]),
    L(" "),
    One(&["4.", "5."]),
    Num,
    L("."),
    Num,
    L(" "),
    Opt(&[Opt(&[L("<"), Not(">"), L(">")]), L(": ")]),
    Opt(&[One(&[
        "Helo command rejected: ",
        "Sender address rejected: ",
        "Recipient address rejected: ",
    ])]),
    One(&[
        "Service unavailable",
        "Access denied",
        "Client host rejected",
        "Command rejected",
        "Data command rejected",
        "Relay access denied",
        "Malformed DNS server reply",
        "Host not found",
        "Domain not found",
        "need fully-qualified hostname",
        "match",
        "User unknown",
        "user unknown",
        "Undeliverable address",
        "undeliverable address",
    ]),
    B,
]);
const TOO_MUCH: Pattern = Pattern::attack(&[
    QUEUE,
    One(&["improper command pipelining after ", "too many errors after "]),
    Word,
    L(" from "),
    CLIENT,
]);

const MECHANISM: Piece = Sub(&[
    CLIENT,
    L(": SASL "),
    Alt(&[&[I("LOGIN")], &[I("PLAIN")], &[I("CRAM-MD5")], &[I("DIGEST-MD5")]]),
    L(" authentication failed:"),
]);
const LOST: Pattern = Pattern::ignore(&[
    QUEUE,
    L("warning: "),
    MECHANISM,
    L(" Connection lost to authentication server"),
]);
const INVALID: Pattern =
    Pattern::ignore(&[QUEUE, L("warning: "), MECHANISM, L(" Invalid authentication mechanism")]);
const REFUSED: Pattern = Pattern::auth(&[QUEUE, L("warning: "), MECHANISM]);

static POSTFIX: Service = Service::new(
    "postfix",
    "Postfix: refused mail and misuse; strictly also refused sign-ins, and clients that break off or flood.",
    "/var/log/mail.log",
)
.programs(PROGRAMS)
.patterns(&[
    REJECTED,
    TOO_MUCH,
    LOST,
    REFUSED.strict(),
    Pattern::attack(&[QUEUE, L("warning: hostname "), Word, L(" does not resolve to address "), Ip]).strict(),
    Pattern::attack(&[QUEUE, L("warning: "), One(&["Message delivery request", "Connection"]), L(" rate limit exceeded: "), Num,
        L(" from "), CLIENT]).strict(),
    Pattern::ignore(&[QUEUE, L("lost connection after "), One(&["DATA", "AUTH"]), B]),
    Pattern::attack(&[QUEUE, L("lost connection after "), Not1(" abcdefghijklmnopqrstuvwxyz"), L(" from "), CLIENT]).strict(),
    Pattern::attack(&[QUEUE, L("disconnect from "), CLIENT, Rep(&[L(" "), One(&["ehlo=", "helo=", "starttls=", "rset=", "mail=",
        "rcpt=", "data=", "noop=", "quit=", "vrfy=", "unknown=", "bdat=", "xclient=", "xforward=", "help="]), Num]),
        L(" auth=0/"), One(&["1", "2", "3", "4", "5", "6", "7", "8", "9"])]).strict(),
    Pattern::attack(&[QUEUE, Alt(&[&[L("PREGREET "), Num], &[L("HANGUP")]]), L(" after "), Word, L(" from "), CLIENT]).strict(),
    Pattern::attack(&[QUEUE, L("COMMAND "), One(&["TIME", "COUNT", "LENGTH"]), L(" LIMIT from "), CLIENT]).strict(),
]);

static SASL: Service =
    Service::new("postfix-sasl", "Postfix: refused sign-ins alone.", "/var/log/mail.log")
        .programs(PROGRAMS)
        .patterns(&[LOST, INVALID, REFUSED]);

static RBL: Service =
    Service::new("postfix-rbl", "Postfix: clients that a block list named.", "/var/log/mail.log")
        .programs(PROGRAMS)
        .patterns(&[Pattern::attack(&[
            REJECT,
            Not1(" abcdefghijklmnopqrstuvwxyz[:"),
            L(" from "),
            CLIENT,
            L(": "),
            One(&["454 ", "554 "]),
            One(&["4.7.1 ", "5.7.1 "]),
            L("Service unavailable; Client host ["),
            Not1("]"),
            L("] blocked"),
            B,
        ])]);
