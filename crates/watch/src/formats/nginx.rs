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

/// `2865#0: *66647 `.
const WORKER: Piece = Sub(&[Num, L("#"), Num, L(": *"), Num, Sp]);
const ERROR: Piece = Sub(&[L("[error] "), WORKER]);
const ERROR_OR_CRIT: Piece = Sub(&[One(&["[error] ", "[crit] "]), WORKER]);
const ANY_LEVEL: Piece = Sub(&[L("["), Not1(" ]"), L("] "), WORKER]);
/// What follows the client.
const SERVER: Piece = Alt(&[&[L(", ")], &[End]]);

// The messages, without level and worker.
const MISMATCH: &[Piece] =
    &[L("user \""), S, Any, E, L("\": password mismatch, client: "), Ip, SERVER];
const UNKNOWN: &[Piece] = &[
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
const BY_PAM: &[Piece] = &[
    Opt(&[L("PAM: ")]),
    L("user '"),
    S,
    Any,
    E,
    L("' - not authenticated: Authentication failure, client: "),
    Ip,
    SERVER,
];
const HANDSHAKE: &[Piece] = &[
    One(&["SSL_do_handshake", "SSL_read"]),
    L("() failed (SSL: error:"),
    Not1(")"),
    L(")"),
    Not(","),
    L(", client: "),
    Ip,
    SERVER,
];
const LIMITED: &[Piece] = &[
    One(&["limiting ", "delaying "]),
    One(&["requests", "request", "connections", "connection"]),
    Opt(&[L(", excess: "), Not1(" ,"), Opt(&[L(",")])]),
    L(" by zone \""),
    Not1("\""),
    L("\", client: "),
    Ip,
    L(","),
];
const DENIED: &[Piece] = &[L("access forbidden by rule, client: "), Host];
const SOUGHT: &[Piece] = &[
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
];
const FORBIDDEN_INDEX: &[Piece] =
    &[L("directory index of \""), Few, L("\" is forbidden, client: "), Ip, L(",")];
const MISSING: &[Piece] = &[
    Opt(&[Not1(" \""), L(" ")]),
    L("\""),
    Few,
    L("(2: No such file or directory), client: "),
    Ip,
    L(","),
];

/// Refused by a file of passwords. A name may look like any of these, so the last one counts.
fn refused(text: &[u8]) -> Option<Found<'_>> {
    let found =
        [MISMATCH, UNKNOWN, UNKNOWN_COLON].iter().filter_map(|pieces| piece::find(pieces, text));
    found.max_by_key(|found| found.user.map_or(0, <[u8]>::len))
}

/// nginx itself writes at most 2,048 bytes; a longer line is not its own.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// The message behind its level and worker.
fn message<'a>(text: &'a [u8], levels: &[&str]) -> Option<&'a [u8]> {
    let rest = levels.iter().find_map(|level| text.strip_prefix(level.as_bytes()))?;
    let digits =
        |text: &[u8]| text.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = rest.get(digits(rest)..)?.strip_prefix(b"#")?;
    let rest = rest.get(digits(rest)..)?.strip_prefix(b": *")?;
    let digits = rest.iter().take(24).take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(digits..).map(<[u8]>::trim_ascii_start)
}

fn refused_line(text: &[u8]) -> Option<Found<'_>> {
    refused(message(text, &["[error] ", "[crit] "])?)
}

/// Everything that an error log tells, read once.
fn judge(text: &[u8]) -> Option<Found<'_>> {
    let message = message(text, &["[error] ", "[crit] ", "[warn] ", "[notice] ", "[info] "])?;
    if message.len() > MESSAGE_BYTES_MAX {
        return None;
    }
    let of = |kind: Kind, pieces: &'static [Piece]| {
        piece::find(pieces, message).map(|found| Found { kind: Some(kind), ..found })
    };
    match message.first()? {
        b'u' | b'P' => {
            let found = refused(message).or_else(|| of(Kind::AuthFailure, BY_PAM))?;
            Some(Found { kind: Some(Kind::AuthFailure), ..found })
        }
        b'l' => of(Kind::Limit, LIMITED),
        b'd' => of(Kind::Limit, LIMITED).or_else(|| of(Kind::NotFound, FORBIDDEN_INDEX)),
        b'a' => of(Kind::Attack, DENIED),
        b'S' => of(Kind::Attack, HANDSHAKE),
        b'o' | b'"' => of(Kind::Attack, SOUGHT).or_else(|| of(Kind::NotFound, MISSING)),
        _ => None,
    }
}

static HTTP_AUTH: Service = Service::new(
    "nginx-http-auth",
    "nginx error log: refused passwords of basic authentication; strictly also broken TLS handshakes.",
    "/var/log/nginx/error.log",
)
.patterns(&[
    Pattern::by(Kind::AuthFailure, refused_line),
    Pattern::auth(&[ERROR_OR_CRIT, Sub(BY_PAM)]),
    Pattern::attack(&[ERROR_OR_CRIT, Sub(HANDSHAKE)]).strict(),
]);

static LIMIT_REQ: Service = Service::new(
    "nginx-limit-req",
    "nginx error log: clients that ran into `limit_req` or `limit_conn`.",
    "/var/log/nginx/error.log",
)
.patterns(&[Pattern::attack(&[ANY_LEVEL, Sub(LIMITED)])]);

static FORBIDDEN: Service = Service::new(
    "nginx-forbidden",
    "nginx error log: requests that a `deny` rule refused.",
    "/var/log/nginx/error.log",
)
.patterns(&[Pattern::attack(&[ERROR, Sub(DENIED)])]);

static BOTSEARCH: Service = Service::new(
    "nginx-botsearch",
    "nginx access and error log: requests for webmail, phpMyAdmin, WordPress and cgi-bin where there is none.",
    "/var/log/nginx/access.log",
)
.patterns(&[access::SOUGHT, Pattern::attack(&[ERROR, Sub(SOUGHT)])]);

static NGINX: Service = Service::new(
    "nginx",
    "nginx access and error log, everything at once: sign-ins, limits, forbidden and missing places, broken requests.",
    "/var/log/nginx/error.log",
)
.patterns(&[Pattern::forward(Kind::NotFound, judge_any)]);

fn judge_any(text: &[u8]) -> Option<Found<'_>> {
    if text.first() == Some(&b'[') { judge(text) } else { access::judge(text) }
}
