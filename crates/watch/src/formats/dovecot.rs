//! Dovecot: its login processes, its authentication workers, and PAM.
//!
//! The account may hold anything that its character filter lets through; the address is taken from the
//! last place where the program writes one.

use super::pam::{FAILURE, NOBODY, SOMEBODY};
use crate::pattern::Pattern;
use crate::piece::Found;
use crate::piece::Piece::{
    self, Alt, Any, E, Few, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&DOVECOT];

/// `dovecot: auth-worker(31326)<x>: `.
const WORKER: Piece = Sub(&[
    Opt(&[L("dovecot: ")]),
    One(&["auth-worker", "auth"]),
    Opt(&[L("("), Not1(")"), L(")")]),
    Opt(&[L("<"), Not1(">"), L(">")]),
    L(": "),
]);
/// `imap-login: `.
const LOGIN: Piece =
    One(&["pop3-login: ", "imap-login: ", "managesieve-login: ", "submission-login: "]);
const REQUEST: Piece = Opt(&[L("request ["), Num, L("]: ")]);
/// `conn unix:auth-worker (uid=143): auth-worker<225622>: `.
const CONNECTION: Piece = Opt(&[
    L("conn "),
    Not1(" :"),
    L(":auth"),
    Opt(&[L("-worker")]),
    L(" ("),
    Not1(")"),
    L("): auth"),
    Opt(&[L("-worker")]),
    L("<"),
    Num,
    L(">: "),
]);
const LEAD: Piece = Sub(&[
    Opt(&[WORKER]),
    Opt(&[Alt(&[&[L("pam_unix"), Opt(&[L("(dovecot:auth)")]), L(": ")], &[LOGIN]])]),
    REQUEST,
    Opt(&[L("Info: ")]),
    Opt(&[Not1(" :(<[,;=.>"), L(": ")]),
    CONNECTION,
]);
/// `pam(name,192.0.2.1,<session>): `, or the worker that says so itself.
const LOOKUP: Piece = Sub(&[
    Not1(" (:"),
    L("("),
    S,
    Any,
    E,
    L(","),
    Ip,
    Opt(&[L(","), Not(" )")]),
    L("): "),
    REQUEST,
    Opt(&[L("Info: ")]),
]);
/// `auth(name,192.0.2.1,<session>)<4242>: passwd-file: `: newer workers say whom they serve.
const WORKER_OF: Piece = Sub(&[
    Opt(&[L("dovecot: ")]),
    One(&["auth-worker(", "auth("]),
    S,
    Any,
    E,
    L(","),
    Ip,
    Opt(&[L(","), Not(" )")]),
    L(")"),
    Rep(&[L("<"), Not1(">"), L(">")]),
    L(": "),
    Opt(&[LOGIN]),
    REQUEST,
    Opt(&[L("Info: ")]),
    Opt(&[Not1(" :(<[,;=.>"), L(": ")]),
    CONNECTION,
]);
const ENDS: Piece = One(&[
    "Login aborted",
    "Aborted login",
    "Disconnected",
    "Remote closed connection",
    "Client has quit the connection",
]);
const SECS: Piece = Opt(&[One(&[" in ", " waited "]), Num, L(" secs")]);
/// `: user=<name>, method=PLAIN, rip=192.0.2.1`.
const WHO: Piece = Sub(&[
    Not(":"),
    L(":"),
    Alt(&[&[L(" user=<"), S, Any, E, L(">,"), METHOD, L(" rip="), Ip], &[METHOD, L(" rip="), Ip]]),
]);
const METHOD: Piece = Opt(&[L(" method="), Not1(" ,"), L(",")]);

static DOVECOT: Service = Service::new(
    "dovecot",
    "Dovecot: refused passwords; strictly also clients that do not even try to sign in.",
    "/var/log/mail.log",
)
.programs(&["dovecot", "dovecot-auth", "auth"])
.patterns(&[
    Pattern::auth(&[LEAD, FAILURE, NOBODY]),
    Pattern::auth(&[LEAD, FAILURE, SOMEBODY]),
    Pattern::auth(&[
        LEAD,
        ENDS,
        Few,
        L(" ("),
        Alt(&[
            &[L("auth failed, "), Num, L(" attempts"), SECS, L(")")],
            &[L("tried to use "), One(&["disabled ", "disallowed "]), Word, L(" auth)")],
            &[L("proxy dest auth failed)")],
        ]),
        WHO,
    ]),
    Pattern::attack(&[
        LEAD,
        ENDS,
        Few,
        L(" ("),
        Alt(&[
            &[L("no auth attempts"), SECS, L(")")],
            &[L("disconnected before auth was ready,"), SECS, L(")")],
            &[L("client didn't finish "), Word, L(" auth,"), SECS, L(")")],
            &[L("disconnected during TLS handshake"), SECS, L(")")],
        ]),
        WHO,
    ])
    .strict(),
    Pattern::auth(&[WORKER_OF, SAYS]).test(is_word_user),
    Pattern::auth(&[LEAD, LOOKUP, SAYS]).test(is_word_user),
    Pattern::auth(&[LOOKUP, SAYS]).test(is_word_user),
]);

const SAYS: Piece = Alt(&[
    &[One(&[
        "Unknown user",
        "unknown user",
        "Invalid credentials",
        "invalid credentials",
        "Password mismatch",
        "password mismatch",
    ])],
    &[
        L("pam_authenticate() failed: "),
        Alt(&[
            &[L("User not known to the underlying authentication module: "), Num, L(" Time(s)")],
            &[L("Authentication failure ("), One(&["P", "p"]), L("assword mismatch?)")],
            &[L("Permission denied")],
        ]),
    ],
]);

/// What a client typed as a password may stand at the end of the line, and could look like all of this.
fn is_word_user(found: &Found<'_>) -> bool {
    !found.user.unwrap_or_default().contains(&b' ')
}
