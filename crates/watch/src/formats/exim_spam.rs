//! What Exim refuses as spam or as a virus.

use super::exim::{CLIENT, PROCESS};
use crate::pattern::Pattern;
use crate::piece::Piece::{self, Any, End, Host, L, Not1, Num, Opt, Sub, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&EXIM_SPAM];

/// `1Unmew-0000ea-SE `.
const MESSAGE: Piece = Opt(&[Not1(" =[("), L(" ")]);
/// `score=31.0 required=5.0 …`, `From <…> (host=name [192.0.2.1])`.
const SCANNED: Piece = Sub(&[
    L(" (scanned in "),
    Num,
    L("/"),
    Num,
    L(" secs | Message-Id: "),
    Word,
    L(" From "),
    Word,
    L(" (host="),
    Opt(&[Not1(" ["), L(" ")]),
    L("["),
    Host,
    L("]) for "),
]);
const SCORE: Piece = Sub(&[L("score="), Word, L(" required="), Not1(" ")]);

static EXIM_SPAM: Service = Service::new(
    "exim-spam",
    "Exim: clients that send spam or viruses, as block lists and scanners say.",
    "/var/log/exim4/mainlog",
)
.programs(&["exim", "exim4"])
.patterns(&[
    Pattern::attack(&[PROCESS, MESSAGE, CLIENT, L(" rejected by local_scan(): ")]),
    Pattern::attack(&[
        PROCESS,
        CLIENT,
        L(" rejected RCPT "),
        Not1("@"),
        L("@"),
        Not1(" "),
        L(" "),
        Any,
        L("dnsbl"),
    ]),
    Pattern::attack(&[
        PROCESS,
        MESSAGE,
        CLIENT,
        L(" rejected after DATA: This message contains a virus ("),
        Not1(" "),
        End,
    ]),
    Pattern::attack(&[
        PROCESS,
        MESSAGE,
        L("SA: Action: flagged as Spam but accepted: "),
        SCORE,
        SCANNED,
        L("trap@example.com"),
        End,
    ]),
    Pattern::attack(&[
        PROCESS,
        MESSAGE,
        L("SA: Action: silently tossed message: "),
        SCORE,
        L(" trigger="),
        Not1(" "),
        SCANNED,
        Not1(" "),
        End,
    ]),
]);
