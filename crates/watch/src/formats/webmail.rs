//! Webmail and groupware: Horde, SquirrelMail, openWebmail, SOGo, Group-Office, Tine 2.0.

use crate::pattern::Pattern;
use crate::piece::Piece::{Alt, Any, E, End, Few, Host, L, Not, Not1, Num, One, Opt, S, Sp, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] =
    &[&HORDE, &SQUIRRELMAIL, &OPENWEBMAIL, &SOGO, &GROUP_OFFICE, &TINE];

static HORDE: Service =
    Service::new("horde", "Horde: refused sign-ins.", "/var/log/horde/horde.log").patterns(&[
        Pattern::auth(&[
            L("HORDE [error] ["),
            One(&["horde", "imp"]),
            L("] FAILED LOGIN for "),
            S,
            Word,
            E,
            L(" ["),
            Host,
            L("]"),
            Opt(&[L("(forwarded for ["), Not1("]"), L("])")]),
            L(" to "),
            Alt(&[&[L("Horde")], &[L("{"), Not1("}"), L("}")]]),
            L(" ["),
            Opt(&[L("pid "), Num, L(" ")]),
            L("on line "),
            Num,
            L(" of "),
            Not1(" ]"),
            L("]"),
            End,
        ]),
    ]);

static SQUIRRELMAIL: Service = Service::new(
    "squirrelmail",
    "SquirrelMail: refused sign-ins.",
    "/var/lib/squirrelmail/prefs/squirrelmail_access_log",
)
.patterns(&[Pattern::auth(&[
    L("[LOGIN_ERROR]"),
    Sp,
    S,
    Any,
    E,
    L(" from "),
    Host,
    L(": Unknown user or password incorrect."),
    End,
])]);

static OPENWEBMAIL: Service =
    Service::new("openwebmail", "openWebmail: refused sign-ins.", "/var/log/openwebmail.log")
        .patterns(&[
            Pattern::auth(&[
                L("- ["),
                Num,
                L("] ("),
                Host,
                L(") "),
                S,
                Word,
                E,
                L(" - login error - "),
                Alt(&[
                    &[L("no such user - loginname="), Word, End],
                    &[L("auth_unix.pl, ret -4, Password incorrect"), End],
                ]),
            ]),
            Pattern::auth(&[
                L("- ["),
                Num,
                L("] ("),
                Host,
                L(") "),
                S,
                Word,
                E,
                L(" - userinfo error - auth_unix.pl, ret -4, User "),
                Word,
                L(" doesn't exist"),
                End,
            ]),
        ]);

static SOGO: Service =
    Service::new("sogo-auth", "SOGo: refused sign-ins.", "/var/log/sogo/sogo.log")
        .aliases(&["sogo"])
        .patterns(&[Pattern::auth(&[
            Opt(&[Not1(" ["), L(" ")]),
            L("sogod"),
            Opt(&[L(" ")]),
            L("["),
            Num,
            L("]: SOGoRootPage Login from '"),
            Host,
            Opt(&[L(","), Not("'")]),
            L("' for user '"),
            S,
            Not("'"),
            E,
            L("' might not have worked"),
            Opt(&[
                L(" - password policy: "),
                Not("g"),
                L("grace: "),
                Not("e"),
                L("expire: "),
                Not("b"),
                L("bound: "),
                Not(" "),
            ]),
            End,
        ])]);

static GROUP_OFFICE: Service = Service::new(
    "groupoffice",
    "Group-Office: refused sign-ins.",
    "/home/groupoffice/log/info.log",
)
.patterns(&[Pattern::auth(&[
    L("LOGIN FAILED for user: \""),
    S,
    Any,
    E,
    L("\" from IP: "),
    Host,
    End,
])]);

static TINE: Service =
    Service::new("tine20", "Tine 2.0: refused sign-ins.", "/var/log/tine20/tine20.log").patterns(
        &[Pattern::auth(&[
            Not1(" "),
            L(" "),
            Not1(" "),
            L(" "),
            Few,
            L(" WARN ("),
            Num,
            L("): Tinebase_Controller::login::"),
            Num,
            L(" Login with username "),
            S,
            Any,
            E,
            L(" from "),
            Host,
            L(" failed (-"),
            One(&["1", "3"]),
            L(")!"),
            End,
        ])],
    );
