//! Other mail servers: Courier, UW IMAP, Solid POP3, Perdition, qmail, ASSP, Kerio, Domino, Oracle.

use crate::pattern::Pattern;
use crate::piece::Piece::{
    self, Alt, Any, E, End, Few, Fun, Host, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sp, Sp0, Sub,
    Word,
};
use crate::piece::comma_word;
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[
    &COURIER_AUTH,
    &COURIER_SMTP,
    &UWIMAP,
    &SOLID_POP3D,
    &PERDITION,
    &QMAIL,
    &ASSP,
    &KERIO,
    &DOMINO,
    &ORACLE,
];

static COURIER_AUTH: Service =
    Service::new("courier-auth", "Courier IMAP and POP3: refused passwords.", "/var/log/mail.log")
        .programs(&[
            "imap",
            "imapd",
            "imap-ssl",
            "imapd-ssl",
            "imaplogin",
            "imapdlogin",
            "imaplogin-ssl",
            "imapdlogin-ssl",
            "pop3",
            "pop3d",
            "pop3-ssl",
            "pop3d-ssl",
            "pop3login",
            "pop3dlogin",
            "pop3login-ssl",
            "pop3dlogin-ssl",
            "courierimap*",
            "courierpop3*",
        ])
        .patterns(&[
            Pattern::auth(&[L("LOGIN FAILED, user="), S, Any, E, L(", ip=["), Host, L("]")]),
            Pattern::auth(&[L("LOGIN FAILED, "), Any, L("ip=["), Host, L("]")]),
        ]);

static COURIER_SMTP: Service = Service::new(
    "courier-smtp",
    "Courier SMTP: refused sign-ins and unknown recipients.",
    "/var/log/mail.log",
)
.programs(&["courieresmtpd"])
.patterns(&[
    Pattern::attack(&[
        L("error,relay="),
        Host,
        L(","),
        Opt(&[L("port="), Num, L(",")]),
        Not(":"),
        L(": 550 User "),
        Opt(&[L("<"), Not(">"), L("> ")]),
        L("unknown"),
        Opt(&[L(".")]),
        End,
    ]),
    Pattern::auth(&[
        L("error,relay="),
        Host,
        L(","),
        Opt(&[L("port="), Num, L(",")]),
        L("msg=\"535 Authentication failed.\",cmd:"),
        Sp,
        Word,
        Opt(&[Sp, Word]),
        Opt(&[Sp, Word]),
        Opt(&[Sp, Word]),
        End,
    ]),
]);

static UWIMAP: Service =
    Service::new("uwimap-auth", "UW IMAP and POP3: refused passwords.", "/var/log/mail.log")
        .programs(&["ipop3d", "imapd"])
        .patterns(&[
            Pattern::auth(&[
                L("Login "),
                One(&["failed", "excessive login failures", "disabled", "SYSTEM BREAK-IN ATTEMPT"]),
                L(" user="),
                S,
                Not(" "),
                E,
                L(" auth="),
                Not(" "),
                L(" host="),
                Any,
                L("["),
                Host,
                L("]"),
                End,
            ]),
            Pattern::auth(&[
                L("Failed "),
                Few,
                L(" override of user="),
                Any,
                L("["),
                Host,
                L("]"),
                End,
            ]),
        ]);

static SOLID_POP3D: Service =
    Service::new("solid-pop3d", "Solid POP3: refused passwords.", "/var/log/mail.log")
        .programs(&["solid-pop3d"])
        .patterns(&[
            Pattern::auth(&[
                L("authentication failed: "),
                One(&["no such user: ", "can't map user name: "]),
                S,
                Any,
                E,
                L(" - "),
                Host,
                End,
            ]),
            Pattern::auth(&[
                Opt(&[L("APOP ")]),
                L("authentication failed for "),
                Opt(&[L("mapped ")]),
                L("user "),
                S,
                Any,
                E,
                L(" - "),
                Host,
                End,
            ]),
            Pattern::auth(&[L("root login not allowed - "), Host, End]),
            Pattern::auth(&[L("can't find APOP secret for user "), S, Any, E, L(" - "), Host, End]),
        ]);

static PERDITION: Service =
    Service::new("perdition", "Perdition mail proxy: refused passwords.", "/var/log/mail.log")
        .programs(&["perdition.*"])
        .patterns(&[
            Pattern::auth(&[
                L("Auth: "),
                Host,
                L(":"),
                Num,
                L("->"),
                Not1(" "),
                L(" client-secure="),
                Word,
                L(" authorisation_id=NONE authentication_id=\""),
                S,
                Any,
                E,
                L("\" server=\""),
                Not1(" \""),
                L("\" protocol="),
                Word,
                L(" server-secure="),
                Word,
                L(" status=\"failed: "),
                One(&["local authentication failure", "Re-Authentication Failure"]),
                L("\""),
                End,
            ]),
            Pattern::attack(&[
                L("Fatal Error reading authentication information from client "),
                Host,
                L(":"),
                Num,
                L("->"),
                Not1(" "),
                L(" Exiting child"),
                End,
            ]),
        ]);

static QMAIL: Service = Service::new(
    "qmail",
    "qmail and rblsmtpd: clients that a block list named.",
    "/var/log/mail.log",
)
.aliases(&["qmail-rbl"])
.programs(&["qmail", "rblsmtpd"])
.patterns(&[
    Pattern::attack(&[
        Opt(&[Num, L("."), Num, L(" rblsmtpd: ")]),
        Host,
        L(" pid "),
        Num,
        L(" "),
        Word,
        L(" 4"),
        Num,
        L(" "),
        Word,
        End,
    ]),
    Pattern::attack(&[
        Num,
        L("."),
        Num,
        L(" qmail-smtpd: 4"),
        Num,
        L(" badiprbl: ip "),
        Host,
        L(" rbl: "),
        Word,
        End,
    ]),
    Pattern::attack(&[Word, L(" blocked "), Host, L(" "), Word, L(" -"), End]),
]);

static ASSP: Service = Service::new(
    "assp",
    "ASSP, the spam proxy: refused sign-ins and relays.",
    "/opt/assp/logs/maillog.txt",
)
.patterns(&[
    Pattern::auth(&[
        Opt(&[L(": ")]),
        Opt(&[L("[SSL-out] ")]),
        Host,
        L(" max sender authentication errors ("),
        Num,
        L(") exceeded -- "),
        One(&["dropping", "refusing"]),
        L(" connection - after reply: "),
        Num,
        L(" "),
        Not1(" "),
        L(" Error: authentication failed: "),
        Not1(" ;"),
        L(";"),
        End,
    ]),
    Pattern::attack(&[
        Opt(&[L("[SSL-out] ")]),
        Host,
        L(" SSL negotiation with client failed: SSL accept attempt failed with unknown error"),
        Any,
        L(":unknown protocol;"),
        End,
    ]),
    Pattern::auth(&[L("Blocking "), Host, L(" - too much AUTH errors ("), Num, L(");"), End]),
    Pattern::attack(&[
        MARKS,
        Host,
        L(" "),
        Rep(&[L("<"), Not1(" >"), L("> ")]),
        Rep(&[L("to: "), Not1(" "), L(" ")]),
        L("relay attempt blocked for"),
        Opt(&[L(" (parsing)")]),
        L(": "),
        Word,
        End,
    ]),
    Pattern::auth(&[
        MARKS,
        Host,
        L(" [SMTP Error] 535 5.7.8 Error: authentication failed:"),
        Alt(&[
            &[End],
            &[Sp, Word, End],
            &[
                Sp,
                One(&[
                    "Connection lost to authentication server",
                    "Invalid authentication mechanism",
                    "Invalid base64 data in continued response",
                ]),
                End,
            ],
        ]),
    ]),
]);
/// `m1-25391-06124 [Worker_1] [TLS-out] `.
const MARKS: Piece = Sub(&[Rep(&[Not1(" [.<:"), Sp]), Rep(&[L("["), Not1(" ]"), L("]"), Sp])]);

static KERIO: Service = Service::new(
    "kerio",
    "Kerio Connect: spam, relays and refused sign-ins.",
    "/opt/kerio/mailserver/store/logs/security.log",
)
.patterns(&[
    Pattern::attack(&[L("SMTP Spam attack detected from "), Host, L(",")]),
    Pattern::attack(&[L("IP address "), Host, L(" found in DNS blacklist")]),
    Pattern::attack(&[L("Relay attempt from IP address "), Host]),
    Pattern::attack(&[
        L("Attempt to deliver to unknown recipient "),
        Fun(comma_word),
        L(" from "),
        Fun(comma_word),
        L(" IP address "),
        Host,
        End,
    ]),
    Pattern::auth(&[L("Failed SMTP login from "), Host]),
    Pattern::auth(&[
        L("SMTP: User "),
        S,
        Word,
        E,
        L(" doesn't exist. Attempt from IP address "),
        Host,
    ]),
    Pattern::attack(&[
        L("Client with IP address "),
        Host,
        L(" has no reverse DNS entry, connection rejected before SMTP greeting"),
        End,
    ]),
    Pattern::auth(&[
        L("Administration login into Web Administration from "),
        Host,
        L(" failed: IP address not allowed"),
        End,
    ]),
    Pattern::attack(&[
        L("Message from IP address "),
        Host,
        L(", sender "),
        Word,
        L(" rejected: sender domain does not exist"),
        End,
    ]),
]);

static DOMINO: Service = Service::new(
    "domino-smtp",
    "Lotus Domino: refused sign-ins by SMTP.",
    "/home/domino01/data/IBM_TECHNICAL_SUPPORT/console.log",
)
.patterns(&[
    Pattern::auth(&[
        TAG,
        L("SMTP Server"),
        DATA,
        L(" Authentication failed for user "),
        S,
        Any,
        E,
        L(" ; connecting host "),
        Ip,
        End,
    ]),
    Pattern::auth(&[
        TAG,
        L("smtp: "),
        S,
        Any,
        E,
        L(" "),
        Ip,
        L(" authentication failure using internet password"),
        End,
    ]),
    Pattern::auth(&[
        TAG,
        L("smtp: "),
        Ip,
        L(" authentication failure using internet password"),
        End,
    ]),
    Pattern::attack(&[
        TAG,
        L("SMTP Server"),
        DATA,
        L(" Connection from "),
        Ip,
        L(" rejected for policy reasons."),
    ]),
]);
const TAG: Piece = Sub(&[Opt(&[L("["), Not1("]"), L("]")]), Sp0]);
const DATA: Piece = Alt(&[&[L(":")], &[Sp, L("["), Not1("]"), L("]")]]);

static ORACLE: Service = Service::new(
    "oracleims",
    "Oracle Communications Messaging: refused passwords.",
    "/opt/sun/comms/messaging64/log/mail.log_current",
)
.patterns(&[Pattern::auth(&[
    L("<co ts=\""),
    Few,
    L(" tr=\""),
    Not1("|\""),
    L("|"),
    Not1("|\""),
    L("|"),
    Num,
    L("|"),
    Host,
    L("|"),
    Num,
    L("\" ap=\""),
    Not("\""),
    L("\" mi=\"Bad password\" us=\""),
    S,
    Not("\""),
    E,
    L("\" di=\"535 5.7.8 Bad username or password"),
    Opt(&[L(" (Authentication failed)")]),
    L(".\"/>"),
    End,
])]);
