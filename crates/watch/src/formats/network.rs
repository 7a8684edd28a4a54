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
        Opt(&[L("["), Num, L("]:"), Sp]),
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

#[cfg(test)]
mod tests {
    use crate::Reader;

    fn check(line: &str, expected: Option<&str>) {
        let mut reader = Reader::new(crate::by_name("recidive").unwrap(), false);
        let ip = reader.line(line.as_bytes()).and_then(|event| event.ip).map(|ip| ip.to_string());
        assert_eq!(ip.as_deref(), expected, "{line}");
    }

    #[test]
    fn bans_of_fail2ban_are_seen_in_its_own_log_and_in_syslog() {
        let is = Some("192.0.2.1");
        check(
            "2026-11-26 01:02:03,004 fail2ban.actions        [77]: NOTICE  [sshd] Ban 192.0.2.1",
            is,
        );
        check("2026-11-26 01:02:03,004 fail2ban.actions[77]: NOTICE  [sshd] Ban 192.0.2.1", is);
        check("Nov 26 01:02:03 h fail2ban-server[77]: NOTICE [sshd] Ban 192.0.2.1", is);
        check("Nov 26 01:02:03 h fail2ban.actions[77]: NOTICE [sshd] Ban 192.0.2.1", is);
        check("Nov 26 01:02:03 h fail2ban.actions[77]: NOTICE [sshd] Unban 192.0.2.1", None);
        check("Nov 26 01:02:03 h fail2ban.actions[77]: NOTICE [recidive] Ban 192.0.2.1", None);
    }
}
