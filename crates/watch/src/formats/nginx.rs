//! nginx's error log.
//!
//! The message stands before `, client: `, so where a user name looks like the rest of a line, the last
//! message with its client counts; what a client requested comes after it and is not looked at.

use super::access;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, S, Sp, Sub, Word,
};
use crate::piece::{self, Found};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&HTTP_AUTH, &LIMIT_REQ, &FORBIDDEN, &BOTSEARCH, &NGINX];

/// `[error] 2865#0: *66647 `, and what the journal puts before it.
const fn level(levels: &'static [Piece]) -> Piece {
    Sub(levels)
}
const ERROR: Piece = level(&[Not("["), L("[error] "), Num, L("#"), Num, L(": *"), Num, Sp]);
const ERROR_OR_CRIT: Piece =
    level(&[Not("["), One(&["[error] ", "[crit] "]), Num, L("#"), Num, L(": *"), Num, Sp]);
const ANY_LEVEL: Piece =
    level(&[Not("["), L("["), Not1(" ]"), L("] "), Num, L("#"), Num, L(": *"), Num, Sp]);
/// What follows the client.
const SERVER: Piece = Alt(&[&[L(", ")], &[End]]);

/// Refused by a file of passwords. A name may look like any of these, so the last one counts.
const REFUSED: Pattern = Pattern::by(Kind::AuthFailure, refused);
const MISMATCH: &[Piece] =
    &[ERROR_OR_CRIT, L("user \""), S, Any, E, L("\": password mismatch, client: "), Ip, SERVER];
const UNKNOWN: &[Piece] = &[
    ERROR_OR_CRIT,
    L("user \""),
    S,
    Any,
    E,
    L("\" was not found in \""),
    Not("\""),
    L("\", client: "),
    Ip,
    SERVER,
];
const UNKNOWN_COLON: &[Piece] = &[
    ERROR_OR_CRIT,
    L("user \""),
    S,
    Any,
    E,
    L("\": was not found in \""),
    Not("\""),
    L("\", client: "),
    Ip,
    SERVER,
];

fn refused(text: &[u8]) -> Option<Found<'_>> {
    let found =
        [MISMATCH, UNKNOWN, UNKNOWN_COLON].iter().filter_map(|pieces| piece::find(pieces, text));
    found.max_by_key(|found| found.user.map_or(0, <[u8]>::len))
}

const BY_PAM: Pattern = Pattern::auth(&[
    ERROR_OR_CRIT,
    Opt(&[L("PAM: ")]),
    L("user '"),
    S,
    Any,
    E,
    L("' - not authenticated: Authentication failure, client: "),
    Ip,
    SERVER,
]);
const HANDSHAKE: Pattern = Pattern::attack(&[
    ERROR_OR_CRIT,
    One(&["SSL_do_handshake", "SSL_read"]),
    L("() failed (SSL: error:"),
    Not1(")"),
    L(")"),
    Not(","),
    L(", client: "),
    Ip,
    SERVER,
])
.strict();
const LIMITED: Pattern = Pattern::of(
    Kind::Attack,
    &[
        ANY_LEVEL,
        One(&["limiting ", "delaying "]),
        One(&["requests", "request", "connections", "connection"]),
        Opt(&[L(", excess: "), Not1(" ,"), Opt(&[L(",")])]),
        L(" by zone \""),
        Not1("\""),
        L("\", client: "),
        Ip,
        L(","),
    ],
);
const DENIED: Pattern = Pattern::attack(&[ERROR, L("access forbidden by rule, client: "), Host]);
const SOUGHT: Pattern = Pattern::attack(&[
    ERROR,
    Opt(&[Not1(" \""), L(" ")]),
    L("\""),
    Word,
    L(" "),
    One(&["failed", "is not found"]),
    L(" (2: No such file or directory), client: "),
    Host,
    L(", server: "),
    Not(" ,"),
    L(", request: \""),
    One(&["GET", "POST", "HEAD"]),
    L(" /"),
    access::BOTS,
    Any,
    L("\", "),
]);

static HTTP_AUTH: Service = Service::new(
    "nginx-http-auth",
    "nginx error log: refused passwords of basic authentication; strictly also broken TLS handshakes.",
    "/var/log/nginx/error.log",
)
.patterns(&[REFUSED, BY_PAM, HANDSHAKE]);

static LIMIT_REQ: Service = Service::new(
    "nginx-limit-req",
    "nginx error log: clients that ran into `limit_req` or `limit_conn`.",
    "/var/log/nginx/error.log",
)
.patterns(&[LIMITED]);

static FORBIDDEN: Service = Service::new(
    "nginx-forbidden",
    "nginx error log: requests that a `deny` rule refused.",
    "/var/log/nginx/error.log",
)
.patterns(&[DENIED]);

static BOTSEARCH: Service = Service::new(
    "nginx-botsearch",
    "nginx access and error log: requests for webmail, phpMyAdmin, WordPress and cgi-bin where there is none.",
    "/var/log/nginx/access.log",
)
.patterns(&[access::SOUGHT, SOUGHT]);

static NGINX: Service = Service::new(
    "nginx",
    "nginx access and error log, everything at once: sign-ins, limits, forbidden and missing places, broken requests.",
    "/var/log/nginx/error.log",
)
.patterns(&[
    REFUSED, BY_PAM, HANDSHAKE, LIMITED, DENIED, SOUGHT, FORBIDDEN_INDEX, MISSING,
    access::SOUGHT, access::BAD_REQUEST, access::REFUSED, access::MISSING,
]);

const FORBIDDEN_INDEX: Pattern = Pattern::of(
    Kind::NotFound,
    &[ERROR, L("directory index of \""), Few, L("\" is forbidden, client: "), Ip, L(",")],
);
const MISSING: Pattern = Pattern::of(
    Kind::NotFound,
    &[
        ERROR,
        Opt(&[Not1(" \""), L(" ")]),
        L("\""),
        Few,
        L("(2: No such file or directory), client: "),
        Ip,
        L(","),
    ],
);
