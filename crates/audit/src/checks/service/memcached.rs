//! Memcached is for this machine only.

use super::any_wide;
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-memcached",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "memcached is for this machine only",
    why: "It has no passwords: who reaches it reads and changes sessions and pages. Over UDP \
              it floods others a thousandfold.",
    remedy: "`-l 127.0.0.1` and `-U 0` in /etc/memcached.conf.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/memcached.conf", "-d\n-l 0.0.0.0\n")],
        pass: &[File("/etc/memcached.conf", "-d\n# -l 0.0.0.0\n-l 127.0.0.1\n")],
        unknown: &[File("/etc/memcached.conf", ""), Denied("/etc/memcached.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for path in rows.take(facts.glob("/etc/memcached*.conf")).unwrap_or_default() {
        let Some(Some(lines)) = rows.take(facts.lines(&path)) else { continue };
        let options: Vec<_> =
            lines.iter().filter(|line| line.text.trim().starts_with('-')).collect();
        let value = |names: &[&str]| {
            options.iter().rev().find_map(|line| {
                let text = line.text.trim();
                names
                    .iter()
                    .find_map(|name| text.strip_prefix(name))
                    .map(|value| (value.trim_start_matches(['=', ' ']).to_owned(), (*line).clone()))
            })
        };
        match value(&["-l", "--listen"]) {
            Some((address, line)) if any_wide(&address) => rows.fail(
                format!("memcached listens on {address} without a password"),
                Evidence::at(&line.place, line.text.trim()),
            ),
            Some((_, line)) => rows.looked(Evidence::at(&line.place, line.text.trim())),
            None if options.is_empty() => {}
            None => rows.fail(
                "memcached listens on all interfaces: no -l in its configuration",
                Evidence::path(&path, "no -l"),
            ),
        }
        if let Some((port, line)) = value(&["-U", "--udp-port"]).filter(|(port, _)| port != "0") {
            rows.fail(
                format!("memcached answers over UDP (port {port}), which floods others"),
                Evidence::at(&line.place, line.text.trim()),
            );
        }
    }
}
