//! SNMP knows no public community.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-snmp",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "SNMP knows no public community",
    why: "`public` and `private` are passwords that everybody knows: the first reads \
              processes, addresses and software, the second changes settings. SNMP sends them in \
              clear.",
    remedy: "SNMPv3 with a user (`rouser`), or a community of its own for one address.",
    controls: &["PCI 2.2.2", "PCI 2.3.1"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/snmp/snmpd.conf", "rocommunity public\n")],
        pass: &[File("/etc/snmp/snmpd.conf", "# rocommunity public\nrouser monitor priv\n")],
        unknown: &[File("/etc/snmp/snmpd.conf", ""), Denied("/etc/snmp/snmpd.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let lines: Vec<_> = rows.take(facts.glob("/etc/snmp/snmpd.conf*")).unwrap_or_default();
    for path in lines {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its communities were looked at"));
        for line in lines.iter() {
            let text = crate::facts::uncommented(&line.text, "#");
            let words: Vec<&str> = text.split_whitespace().collect();
            let [
                kind
                @ ("rocommunity" | "rwcommunity" | "rocommunity6" | "rwcommunity6" | "com2sec"),
                rest @ ..,
            ] = words.as_slice()
            else {
                continue;
            };
            let (name, source) = if *kind == "com2sec" {
                (rest.get(2), rest.get(1))
            } else {
                (rest.first(), rest.get(1))
            };
            let known = name.is_some_and(|name| {
                ["public", "private", "community", "snmp"]
                    .contains(&name.to_ascii_lowercase().as_str())
            });
            let local =
                source.is_some_and(|source| !["default", "0.0.0.0/0", "::/0"].contains(source));
            if kind.starts_with("rw") || known && !local {
                rows.fail_as(
                    if kind.starts_with("rw") && !local {
                        Severity::Critical
                    } else {
                        Severity::High
                    },
                    format!("SNMP answers to the known community {}", name.unwrap_or(&"")),
                    Evidence::at(&line.place, text.trim()),
                );
            }
        }
    }
}
