//! OpenSSH's server, in all its versions.
//!
//! A user name may hold anything, ` from 192.0.2.1 port 22 ssh2` included. Where sshd writes the address
//! last, it is read from the end of the line; where a description of the key follows, that is read from
//! the end as well.

use crate::event::Kind;
use crate::pattern::{Pattern, Turn};
use crate::piece::Piece::{
    self, Alt, Any, B, E, End, Few, Host, Ip, L, Not, Not1, Num, One, Opt, Rep, S, Sp, Sp0, Sub,
    Whole, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&SSHD];

static SSHD: Service = Service::new(
    "sshd",
    "OpenSSH: refused passwords, keys and accounts; strictly also clients that break off before they sign in.",
    "/var/log/auth.log",
)
.aliases(&["ssh"])
.programs(&["sshd", "sshd-session"])
.skips(&["error: PAM: ", "fatal: PAM: ", "error: ", "fatal: "])
.sessions()
.patterns(PATTERNS);

/// ` port 22`, ` on host`.
const WHERE: Piece = Rep(&[L(" "), Alt(&[&[L("port "), Num], &[L("on "), Word]])]);
/// What may end a line.
const TAIL: Piece =
    Sub(&[Rep(&[L(" "), Alt(&[&[L("port "), Num], &[L("on "), Word], &[L("[preauth]")]])]), End]);
/// The address last, as sshd writes it today.
const LAST: Piece = Sub(&[L(" from "), Ip, L(" port "), Num, L(" ssh2"), End]);
/// The address, then the key: its type and its fingerprint.
const LAST_WITH_KEY: Piece = Sub(&[
    L(" from "),
    Ip,
    L(" port "),
    Num,
    L(" ssh2: "),
    Not1(" "),
    L(" "),
    Word,
    Opt(&[L(", client user \""), Not("\""), L("\", client host \""), Not("\""), L("\"")]),
    End,
]);
/// The address last, as older versions write it.
const LOOSE: Piece = Sub(&[L(" from "), Host, WHERE, Opt(&[L(" ssh"), Opt(&[Num])]), End]);
/// The address behind a name of one word, then anything.
const FIRST: Piece =
    Sub(&[Whole, S, Word, E, L(" from "), Host, WHERE, Opt(&[L(" ssh"), Opt(&[Num])]), L(": ")]);

const INVALID: Piece = Opt(&[One(&["invalid user ", "illegal user "])]);
const KEYED: Piece = One(&["publickey", "hostbased", "gssapi-with-mic", "gssapi-keyex"]);
const CLOSES: Piece =
    One(&["Connection closed", "Connection reset", "Disconnected", "Disconnecting"]);
const ACCOUNT: Piece = One(&[" invalid user ", " authenticating user "]);
const REASON: Piece = Opt(&[L(": "), Not1("[")]);
const REFUSED: Piece = One(&[
    "not listed in AllowUsers",
    "listed in DenyUsers",
    "not in any group",
    "a group is listed in DenyGroups",
    "none of user's groups are listed in AllowGroups",
]);

const PATTERNS: &[Pattern] = &[
    // A key that is not taken is no failure yet: a client offers one after the other.
    Pattern::auth(&[L("Failed publickey for invalid user "), S, Any, E, LAST_WITH_KEY]),
    Pattern::auth(&[L("Failed publickey for invalid user "), S, Any, E, LAST]),
    Pattern::auth(&[L("Failed publickey for invalid user "), FIRST]),
    Pattern::auth(&[L("Failed publickey for invalid user "), S, Any, E, LOOSE]),
    Pattern::auth(&[L("Failed publickey for "), S, Any, E, LAST_WITH_KEY]).turn(Turn::Notes),
    Pattern::auth(&[L("Failed publickey for "), FIRST]).turn(Turn::Notes),
    Pattern::auth(&[L("Failed publickey for "), S, Any, E, LOOSE]).turn(Turn::Notes),
    Pattern::auth(&[L("Failed "), KEYED, L(" for "), INVALID, S, Any, E, LAST_WITH_KEY]),
    Pattern::auth(&[L("Failed "), KEYED, L(" for "), INVALID, FIRST]),
    Pattern::auth(&[L("Failed "), Not1(" "), L(" for "), INVALID, S, Any, E, LAST]),
    Pattern::auth(&[L("Failed "), Not1(" "), L(" for "), INVALID, FIRST]),
    Pattern::auth(&[L("Failed "), Not1(" "), L(" for "), INVALID, S, Any, E, LOOSE]),
    // Accounts that may not sign in.
    Pattern::auth(&[
        One(&["Invalid user ", "invalid user ", "Illegal user ", "illegal user "]),
        S,
        Any,
        E,
        L(" from "),
        Host,
        TAIL,
    ]),
    Pattern::auth(&[
        One(&["Invalid user ", "invalid user ", "Illegal user ", "illegal user "]),
        S,
        Any,
        E,
        L(" "),
        Ip,
        TAIL,
    ]),
    Pattern::auth(&[
        L("User "),
        S,
        Any,
        E,
        L(" from "),
        Host,
        L(" not allowed because "),
        REFUSED,
        TAIL,
    ]),
    Pattern::auth(&[L("User "), S, Any, E, L(" "), Ip, L(" not allowed because "), REFUSED, TAIL]),
    Pattern::auth(&[L("User "), S, Any, E, L(" not allowed because account is locked")]),
    Pattern::auth(&[S, L("ROOT"), E, L(" LOGIN REFUSED FROM "), Host]),
    Pattern::auth(&[L("refused connect from "), Word, L(" ("), Host, L(")")]),
    // PAM.
    Pattern::auth(&[
        One(&["A", "a"]),
        L("uthentication "),
        One(&["failure", "error", "failed"]),
        L(" for "),
        INVALID,
        S,
        Any,
        E,
        L(" from "),
        Host,
        Opt(&[L(" via "), Word]),
        TAIL,
    ]),
    Pattern::auth(&[
        One(&["A", "a"]),
        L("uthentication "),
        One(&["failure", "error", "failed"]),
        L(" for "),
        INVALID,
        S,
        Any,
        E,
        L(" "),
        Ip,
        Opt(&[L(" via "), Word]),
        TAIL,
    ]),
    Pattern::auth(&[
        L("User not known to the underlying authentication module for "),
        INVALID,
        S,
        Any,
        E,
        L(" from "),
        Host,
        TAIL,
    ]),
    Pattern::auth(&[
        L("User not known to the underlying authentication module for "),
        INVALID,
        S,
        Any,
        E,
        L(" "),
        Ip,
        TAIL,
    ]),
    Pattern::auth(&[
        L("pam_"),
        Not1("( "),
        L("(sshd:auth):"),
        Sp,
        L("authentication failure;"),
        Rep(&[Sp, One(&["logname=", "uid=", "euid=", "tty="]), Not(" ")]),
        Sp,
        L("ruser="),
        S,
        Not(" "),
        E,
        Sp,
        L("rhost="),
        Host,
        Opt(&[Sp, L("user="), S, Not(" "), E]),
        TAIL,
    ])
    .turn(Turn::Notes),
    // Too many tries.
    Pattern::auth(&[
        L("maximum authentication attempts exceeded for "),
        INVALID,
        S,
        Any,
        E,
        L(" from "),
        Host,
        WHERE,
        Opt(&[L(" ssh"), Opt(&[Num])]),
        TAIL,
    ]),
    Pattern::auth(&[
        L("maximum authentication attempts exceeded for "),
        INVALID,
        S,
        Any,
        E,
        L(" "),
        Ip,
        WHERE,
        Opt(&[L(" ssh"), Opt(&[Num])]),
        TAIL,
    ]),
    Pattern::auth(&[L("Disconnecting: Too many authentication failures"), TAIL]),
    Pattern::auth(&[
        L("Disconnecting: Too many authentication failures for "),
        S,
        Any,
        E,
        L(" [preauth]"),
        End,
    ]),
    Pattern::auth(&[
        L("Disconnecting: Too many authentication failures"),
        Opt(&[L(" for "), S, Any, E, End]),
        End,
    ]),
    Pattern::auth(&[
        L("Disconnecting"),
        Opt(&[L(" from")]),
        ACCOUNT,
        S,
        Word,
        E,
        L(" "),
        Host,
        WHERE,
        L(":"),
        Sp0,
        L("Change of username or service not allowed:"),
        Any,
        L("[preauth]"),
        End,
    ])
    .turn(Turn::CountsAndEnds),
    Pattern::ignore(&[L("Disconnecting"), Few, L(": Change of username or service not allowed")]),
    Pattern::ignore(&[CLOSES, Few, L(": Too many authentication failures")]),
    // The client leaves.
    Pattern::auth(&[
        L("Received disconnect from "),
        Host,
        WHERE,
        L(":"),
        Sp0,
        L("3: "),
        Any,
        L(": Auth fail"),
        TAIL,
    ])
    .turn(Turn::CountsAndEnds),
    Pattern::auth(&[L("Received disconnect from "), Host, WHERE, L(":"), Sp0, L("11:")])
        .turn(Turn::NotesAndEnds),
    Pattern::attack(&[
        L("Received disconnect from "),
        Host,
        WHERE,
        L(":"),
        Sp0,
        One(&[
            "14: No authentication methods available",
            "14: No supported authentication methods available",
        ]),
    ])
    .turn(Turn::CountsAndEnds)
    .strict(),
    Pattern::attack(&[
        CLOSES,
        Opt(&[One(&[" by", " from"])]),
        ACCOUNT,
        S,
        Any,
        E,
        L(" "),
        Ip,
        WHERE,
        REASON,
        Sp,
        L("[preauth]"),
        End,
    ])
    .turn(Turn::CountsAndEnds)
    .strict(),
    Pattern::attack(&[
        CLOSES,
        Opt(&[One(&[" by", " from"])]),
        L(" "),
        Ip,
        WHERE,
        REASON,
        Sp,
        L("[preauth]"),
        End,
    ])
    .turn(Turn::CountsAndEnds)
    .strict(),
    Pattern::attack(&[
        CLOSES,
        Opt(&[One(&[" by", " from"])]),
        ACCOUNT,
        S,
        Any,
        E,
        L(" "),
        Ip,
        WHERE,
        REASON,
        Opt(&[Sp0, L("[preauth]")]),
        End,
    ])
    .turn(Turn::NotesAndEnds),
    Pattern::attack(&[
        CLOSES,
        Opt(&[One(&[" by", " from"])]),
        L(" "),
        Ip,
        WHERE,
        REASON,
        Opt(&[Sp0, L("[preauth]")]),
        End,
    ])
    .turn(Turn::NotesAndEnds),
    // Scans and floods.
    Pattern::attack(&[
        One(&[
            "Did not receive identification string from ",
            "Timeout before authentication for connection from ",
            "Timeout before authentication for ",
        ]),
        Host,
    ])
    .strict(),
    Pattern::attack(&[
        L("kex_exchange_identification: "),
        Opt(&[L("read: ")]),
        One(&[
            "client sent invalid protocol identifier",
            "Client sent invalid protocol identifier",
            "connection closed by remote host",
            "Connection closed by remote host",
            "connection reset by peer",
            "Connection reset by peer",
        ]),
    ])
    .strict(),
    Pattern::attack(&[L("Bad protocol version identification '"), Any, L("' from "), Host, TAIL])
        .strict(),
    Pattern::attack(&[L("Bad protocol version identification '"), Any, L("' "), Ip, TAIL]).strict(),
    Pattern::attack(&[
        L("SSH: Server;Ltype: "),
        One(&["Authname", "Version", "Kex"]),
        L(";Remote: "),
        Ip,
        L("-"),
        Num,
        L(";"),
    ])
    .turn(Turn::Notes)
    .strict(),
    Pattern::attack(&[L("Read from socket failed: Connection reset by peer")])
        .turn(Turn::CountsAndEnds)
        .strict(),
    Pattern::attack(&[
        One(&["banner exchange", "ssh_dispatch_run_fatal"]),
        L(": Connection from "),
        Host,
        WHERE,
        L(": "),
        One(&[
            "invalid format",
            "message authentication code incorrect [preauth]",
            "connection corrupted [preauth]",
            "Connection corrupted [preauth]",
        ]),
    ])
    .strict(),
    Pattern::attack(&[
        L("Unable to negotiate with "),
        Host,
        WHERE,
        L(": no matching "),
        Few,
        L(" found."),
    ])
    .strict(),
    Pattern::attack(&[L("Unable to negotiate a "), Word]).strict(),
    Pattern::attack(&[L("no matching "), Few, L(" found:")]).strict(),
    // A sign-in that went through.
    Pattern::of(
        Kind::AuthSuccess,
        &[L("Accepted "), Not1(" "), L(" for "), S, Any, E, LAST_WITH_KEY],
    )
    .turn(Turn::Clears),
    Pattern::of(Kind::AuthSuccess, &[L("Accepted "), Not1(" "), L(" for "), S, Any, E, LAST])
        .turn(Turn::Clears),
    Pattern::of(
        Kind::AuthSuccess,
        &[L("Accepted "), Not1(" "), L(" for "), S, Word, E, L(" from "), Host, B],
    )
    .turn(Turn::Clears),
    Pattern::auth(&[L("Connection from "), Host, B]).turn(Turn::Notes),
];
