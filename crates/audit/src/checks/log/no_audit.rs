//! The kernel's audit writes down what changes.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-no-audit",
    safeguard: Safeguard::Logs,
    severity: Severity::Medium,
    title: "the kernel's audit writes down what changes",
    why: "Who changed accounts, sudo's rules or sshd's configuration is told by the kernel's \
              audit alone. A log of the programs themselves can be left out by them.",
    remedy: "`apt install auditd` and rules for /etc/passwd, /etc/shadow, /etc/sudoers, /etc/ssh \
              and commands of root.",
    controls: &["CIS 6.3.1.1", "PCI 10.2.1.5", "ISO 8.15"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nVersion: 1\n",
        )],
        pass: &[
            File(
                "/var/lib/dpkg/status",
                "Package: auditd\nStatus: install ok installed\nVersion: 1\n",
            ),
            File("/etc/audit/rules.d/1.rules", "-w /etc/passwd -p wa\n"),
        ],
        unknown: &[File("/var/lib/dpkg/status", ""), Denied("/var/lib/dpkg/status")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let Some(packages) = rows.take(facts.packages().as_ref().map_err(Clone::clone)) else { return };
    if packages.is_empty() {
        return;
    }
    if !packages.has("auditd") && !facts.exists("/usr/sbin/auditd") && !facts.exists("/sbin/auditd")
    {
        rows.lacks(
            "nothing writes down changes: auditd is not installed",
            Evidence::path(&packages.source, "no auditd"),
        );
        return;
    }
    if let Some(Some(unit)) = rows.take(facts.unit_named("auditd.service"))
        && !unit.is_enabled
    {
        rows.fail(
            "auditd is installed and not enabled",
            Evidence::path(&unit.path, if unit.is_masked { "masked" } else { "nothing wants it" }),
        );
    }
    let mut rules = 0;
    let mut files = rows.take(facts.files_in("/etc/audit/rules.d", ".rules")).unwrap_or_default();
    files.push(PathBuf::from("/etc/audit/audit.rules"));
    for path in files {
        let lines = rows.take(facts.lines(&path)).flatten();
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            let text = line.text.trim();
            rules += usize::from(
                text.starts_with("-w ")
                    || text.starts_with("-a always")
                    || text.starts_with("-a exit"),
            );
            if text == "-e 0"
                || text.starts_with("-a never,task")
                || text.starts_with("-a task,never")
            {
                rows.fail(
                    "the audit is switched off by its own rules",
                    Evidence::at(&line.place, text),
                );
            }
        }
    }
    if rules == 0 {
        rows.fail(
            "auditd has no rules: it writes down nothing of what changes",
            Evidence::path(Path::new("/etc/audit/rules.d"), "no -w and no -a rule"),
        );
    } else {
        rows.looked(Evidence::path(Path::new("/etc/audit/rules.d"), format!("{rules} rules")));
    }
}
