//! No service of the unencrypted age is enabled.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-inetd",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "no service of the unencrypted age is enabled",
    why: "telnet, rsh, rlogin, finger, tftp and ftp send passwords and data in clear or ask \
              for none. Each has a successor.",
    remedy: "Comment the line out in /etc/inetd.conf, `disable = yes` in xinetd.d, or remove the \
              package; use ssh.",
    controls: &["CIS 2.2.1", "PCI 2.2.5", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/inetd.conf",
            "telnet stream tcp nowait root /usr/sbin/tcpd /usr/sbin/telnetd\n",
        )],
        pass: &[File("/etc/inetd.conf", "#telnet stream tcp nowait root /usr/sbin/telnetd\n")],
        unknown: &[File("/etc/inetd.conf", ""), Denied("/etc/inetd.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let bad = [
        "telnet", "shell", "login", "exec", "rsh", "rlogin", "rexec", "finger", "tftp", "ftp",
        "talk", "ntalk", "chargen", "echo", "discard", "daytime", "time", "systat", "netstat",
        "pop2", "rstatd", "rusersd", "sprayd", "walld", "tcpmux", "uucp", "bootps",
    ];
    let strong = ["telnet", "shell", "login", "exec", "rsh", "rlogin", "rexec"];
    let mut tables = vec![PathBuf::from("/etc/inetd.conf")];
    tables.extend(rows.take(facts.files_in("/etc/inetd.d", "")).unwrap_or_default());
    for path in tables {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        for line in lines.iter() {
            let text = line.text.trim();
            let words: Vec<&str> = text.split_whitespace().collect();
            let [name, _, _, _, user, ..] = words.as_slice() else { continue };
            if text.starts_with('#') {
                continue;
            }
            let plain = name.rsplit(':').next().unwrap_or(name);
            let program = words.get(5..).unwrap_or_default().join(" ");
            if strong.contains(&plain) {
                rows.fail(
                    format!("the insecure service {plain} is enabled in inetd.conf"),
                    Evidence::at(&line.place, text),
                );
            } else if bad.contains(&plain) {
                rows.fail_as(
                    if ["tftp", "ftp", "finger"].contains(&plain) {
                        Severity::High
                    } else {
                        Severity::Medium
                    },
                    format!("the insecure service {plain} is enabled in inetd.conf"),
                    Evidence::at(&line.place, text),
                );
            } else if program.contains("/bin/sh") || program.contains("/bin/bash") {
                rows.fail_as(
                    Severity::Critical,
                    format!("inetd gives a shell to whoever connects to {plain} as {user}"),
                    Evidence::at(&line.place, text),
                );
            } else {
                rows.looked(Evidence::at(&line.place, text));
            }
        }
        rows.looked(Evidence::path(&path, "its services were looked at"));
    }
    for path in rows.take(facts.files_in("/etc/xinetd.d", "")).unwrap_or_default() {
        let all = rows.take(facts.settings(&path, ini::INI)).unwrap_or_default();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let disabled =
            ini::last(&all, None, "disable").is_some_and(|setting| setting.value == "yes");
        if !disabled && bad.iter().any(|bad| name.starts_with(bad)) {
            rows.fail(
                format!("the insecure service {name} is enabled in xinetd"),
                Evidence::path(&path, "disable is not yes"),
            );
        } else {
            rows.looked(Evidence::path(&path, "disabled or harmless"));
        }
    }
}
