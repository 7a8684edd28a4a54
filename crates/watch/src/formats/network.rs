//! The network itself: port scans, inetd, other tools that ban.

use crate::pattern::Pattern;
use crate::piece::Piece::{End, Few, Host, Ip, L, Not1, Num, One, Opt, Sp, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&PORTSENTRY, &SCANLOGD, &XINETD, &RECIDIVE];

static PORTSENTRY: Service =
    Service::new("portsentry", "PortSentry: port scans.", "/var/lib/portsentry/portsentry.history")
        .patterns(&[Pattern::attack(&[
            Few,
            L("/"),
            Host,
            L(" Port: "),
            Num,
            L(" "),
            One(&["TCP", "UDP"]),
            L(" Blocked"),
            End,
        ])]);

static SCANLOGD: Service = Service::new("scanlogd", "scanlogd: port scans.", "/var/log/syslog")
    .programs(&["scanlogd"])
    .patterns(&[Pattern::attack(&[Ip, Opt(&[L(":"), Num]), L(" to "), Word, L(" ports")])]);

static XINETD: Service =
    Service::new("xinetd-fail", "xinetd: refused connections.", "/var/log/daemon.log")
        .programs(&["xinetd"])
        .patterns(&[Pattern::attack(&[
            L("FAIL: "),
            Word,
            One(&[" address from=", " libwrap from="]),
            Host,
            End,
        ])]);

static RECIDIVE: Service = Service::new(
    "recidive",
    "fail2ban's own log: who was banned before, beside it or before it was left.",
    "/var/log/fail2ban.log",
)
.programs(&["fail2ban*"])
.patterns(&[
    Pattern::ignore(&[Few, L("[recidive] Ban ")]),
    Pattern::attack(&[
        Opt(&[L("fail2ban.actions"), Opt(&[Sp]), Opt(&[L("["), Num, L("]")]), L(":"), Sp]),
        Opt(&[L("NOTICE"), Sp]),
        L("["),
        Not1("]"),
        L("]"),
        Sp,
        L("Ban"),
        Sp,
        Host,
    ]),
]);
