//! PAM's own words, and the programs that ask it on the machine itself: sudo and su.
//!
//! `ruser` may be what a client typed, and may look like `rhost=…`. Where it is empty, as sshd leaves it,
//! the first `rhost` is the program's; otherwise the last one is.

use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Any, E, End, Few, Host, L, Not, Not1, Num, One, Opt, Rep, S, Sp, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&GENERIC, &SUDO, &SU, &COCKPIT];

/// `pam_unix(sshd:auth): `, `(pam_unix) `.
pub(super) const MODULE: Piece = Sub(&[
    Opt(&[L("(")]),
    L("pam_unix"),
    Opt(&[L("("), Not1(" )"), L(")")]),
    Opt(&[L(")")]),
    Opt(&[L(":")]),
    Sp,
]);

/// `authentication failure; logname= uid=0 euid=0 tty=ssh `.
pub(super) const FAILURE: Piece = Sub(&[
    L("authentication failure;"),
    Rep(&[Sp, One(&["logname=", "uid=", "euid="]), Not(" ")]),
    L(" tty="),
    Not(" "),
    L(" "),
]);

/// Who, where nobody is named as the remote user.
pub(super) const NOBODY: Piece =
    Sub(&[L("ruser= rhost="), Host, Opt(&[Sp, L("user="), S, Any, E]), End]);
/// Who, where a remote user is named.
pub(super) const SOMEBODY: Piece =
    Sub(&[L("ruser="), S, Any, E, L(" rhost="), Host, Opt(&[Sp, L("user="), S, Any, E]), End]);

static GENERIC: Service = Service::new(
    "pam-generic",
    "Any program that asks PAM: refused passwords that name a remote host.",
    "/var/log/auth.log",
)
.programs(&["*"])
.patterns(&[
    Pattern::auth(&[MODULE, FAILURE, NOBODY]),
    Pattern::auth(&[MODULE, FAILURE, SOMEBODY]),
]);

static COCKPIT: Service =
    Service::new("cockpit", "The Cockpit console: refused passwords.", "/var/log/auth.log")
        .programs(&["cockpit-session", "cockpit-tls", "cockpit-ws"])
        .patterns(&[
            Pattern::auth(&[MODULE, FAILURE, NOBODY]),
            Pattern::auth(&[MODULE, FAILURE, SOMEBODY]),
        ]);

static SUDO: Service = Service::new(
    "sudo",
    "sudo: people on the machine who are refused another's rights.",
    "/var/log/auth.log",
)
.programs(&["sudo"])
.patterns(&[
    Pattern::of(
        Kind::SudoFailure,
        &[S, Not1(" :"), E, L(" : "), Num, L(" incorrect password attempt")],
    ),
    Pattern::of(
        Kind::SudoFailure,
        &[
            S,
            Not1(" :"),
            E,
            L(" : "),
            One(&[
                "user NOT in sudoers",
                "command not allowed",
                "user NOT authorized on host",
                "a password is required",
                "3 incorrect password attempts",
            ]),
        ],
    ),
    Pattern::of(
        Kind::SudoFailure,
        &[L("pam_unix(sudo:auth): "), FAILURE, L("ruser="), S, Not(" "), E, Sp],
    ),
]);

static SU: Service = Service::new(
    "su",
    "su: people on the machine who are refused another's account.",
    "/var/log/auth.log",
)
.programs(&["su", "su-l"])
.patterns(&[
    Pattern::of(
        Kind::SudoFailure,
        &[L("FAILED SU (to "), Not1(")"), L(") "), S, Not1(" "), E, L(" on "), Word],
    ),
    Pattern::of(Kind::SudoFailure, &[L("FAILED su for "), Not1(" "), L(" by "), S, Word, E]),
    Pattern::of(
        Kind::SudoFailure,
        &[L("pam_unix(su"), Few, L(":auth): "), FAILURE, L("ruser="), S, Not(" "), E, Sp],
    ),
]);
