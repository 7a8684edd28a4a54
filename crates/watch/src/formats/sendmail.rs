//! Sendmail: refused sign-ins.

use crate::pattern::Pattern;
use crate::piece::Piece::{self, Any, E, End, I, Ip, L, Not, Not1, Num, One, Opt, S, Sub};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&SENDMAIL_AUTH];

pub(super) const PROGRAMS: &[&str] = &["sendmail", "sm-mta", "sm-acceptingconnections"];
/// `s1OHA28u032053: `.
pub(super) const QUEUE: Piece = Opt(&[Not1(" :<[=,"), L(": ")]);
/// `name [192.0.2.1] (may be forged)`.
pub(super) const RELAY: Piece = Sub(&[
    Opt(&[Not1(" []"), L(" ")]),
    L("["),
    Opt(&[I("IPv6:")]),
    Ip,
    L("]"),
    Opt(&[L(" (may be forged)")]),
]);

static SENDMAIL_AUTH: Service =
    Service::new("sendmail-auth", "Sendmail: refused sign-ins.", "/var/log/mail.log")
        .programs(PROGRAMS)
        .patterns(&[
            Pattern::auth(&[
                QUEUE,
                RELAY,
                L(": possible SMTP attack: command=AUTH, count="),
                Num,
                End,
            ]),
            Pattern::auth(&[
                QUEUE,
                L("AUTH failure ("),
                Not1(")"),
                L("):"),
                Opt(&[L(" "), Not1(":"), L(":")]),
                L(" "),
                One(&["authentication failure: ", "user not found: "]),
                Not(","),
                L(", "),
                Opt(&[L("user="), S, Any, E, L(", ")]),
                L("relay="),
                RELAY,
                End,
            ]),
        ]);
