//! No stack of PAM lets everybody in.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-pam-permit",
    safeguard: Safeguard::Infiltration,
    severity: Severity::Critical,
    title: "no stack of PAM lets everybody in",
    why: "`pam_permit` in front of the password, or as a sufficient module, accepts any \
              password. It is a back door in one line.",
    remedy: "Restore the stack from its package (`pam-auth-update --force`).",
    controls: &["PCI 8.3.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/pam.d/sshd",
            "auth sufficient pam_permit.so\nauth required pam_unix.so\n",
        )],
        pass: &[File(
            "/etc/pam.d/common-auth",
            "auth [success=1] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n",
        )],
        unknown: &[Denied("/etc/pam.d/common-auth"), Mode("/etc/pam.d/common-auth", 0o600)],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all = match facts.pam() {
        Ok(all) => all,
        Err(blind) => return rows.unknown(blind.clone()),
    };
    for line in all.iter().filter(|line| line.kind == "auth") {
        let before = all
            .iter()
            .take_while(|other| *other != line)
            .filter(|other| other.service == line.service && other.kind == "auth")
            .count();
        let guarded = all.iter().take_while(|other| *other != line).any(|other| {
            other.service == line.service
                && other.kind == "auth"
                && ["pam_unix.so", "pam_deny.so", "pam_rootok.so", "pam_sss.so", "pam_krb5.so"]
                    .contains(&other.module.as_str())
        });
        let permits = line.module == "pam_permit.so"
            && (line.control == "sufficient" || !guarded)
            && !["runuser", "runuser-l", "chfn", "other"].contains(&line.service.as_str());
        let debug = line.module == "pam_succeed_if.so"
            && line.control == "sufficient"
            && !line.arguments.iter().any(|word| word == "uid");
        if permits || debug && before == 0 {
            rows.fail(
                format!(
                    "PAM lets everybody in: {} {} for {}",
                    line.control, line.module, line.service
                ),
                Evidence::at(&line.place, line.line()),
            );
        } else {
            rows.looked(Evidence::at(&line.place, line.line()));
        }
    }
}
