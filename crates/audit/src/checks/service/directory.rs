//! The directory asks who is there.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-directory",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "the directory asks who is there",
    why: "An open LDAP directory hands out names, addresses and often hashes. Binding without \
              a name is on by default in old set-ups.",
    remedy: "`olcDisallows: bind_anon` and access rules that end with `by * none`.",
    controls: &["PCI 7.2.1", "ISO 8.3"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/ldap/slapd.conf", "access to * by * write\n")],
        pass: &[File(
            "/etc/ldap/slapd.conf",
            "# access to * by * write\naccess to * by self write by * none\n",
        )],
        unknown: &[File("/etc/ldap/slapd.conf", ""), Denied("/etc/ldap/slapd.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut files = rows.take(facts.glob("/etc/ldap/slapd.conf")).unwrap_or_default();
    files.extend(rows.take(facts.glob("/etc/ldap/slapd.d/cn=config/*.ldif")).unwrap_or_default());
    for path in files {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its access rules were looked at"));
        for line in lines.iter().filter(|line| !line.text.trim_start().starts_with('#')) {
            let text = line.text.trim();
            if (text.contains("access to *")
                || text.contains("olcAccess:")
                || text.contains("userPassword"))
                && (text.contains("by * write")
                    || text.contains("userPassword") && text.contains("by * read"))
            {
                rows.fail(
                    "the directory lets everybody read passwords or write",
                    Evidence::at(&line.place, text),
                );
            }
        }
    }
}
