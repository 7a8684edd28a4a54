//! No rule of polkit makes everybody root.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "account-polkit",
    safeguard: Safeguard::Infiltration,
    severity: Severity::High,
    title: "no rule of polkit makes everybody root",
    why: "polkit decides who may start units, mount disks and run programs as root. A rule \
              that says yes to all is sudo without a password, and no list shows it.",
    remedy: "Remove the rule in /etc/polkit-1/rules.d.",
    controls: &["PCI 7.2.2", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/polkit-1/rules.d/1.rules",
            "polkit.addRule(function(action, subject) { return polkit.Result.YES; });\n",
        )],
        pass: &[File("/etc/polkit-1/rules.d/1.rules", "// return polkit.Result.YES;\n")],
        unknown: &[
            File("/etc/polkit-1/rules.d/1.rules", ""),
            Denied("/etc/polkit-1/rules.d/1.rules"),
        ],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = Vec::new();
    for folder in [
        "/etc/polkit-1/rules.d",
        "/etc/polkit-1/localauthority/50-local.d",
        "/etc/polkit-1/localauthority/90-mandatory.d",
        "/var/lib/polkit-1/localauthority/50-local.d",
    ] {
        files.extend(rows.take(facts.files_in(folder, "")).unwrap_or_default());
    }
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        let code: Vec<&crate::facts::Line> = lines
            .iter()
            .filter(|line| {
                let text = line.text.trim();
                !text.starts_with("//") && !text.starts_with('#')
            })
            .collect();
        let narrow = code.iter().any(|line| {
            line.text.contains("action.id")
                || line.text.contains("isInGroup")
                || line.text.contains("subject.user")
        });
        let yes = code.iter().find(|line| {
            line.text.contains("polkit.Result.YES")
                || ["ResultAny=yes", "ResultActive=yes", "ResultInactive=yes"]
                    .iter()
                    .any(|word| line.text.contains(word))
        });
        match yes {
            Some(line) if !narrow => rows.fail(
                format!("polkit makes everybody root by {}", path.display()),
                Evidence::at(&line.place, line.text.trim()),
            ),
            _ => rows.looked(Evidence::path(&path, "narrow, or no yes")),
        }
    }
}
