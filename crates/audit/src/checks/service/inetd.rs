//! No service of the unencrypted age is enabled.

use crate::checks::prelude::*;
use crate::facts::Line;

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
            } else if BAD.contains(&plain) {
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
    look_at_xinetd(facts, rows);
}

/// A service of xinetd (xinetd.conf(5)).
struct Service<'l> {
    name: String,
    /// Where its settings begin.
    open: &'l Line,
    /// What says whether it is disabled, the last of it.
    disable: Option<&'l Line>,
}

fn look_at_xinetd(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = vec![PathBuf::from("/etc/xinetd.conf")];
    // Names with a dot, and those of editors' copies, are not read.
    let is_read = |name: &str| !name.contains('.') && !name.ends_with('~');
    files.extend(
        rows.take(facts.files_in("/etc/xinetd.d", ""))
            .unwrap_or_default()
            .into_iter()
            .filter(|path| path.file_name().and_then(|name| name.to_str()).is_none_or(is_read)),
    );
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        for service in services(&lines) {
            let is_bad =
                BAD.contains(&&*service.name) || BAD.iter().any(|bad| file.starts_with(bad));
            let said = service.disable.unwrap_or(service.open);
            if is_bad && !service.disable.is_some_and(is_disabled) {
                rows.fail(
                    format!("the insecure service {} is enabled in xinetd", service.name),
                    Evidence::at(&said.place, "disable is not yes"),
                );
            } else {
                rows.looked(Evidence::at(&said.place, "disabled or harmless"));
            }
        }
    }
}

/// The services of a file, in order.
fn services(lines: &[Line]) -> Vec<Service<'_>> {
    let (mut name, mut inside) = (None, false);
    let mut out: Vec<Service<'_>> = Vec::new();
    for line in lines {
        let text = line.text.trim();
        let mut words = text.split_whitespace();
        match (words.next(), name.take()) {
            (Some("service"), _) if !inside => name = words.next().map(str::to_owned),
            (Some("{"), Some(name)) => {
                inside = true;
                out.push(Service { name, open: line, disable: None });
            }
            (Some("}"), _) => inside = false,
            (None, kept) => name = kept,
            (Some(first), kept) if first.starts_with('#') => name = kept,
            (Some(first), _) if inside && first.split('=').next() == Some("disable") => {
                if let Some(service) = out.last_mut() {
                    service.disable = Some(line);
                }
            }
            (Some(_), _) => {}
        }
    }
    out
}

fn is_disabled(line: &Line) -> bool {
    line.text.split_once('=').is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case("yes"))
}

/// What has no place on a server.
const BAD: [&str; 27] = [
    "telnet", "shell", "login", "exec", "rsh", "rlogin", "rexec", "finger", "tftp", "ftp", "talk",
    "ntalk", "chargen", "echo", "discard", "daytime", "time", "systat", "netstat", "pop2",
    "rstatd", "rusersd", "sprayd", "walld", "tcpmux", "uucp", "bootps",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;
    use burgrave_model::Verdict;

    #[test]
    fn each_service_of_xinetd_counts_by_itself() {
        for (text, wanted) in [
            ("service echo\n{\n disable = yes\n}\nservice echo\n{\n id = echo-dgram\n}\n", 1),
            ("service telnet\n{\n disable=no\n}\n", 1),
            ("service telnet\n# x\n\n{\n disable = YES\n}\n", 0),
            ("defaults\n{\n}\nservice imap\n{\n}\n", 0),
            ("service telnet\n", 0),
        ] {
            let found = findings(&CHECK, &[File("/etc/xinetd.d/all", text)]);
            let fails = found.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
            assert_eq!(fails, wanted, "{text}");
        }
        let copy = [File("/etc/xinetd.d/telnet.bak", "service telnet\n{\n}\n")];
        assert_eq!(findings(&CHECK, &copy), []);
    }
}
