//! Sshd asks no passwords by the other way either.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "ssh-keyboard-interactive",
    safeguard: Safeguard::BruteForce,
    severity: Severity::Medium,
    title: "sshd asks no passwords by the other way either",
    why: "`KbdInteractiveAuthentication` asks PAM, which asks for the password: with it \
              `PasswordAuthentication no` changes nothing. Both have to be off.",
    remedy: "`KbdInteractiveAuthentication no`, or PAM with a second factor behind it.",
    controls: &["CIS 5.1.22", "PCI 8.4.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ssh/sshd_config", "KbdInteractiveAuthentication yes\n")],
        pass: &[File("/etc/ssh/sshd_config", "KbdInteractiveAuthentication no\n")],
        unknown: &[Denied("/etc/ssh/sshd_config")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) else { return };
    let option = config
        .global("KbdInteractiveAuthentication")
        .or_else(|| config.global("ChallengeResponseAuthentication"));
    let factor = facts.pam().as_ref().is_ok_and(|all| {
        all.iter().any(|line| {
            line.service == "sshd"
                && [
                    "pam_google_authenticator.so",
                    "pam_oath.so",
                    "pam_u2f.so",
                    "pam_duo.so",
                    "pam_yubico.so",
                ]
                .contains(&line.module.as_str())
        })
    });
    match option {
        Some(option) if option.value().eq_ignore_ascii_case("yes") && !factor => rows.fail(
            "sshd asks for passwords by PAM: KbdInteractiveAuthentication yes",
            Evidence::at(&option.place, option.line()),
        ),
        Some(option) => rows.looked(Evidence::at(&option.place, option.line())),
        None => rows.lacks(
            "sshd asks for passwords by PAM: KbdInteractiveAuthentication is not set, so it is yes",
            Evidence::path(
                Path::new("/etc/ssh/sshd_config"),
                "KbdInteractiveAuthentication is not set",
            ),
        ),
    }
}
