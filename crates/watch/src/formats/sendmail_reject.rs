//! Sendmail: refused mail. A recipient that there is not stands in one line, the client in a later one
//! of the same message.

use super::sendmail::{PROGRAMS, QUEUE, RELAY};
use crate::pattern::{Pattern, Turn};
use crate::piece::Piece::{
    self, Alt, Any, End, I, K, L, Not, Not1, Num, One, Opt, Q, Rep, Sp0, Sub, Word,
};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&SENDMAIL_REJECT];

/// `<name@example.com>... `.
const ADDRESSEE: Piece = Opt(&[L("<"), Not1("> "), L(">... ")]);
const CHECK_RCPT: Piece =
    Sub(&[QUEUE, L("ruleset=check_rcpt, arg1=<"), Not1(" "), L(" relay="), RELAY, L(", reject=")]);
/// The message that a line belongs to.
const MESSAGE: Piece = Sub(&[K, Not1(" :<[=,"), Q, L(": ")]);

static SENDMAIL_REJECT: Service = Service::new(
    "sendmail-reject",
    "Sendmail: refused mail; strictly also clients that break off.",
    "/var/log/mail.log",
)
.programs(PROGRAMS)
.sessions()
.patterns(&[
    Pattern::attack(&[
        CHECK_RCPT,
        L("550 5.7.1 "),
        ADDRESSEE,
        Opt(&[L("Relaying denied. ")]),
        Alt(&[
            &[L("IP name possibly forged ["), Not1("]"), L("]"), End],
            &[L("Proper authentication required."), End],
            &[L("IP name lookup failed ["), Not1("]"), L("]"), End],
            &[L("Fix reverse DNS for "), Word, End],
        ]),
    ]),
    Pattern::attack(&[
        CHECK_RCPT,
        One(&["4", "5"]),
        L("5"),
        One(&["1", "3"]),
        L(" "),
        One(&["4", "5"]),
        L(".1.8 "),
        ADDRESSEE,
        L("Domain of sender address "),
        Word,
        L(" does not "),
        One(&["exist", "resolve"]),
        End,
    ]),
    Pattern::attack(&[
        CHECK_RCPT,
        L("550 5."),
        One(&["7", "1"]),
        L(".1 <"),
        Not1("> "),
        L(">... "),
        Alt(&[&[L("Rejected: ")], &[L("User unknown"), End]]),
    ]),
    Pattern::attack(&[
        QUEUE,
        L("ruleset=check_relay"),
        Rep(&[L(", arg"), Num, L("="), Not(" ,")]),
        L(", relay="),
        RELAY,
        L(", reject=421 4.3.2 "),
        One(&["Connection rate limit exceeded.", "Too many open connections."]),
        End,
    ]),
    Pattern::attack(&[
        QUEUE,
        L("rejecting commands from "),
        Sp0,
        RELAY,
        L(" due to pre-greeting traffic after "),
        Num,
        L(" seconds"),
        End,
    ]),
    Pattern::attack(&[
        QUEUE,
        RELAY,
        L(": "),
        Alt(&[&[I("expn")], &[I("vrfy")]]),
        L(" "),
        Word,
        L(" [rejected]"),
        End,
    ]),
    Pattern::attack(&[
        MESSAGE,
        L("<"),
        Not1("@"),
        L("@"),
        Not1(">"),
        L(">... "),
        One(&["No such user here", "User unknown"]),
        End,
    ]),
    Pattern::attack(&[
        MESSAGE,
        L("from=<"),
        Not1("@"),
        L("@"),
        Any,
        L(">, size="),
        Num,
        L(", class="),
        Num,
        L(", nrcpts="),
        Num,
        L(","),
        Opt(&[L(" bodytype="), Not1(" ,"), L(",")]),
        L(" proto="),
        Opt(&[L("E")]),
        L("SMTP, daemon="),
        Not(" ,"),
        L(", relay="),
        RELAY,
        End,
    ])
    .turn(Turn::Notes),
    Pattern::attack(&[QUEUE, RELAY, L(" did not issue "), Word, L(" during connection")]).strict(),
    Pattern::attack(&[
        QUEUE,
        L("lost input channel from "),
        RELAY,
        L(" to "),
        Word,
        L(" after rcpt"),
        End,
    ])
    .strict(),
    Pattern::attack(&[
        CHECK_RCPT,
        L("450 4.4.0"),
        Opt(&[L(" <"), Not1("> "), L(">...")]),
        Opt(&[L(" Relaying temporarily denied.")]),
        Opt(&[L(" Cannot resolve PTR record for "), Word]),
        End,
    ])
    .strict(),
]);

#[cfg(test)]
mod tests {
    use crate::Reader;

    #[test]
    fn a_recipient_that_is_not_there_waits_for_the_client() {
        let mut reader = Reader::new(crate::by_name("sendmail-reject").unwrap(), false);
        let one = b"Nov  3 11:35:30 host sendmail[26254]: rA37ZTSC026250: <a@example.com>... No such user here";
        let from = b"Nov  3 11:35:30 host sendmail[26254]: rA37ZTSC026250: from=<b@example.com>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=[192.0.2.1]";
        assert_eq!(reader.line(one), None);
        assert_eq!(reader.line(from).unwrap().ip.unwrap().to_string(), "192.0.2.1");
        assert_eq!(reader.line(from), None, "counted once");
        assert!(reader.line(one).is_some(), "the client of this message is known by now");
    }
}
