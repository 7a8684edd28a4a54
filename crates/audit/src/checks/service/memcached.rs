//! Memcached is for this machine only.

use super::any_wide;
use crate::checks::prelude::*;
use crate::facts::{Line, uncommented};

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
        let options: Vec<&Line> =
            lines.iter().filter(|line| line.text.trim().starts_with('-')).collect();
        if options.is_empty() {
            continue;
        }
        // Each of several addresses is listened on.
        let (wide, own): (Vec<_>, Vec<_>) = values(&options, &["-l", "--listen"])
            .into_iter()
            .partition(|(address, _)| any_wide(address));
        if let Some((address, _)) = wide.first() {
            rows.fail(
                format!("memcached listens on {address} without a password"),
                wide.iter().map(|(_, line)| seen(line)).collect::<Vec<_>>(),
            );
        } else if let Some((_, line)) = own.first() {
            rows.looked(seen(line));
        } else if let Some((_, line)) = values(&options, &["-s", "--unix-socket"]).first() {
            rows.looked(seen(line));
        } else {
            rows.fail(
                "memcached listens on all interfaces: no -l in its configuration",
                Evidence::path(&path, "no -l"),
            );
        }
        let udp = values(&options, &["-U", "--udp-port"]);
        if let Some((port, line)) = udp.last().filter(|(port, _)| port != "0") {
            rows.fail(
                format!("memcached answers over UDP (port {port}), which floods others"),
                seen(line),
            );
        }
    }
}

fn seen(line: &Line) -> Evidence {
    Evidence::at(&line.place, line.text.trim())
}

/// The values of an option by its names, in order.
fn values<'l>(options: &[&'l Line], names: &[&str]) -> Vec<(String, &'l Line)> {
    let value = |line: &'l Line| {
        let text = uncommented(line.text.trim(), "#").trim();
        let rest = names.iter().find_map(|name| text.strip_prefix(name))?;
        Some((rest.trim_start_matches(['=', ' ']).to_owned(), line))
    };
    options.iter().filter_map(|line| value(line)).collect()
}
