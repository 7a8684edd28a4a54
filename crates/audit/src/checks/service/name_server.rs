//! The name server resolves for its own only.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-name-server",
    safeguard: Safeguard::DenialOfService,
    severity: Severity::Medium,
    title: "the name server resolves for its own only",
    why: "An open resolver takes part in floods of others and can be fed false names. Zone \
              transfers to everybody hand out the map of the network.",
    remedy: "`recursion no;` or `allow-recursion { … };`, `allow-transfer { none; };`.",
    controls: &["PCI 2.2.6", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/bind/named.conf.options",
            "options {\n allow-recursion { any; };\n};\n",
        )],
        pass: &[File(
            "/etc/bind/named.conf.options",
            "options {\n // allow-recursion { any; };\n recursion no;\n};\n",
        )],
        unknown: &[File("/etc/bind/named.conf", ""), Denied("/etc/bind/named.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/bind/named.conf*")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its options were looked at"));
        for line in lines.iter() {
            let text = line.text.trim();
            let open = ["allow-recursion", "allow-transfer", "allow-query-cache", "allow-update"]
                .iter()
                .any(|key| text.starts_with(key))
                && text
                    .split(['{', '}', ';', ' '])
                    .any(|word| word == "any" || word == "0.0.0.0/0");
            if open {
                rows.fail(
                    format!("the name server does it for everybody: {text}"),
                    Evidence::at(&line.place, text),
                );
            }
        }
    }
    for path in rows.take(facts.glob("/etc/unbound/unbound.conf.d/*.conf")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        rows.looked(Evidence::path(&path, "its options were looked at"));
        for line in lines.iter().filter(|line| {
            line.text.trim().starts_with("access-control: 0.0.0.0/0 allow")
                || line.text.trim().starts_with("access-control: ::/0 allow")
        }) {
            rows.fail(
                "the name server resolves for everybody",
                Evidence::at(&line.place, line.text.trim()),
            );
        }
    }
}
