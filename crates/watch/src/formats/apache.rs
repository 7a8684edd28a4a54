//! Apache's error log, from a file or by syslog.
//!
//! The client stands in brackets before the message, so the address is certain whatever follows.

use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, B, E, End, Few, Host, K, L, Not, Not1, Num, One, Opt, Q, Rep, S, Sp, Sp0, Sub,
    Word,
};
use crate::piece::{Found, is_word};
use crate::service::Service;

use super::access::BOTS;

pub(super) static ALL: &[&Service] =
    &[&AUTH, &BOTSEARCH, &MODSECURITY, &NOHOME, &NOSCRIPT, &OVERFLOWS, &SHELLSHOCK, &ZONEMINDER];

const PROGRAMS: &[&str] = &["apache", "apache1", "apache2", "httpd", "httpd/*"];

/// `[auth_basic:error] [pid 17512:tid 140] [client 192.0.2.1:51396] `.
const CLIENT: Piece = Sub(&[
    Alt(&[
        &[One(&["[error]", "[:error]"])],
        &[L("["), Not1(" ]:"), L(":"), Not1(" ]"), L("]")],
        &[L("[:"), Not1(" ]"), L("]")],
    ]),
    Opt(&[L(" [pid "), Num, Opt(&[L(":"), Not1(" ]"), Opt(&[L(" "), Num])]), L("]")]),
    One(&[" [client ", " [remote "]),
    Host,
    Opt(&[L(":"), Num]),
    L("] "),
]);
/// `AH01618: `.
const CODE: Piece = Opt(&[L("AH"), Num, L(": ")]);
const AH: Piece = Sub(&[CLIENT, CODE]);
/// `Digest: `.
const SCHEME: Piece = Opt(&[Not1(" :`'"), L(": ")]);
const REFERER: Piece = Sub(&[Opt(&[L(", referer: "), Word]), End]);
const REFUSED: Piece =
    One(&["authorization failure", "authentication failure", "not found", "denied by provider"]);

static AUTH: Service = Service::new(
    "apache-auth",
    "Apache error log: refused passwords and places; strictly also what mod_evasive refuses.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::ignore(&[L("[evasive")]).lax(),
    Pattern::auth(&[
        AH,
        One(&["client denied by server configuration", "client used wrong authentication scheme"]),
        B,
    ]),
    Pattern::auth(&[
        AH,
        L("user "),
        Alt(&[
            &[S, Few, E, L(" not found"), B],
            &[S, Few, E, L(" authentication failure"), B],
            &[S, Few, E, L(" authorization failure"), B],
            &[S, Few, E, L(" denied by provider"), B],
        ]),
    ]),
    Pattern::auth(&[
        AH,
        L("Authorization of user "),
        S,
        Few,
        E,
        L(" to access "),
        Few,
        L(" failed"),
        B,
    ]),
    Pattern::auth(&[AH, SCHEME, L("user "), S, Few, E, L(": password mismatch"), B]),
    Pattern::auth(&[
        AH,
        SCHEME,
        L("user `"),
        S,
        Few,
        E,
        L("' in realm `"),
        Few,
        L("' "),
        REFUSED,
        B,
    ]),
    Pattern::auth(&[
        AH,
        SCHEME,
        L("invalid nonce "),
        Few,
        L(" received - "),
        One(&["length is not", "user attempted time travel"]),
        B,
    ]),
    Pattern::auth(&[AH, SCHEME, L("realm mismatch - got `"), Few, L("' but expected"), B]),
    Pattern::auth(&[AH, SCHEME, L("unknown algorithm `"), Few, L("' received"), B]),
    Pattern::auth(&[AH, SCHEME, L("invalid qop `"), Few, L("' received"), B]),
    Pattern::attack(&[
        AH,
        One(&["No hostname ", "Hostname "]),
        Word,
        L(" provided via SNI"),
        Alt(&[
            &[L(", but no hostname provided")],
            &[L(" and hostname "), Word, L(" provided")],
            &[L(" for a name based virtual host")],
        ]),
        B,
    ]),
]);

static BOTSEARCH: Service = Service::new(
    "apache-botsearch",
    "Apache error log: requests for webmail, phpMyAdmin, WordPress and cgi-bin where there is none.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::attack(&[AH, One(&["File does not exist: /var/www/", "script not found or unable to stat: /var/www/"]), BOTS,
        Not(","), REFERER]),
    Pattern::attack(&[AH, L("script '/var/www/"), BOTS, Any, L("' not found or unable to stat"), REFERER]),
]);

static MODSECURITY: Service = Service::new(
    "apache-modsecurity",
    "Apache error log: requests that ModSecurity refused.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[Pattern::attack(&[
    CLIENT,
    Opt(&[L("[client "), Not1("]"), L("] ")]),
    L("ModSecurity:"),
    Sp,
    Rep(&[
        L("["),
        Alt(&[&[Not1(" ]\""), L(" \""), Not("\""), L("\"]")], &[Not("]"), L("]")]]),
        Sp0,
    ]),
    L("Access denied with code "),
    One(&["4", "5"]),
    Num,
])]);

static NOHOME: Service = Service::new(
    "apache-nohome",
    "Apache error log: requests for home directories that there are not.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[Pattern::attack(&[AH, L("File does not exist: "), Few, L("/~")])]);

static NOSCRIPT: Service = Service::new(
    "apache-noscript",
    "Apache error log: requests for scripts that there are not.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::attack(&[
        AH,
        One(&[
            "File does not exist: ",
            "file does not exist: ",
            "Script not found or unable to stat: ",
            "script not found or unable to stat: ",
        ]),
        K,
        Word,
        Q,
    ])
    .test(is_script),
    Pattern::attack(&[
        AH,
        One(&["Got", "got"]),
        L(" error '"),
        One(&["Primary", "primary"]),
        L(" script unknown"),
        B,
    ]),
    Pattern::attack(&[AH, L("stderr from "), K, Word, Q, L(" "), Opt(&[L("script ")]), ABSENT])
        .test(is_script),
    Pattern::attack(&[AH, L("script '"), K, Not("' "), Q, L("' "), Opt(&[L("script ")]), ABSENT])
        .test(is_script),
]);

const ABSENT: Piece = One(&["does not exist", "not found or unable to stat"]);

/// The path names a script: by its ending, or as one of cgi-bin.
fn is_script(found: &Found<'_>) -> bool {
    let path = found.key.unwrap_or_default();
    let ends_word = |end: usize| path.get(end).is_none_or(|byte| !is_word(*byte));
    let has = |mark: &str, needs_start: bool| {
        memchr::memmem::find_iter(path, mark.as_bytes()).any(|at| {
            let starts = at
                .checked_sub(1)
                .and_then(|before| path.get(before))
                .is_none_or(|byte| !is_word(*byte));
            ends_word(at + mark.len()) && (!needs_start || starts)
        })
    };
    path.first() == Some(&b'/')
        && (["php", "php4", "php5", ".asp", ".exe", ".pl"].iter().any(|mark| has(mark, false))
            || has("cgi-bin", true))
}

static OVERFLOWS: Service = Service::new(
    "apache-overflows",
    "Apache error log: requests that are no HTTP, or far too long.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::attack(&[AH, One(&["Invalid ", "invalid "]), One(&["method", "URI"]), B]),
    Pattern::attack(&[
        AH,
        L("request failed: "),
        Alt(&[
            &[L("URI too long (longer than "), Num, L(")")],
            &[L("erroneous characters after protocol string:")],
            &[L("invalid characters in URI"), B],
        ]),
    ]),
]);

static SHELLSHOCK: Service = Service::new(
    "apache-shellshock",
    "Apache error log: headers that define functions for a shell (CVE-2014-6271).",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::attack(&[
        AH,
        SHELL,
        L("warning: HTTP_"),
        Not1(":"),
        L(": ignoring function definition attempt"),
        REFERER,
    ]),
    Pattern::attack(&[
        AH,
        SHELL,
        L("error importing function definition for `HTTP_"),
        Not1("'"),
        L("'"),
        REFERER,
    ]),
]);

const SHELL: Piece = One(&["/bin/bash: ", "/bin/dash: ", "/bin/sh: "]);

static ZONEMINDER: Service = Service::new(
    "zoneminder",
    "ZoneMinder, in Apache's error log: refused sign-ins.",
    "/var/log/apache2/error.log",
)
.programs(PROGRAMS)
.patterns(&[
    Pattern::auth(&[CLIENT, LEVEL, L("[Login denied for user \""), S, Not("\""), E, L("\"]")]),
    Pattern::auth(&[CLIENT, LEVEL, L("[Could not retrieve user "), S, Not(" "), E]),
]);

const LEVEL: Piece = One(&["ERR ", "WAR "]);
