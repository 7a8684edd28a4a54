//! Cyrus: IMAP, POP3 and sieve.

use crate::pattern::Pattern;
use crate::piece::Piece::{Any, End, Host, L, Not, Not1, One, Opt, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&CYRUS_IMAP, &SIEVE];

static CYRUS_IMAP: Service =
    Service::new("cyrus-imap", "Cyrus IMAP and POP3: refused passwords.", "/var/log/mail.log")
        .programs(&[
            "cyrus/imap",
            "cyrus/imapd",
            "cyrus/imaps",
            "cyrus/pop3",
            "cyrus/pop3d",
            "cyrus/pop3s",
            "imap",
            "imapd",
            "imaps",
            "pop3",
            "pop3d",
            "pop3s",
        ])
        .patterns(&[Pattern::auth(&[
            L("badlogin: "),
            Not("["),
            L("["),
            Host,
            L("] "),
            Word,
            L(" "),
            Any,
            L("SASL(-13): "),
            One(&["authentication failure: ", "user not found: "]),
        ])]);

static SIEVE: Service =
    Service::new("sieve", "Cyrus sieve: refused passwords.", "/var/log/mail.log")
        .programs(&[
            "cyrus/timsieved",
            "timsieved",
            "cyrus/sieved",
            "cyrus/sieve",
            "sieve",
            "sieved",
            "cyrus/timsieve",
            "timsieve",
        ])
        .patterns(&[Pattern::auth(&[
            L("badlogin: "),
            Opt(&[Not1(" [")]),
            Opt(&[L(" ")]),
            L("["),
            Host,
            L("] "),
            Word,
            L(" authentication failure"),
            End,
        ])]);
