//! The audit's rules cannot be changed while it runs.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "log-audit-open",
    safeguard: Safeguard::Logs,
    severity: Severity::Low,
    title: "the audit's rules cannot be changed while it runs",
    why: "An intruder with root takes the rules away first, and then nothing is written down. \
              `-e 2` needs a restart for that.",
    remedy: "`-e 2` as the last line in /etc/audit/rules.d.",
    controls: &["CIS 6.3.3.20", "PCI 10.3.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/audit/rules.d/1.rules", "-w /etc/passwd -p wa\n")],
        pass: &[File("/etc/audit/rules.d/1.rules", "-w /etc/passwd -p wa\n-e 2\n")],
        unknown: &[File("/etc/audit/rules.d/1.rules", ""), Denied("/etc/audit/rules.d/1.rules")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = rows.take(facts.files_in("/etc/audit/rules.d", ".rules")).unwrap_or_default();
    files.push(PathBuf::from("/etc/audit/audit.rules"));
    let mut all = Vec::new();
    for path in files {
        all.extend(
            rows.take(facts.lines(&path)).flatten().map_or_else(Vec::new, |lines| lines.to_vec()),
        );
    }
    let Some(rule) = all.iter().find(|line| {
        let text = line.text.trim();
        text.starts_with("-w ") || text.starts_with("-a ")
    }) else {
        return;
    };
    match all.iter().find(|line| line.text.split_whitespace().collect::<Vec<_>>() == ["-e", "2"]) {
        Some(line) => rows.looked(Evidence::at(&line.place, "-e 2")),
        None => rows.lacks(
            "the audit's rules can be taken away while it runs: no -e 2",
            Evidence::at(&rule.place, "no -e 2"),
        ),
    }
}
