//! No log goes to nowhere.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-discarded",
    safeguard: Safeguard::Logs,
    severity: Severity::High,
    title: "no log goes to nowhere",
    why: "A log that is a link to /dev/null is a log that somebody did not want. It is an old \
              trick of intruders and of tired operators.",
    remedy: "Remove the link and restart rsyslog.",
    controls: &["PCI 10.2.1", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Folder("/var/log"), Link("/var/log/auth.log", "/dev/null")],
        pass: &[Folder("/var/log")],
        unknown: &[File("/var/log/auth.log", ""), Denied("/var/log")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut places: Vec<PathBuf> = [
        "auth.log",
        "syslog",
        "messages",
        "secure",
        "kern.log",
        "daemon.log",
        "wtmp",
        "btmp",
        "lastlog",
        "faillog",
        "audit/audit.log",
        "nginx/access.log",
        "nginx/error.log",
        "apache2/access.log",
        "apache2/error.log",
        "mail.log",
        "cron.log",
        "sudo.log",
    ]
    .iter()
    .map(|name| Path::new("/var/log").join(name))
    .collect();
    for (_, home) in rows.take(facts.homes()).unwrap_or_default() {
        places.extend(
            [".bash_history", ".zsh_history", ".sh_history"].iter().map(|name| home.join(name)),
        );
    }
    for path in places {
        let Some(Some(metadata)) = rows.take(facts.metadata(&path)) else { continue };
        if metadata.kind != burgrave_sys::Kind::Link {
            rows.looked(Evidence::path(&path, "a file"));
            continue;
        }
        let target = facts.system.link(&path).unwrap_or_default();
        if target == Path::new("/dev/null") || target.ends_with("dev/null") {
            let history = path.to_str().is_some_and(|path| path.contains("history"));
            rows.fail_as(
                if history { Severity::Medium } else { Severity::High },
                format!(
                    "{} is a link to /dev/null: what is written there is discarded",
                    path.display()
                ),
                Evidence::path(&path, "-> /dev/null"),
            );
        } else {
            rows.looked(Evidence::path(&path, target.display().to_string()));
        }
    }
    if facts.exists("/var/log") {
        rows.looked(Evidence::path(Path::new("/var/log"), "logs were looked at"));
    }
}
