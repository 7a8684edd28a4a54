//! The mail server sends for its own only.

use super::{line, settings};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-mail-relay",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "the mail server sends for its own only",
    why: "An open relay sends everybody's spam until nobody takes mail from here any more. One \
              wide network in `mynetworks` makes one.",
    remedy: "`mynetworks = 127.0.0.0/8 [::1]/128` and `reject_unauth_destination` in main.cf.",
    controls: &["PCI 2.2.6", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/postfix/main.cf", "mynetworks = 127.0.0.0/8, 0.0.0.0/0\n")],
        pass: &[File(
            "/etc/postfix/main.cf",
            "# mynetworks = 0.0.0.0/0\nmynetworks = 127.0.0.0/8\n",
        )],
        unknown: &[File("/etc/postfix/main.cf", ""), Denied("/etc/postfix/main.cf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = settings(facts, rows, &["/etc/postfix/main.cf"], ini::INI);
    let Some(first) = all.first() else { return };
    rows.looked(line(first));
    if let Some(setting) = ini::last(&all, None, "mynetworks").filter(|setting| {
        setting.value.contains("0.0.0.0/0")
            || setting.value.contains("::/0]")
            || setting.value.split([' ', ',']).any(|one| one.ends_with("/0") || one.ends_with("/1"))
    }) {
        rows.fail("Postfix relays mail of everybody: mynetworks", line(setting));
    }
    let relay = ini::last(&all, None, "smtpd_relay_restrictions")
        .or_else(|| ini::last(&all, None, "smtpd_recipient_restrictions"));
    if let Some(setting) = relay.filter(|setting| {
        !setting.value.is_empty()
            && !setting.value.contains("reject_unauth_destination")
            && !setting.value.contains("defer_unauth_destination")
            && !setting.value.contains("reject")
    }) {
        rows.fail(
            "Postfix relays mail of everybody: nothing rejects other destinations",
            line(setting),
        );
    }
    let wide =
        ini::last(&all, None, "inet_interfaces").is_none_or(|setting| setting.value == "all");
    if let Some(setting) = ini::last(&all, None, "disable_vrfy_command")
        .filter(|setting| wide && crate::facts::is_no(&setting.value))
    {
        rows.fail_as(Severity::Low, "Postfix tells which mailboxes exist (VRFY)", line(setting));
    }
}
