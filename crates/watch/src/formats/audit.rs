//! The kernel's audit log, as far as it tells of sign-ins.

use crate::pattern::Pattern;
use crate::piece::Piece::{Alt, E, End, Few, Ip, L, Not1, Num, One, Opt, Rep, S, Word};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&SELINUX_SSH];

static SELINUX_SSH: Service = Service::new(
    "selinux-ssh",
    "sshd as the audit log tells of it: refused keys and unknown identities.",
    "/var/log/audit/audit.log",
)
.patterns(&[Pattern::auth(&[
    One(&["type=USER_ERR", "type=USER_AUTH"]),
    L(" msg=audit("),
    Not1(")"),
    L("): "),
    Opt(&[L("user ")]),
    L("pid="),
    Num,
    L(" uid=0 auid="),
    Num,
    L(" ses="),
    Num,
    L(" subj="),
    One(&["unconfined_u", "system_u"]),
    L(":system_r:sshd_t:s0-s0:c0.c1023 msg='"),
    Few,
    L("acct="),
    Alt(&[&[L("\""), S, Not1("\""), E, L("\"")], &[S, Word, E]]),
    L(" exe=\"/usr/sbin/sshd\" "),
    Rep(&[Alt(&[
        &[L("hostname="), Word, L(" ")],
        &[L("op="), Word, L(" ")],
        &[L("grantors="), Word, L(" ")],
    ])]),
    L("addr="),
    Ip,
    L(" terminal=ssh res=failed'"),
    Alt(&[&[End], &[L("\u{1d}")]]),
])]);
