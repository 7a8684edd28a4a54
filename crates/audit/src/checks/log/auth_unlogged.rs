//! Logins are written to a log.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-auth-unlogged",
    safeguard: Safeguard::Logs,
    severity: Severity::High,
    title: "logins are written to a log",
    why: "The line for `auth` and `authpriv` is what tells who logged in and who tried. \
              Without it there is nothing to watch.",
    remedy: "`auth,authpriv.* /var/log/auth.log` in rsyslog.conf.",
    controls: &["CIS 6.2.3.5", "PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/rsyslog.conf",
            "#auth,authpriv.* /var/log/auth.log\nmail.* /var/log/mail.log\n",
        )],
        pass: &[File("/etc/rsyslog.conf", "auth,authpriv.* /var/log/auth.log\n")],
        unknown: &[Denied("/etc/rsyslog.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(all) = rows.take(facts.rsyslog().as_ref().map_err(Clone::clone)) else { return };
    let Some(first) = all.first() else { return };
    let takes = |line: &&ini::Setting| {
        let selector = line.value.split_whitespace().next().unwrap_or_default();
        let facility = selector.split(';').filter(|part| !part.ends_with(".none")).any(|part| {
            part.split('.').next().is_some_and(|names| {
                names.split(',').any(|name| name == "*" || name.starts_with("auth"))
            })
        });
        let excluded =
            selector.split(';').any(|part| part.ends_with(".none") && part.contains("auth"));
        let target = line.value.split_whitespace().nth(1).unwrap_or_default();
        facility
            && (!excluded || selector.starts_with("auth"))
            && !["~", "stop", "/dev/null", ":omusrmsg:*"].contains(&target)
            && !target.starts_with('|')
    };
    let rules = all.iter().filter(|line| {
        line.value.contains("if $syslogfacility-text")
            || line.value.starts_with("action(") && line.value.contains("omfile")
    });
    match all.iter().find(takes).or_else(|| rules.into_iter().next()) {
        Some(line) => rows.looked(Evidence::at(&line.place, &line.value)),
        None => rows.fail(
            "rsyslog writes logins (auth, authpriv) nowhere",
            Evidence::at(&first.place, "no rule for auth or authpriv"),
        ),
    }
}
