//! Nothing switches the filter off again.

use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-overridden",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "nothing switches the filter off again",
    why: "A script that flushes the rules at the start, or a service that does, undoes every \
              rule without changing a file of the filter. It is found only by looking for it.",
    remedy: "Remove the command.",
    controls: &["PCI 1.2.8", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/cron.d/x", "*/5 * * * * root /usr/sbin/nft flush ruleset\n")],
        pass: &[File("/etc/cron.d/x", "*/5 * * * * root /bin/true\n")],
        unknown: &[File("/etc/cron.d/x", ""), Denied("/etc/cron.d/x")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut commands: Vec<(String, Evidence)> = Vec::new();
    for unit in rows
        .take(facts.units().as_ref().map_err(Clone::clone))
        .into_iter()
        .flatten()
        .filter(|unit| unit.is_local())
    {
        commands.extend(
            unit.commands()
                .into_iter()
                .filter(|setting| !unit.name.starts_with("nftables") && setting.key != "ExecStop")
                .map(|setting| {
                    (setting.value.clone(), Evidence::at(&setting.place, &setting.value))
                }),
        );
    }
    for job in rows.take(facts.jobs().as_ref().map_err(Clone::clone)).into_iter().flatten() {
        commands.push((job.command.clone(), Evidence::at(&job.place, &job.command)));
    }
    for path in ["/etc/rc.local", "/etc/network/if-up.d/iptables"] {
        for line in rows.take(facts.lines(path)).flatten().iter().flat_map(|lines| lines.iter()) {
            commands.push((
                crate::facts::uncommented(&line.text, "#").to_owned(),
                Evidence::at(&line.place, &line.text),
            ));
        }
    }
    for (text, evidence) in commands {
        let off = [
            "iptables -F",
            "iptables --flush",
            "nft flush ruleset",
            "ufw disable",
            "iptables -P INPUT ACCEPT",
            "systemctl stop nftables",
            "systemctl disable nftables",
            "systemctl stop ufw",
        ]
        .iter()
        .any(|word| text.contains(word));
        if off {
            rows.fail(format!("something switches the firewall off: {text}"), evidence);
        } else {
            rows.looked(evidence);
        }
    }
}
