//! Accounts belong to one person each.

use super::shadow;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-shared",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::Medium,
    title: "accounts belong to one person each",
    why: "An account that several people use cannot be taken from one of them, and its log \
              names nobody. Names like `admin`, `team` or `test` tell that it is shared.",
    remedy: "Give everybody an account and remove the shared one.",
    controls: &["PCI 8.2.2", "ISO 5.16"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[
            File("/etc/passwd", "team:x:1001:1001::/home/team:/bin/bash\n"),
            File("/etc/shadow", "team:$y$j9T$a$b:1:0:9:7:::\n"),
        ],
        pass: &[Folder("/etc")],
        unknown: &[Denied("/etc/passwd")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(accounts) = rows.take(facts.accounts().as_ref().map_err(Clone::clone)) else { return };
    let names = [
        "admin",
        "administrator",
        "team",
        "shared",
        "test",
        "testuser",
        "guest",
        "demo",
        "user",
        "temp",
        "support",
        "operator",
        "ops",
        "office",
    ];
    let all = shadow(facts, rows);
    for user in accounts.users.iter().filter(|user| user.is_person() && user.can_log_in()) {
        let open = all.iter().any(|line| line.name == user.name && line.is_open())
            || facts.exists(user.home.join(".ssh/authorized_keys"));
        if open && names.contains(&user.name.as_str()) {
            rows.fail(
                format!("the account {} looks shared: its name is nobody's", user.name),
                Evidence::at(&user.place, format!("{}: uid {}", user.name, user.uid)),
            );
        } else {
            rows.looked(Evidence::at(&user.place, &user.name));
        }
    }
}
