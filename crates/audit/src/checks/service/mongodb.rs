//! `MongoDB` asks who is there.

use super::{any_wide, by_reach, line, yaml};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-mongodb",
    safeguard: Safeguard::Services,
    severity: Severity::Critical,
    title: "MongoDB asks who is there",
    why: "Without authorization everybody who reaches the port reads and deletes every \
              collection. Whole databases have been held to ransom that way.",
    remedy: "`security.authorization: enabled` and `net.bindIp: 127.0.0.1` in mongod.conf, and \
              make an administrator first.",
    controls: &["PCI 2.2.4", "PCI 8.3.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/mongod.conf",
            "net:\n  bindIp: 0.0.0.0\nsecurity:\n  authorization: disabled\n",
        )],
        pass: &[File(
            "/etc/mongod.conf",
            "net:\n  bindIp: 0.0.0.0\nsecurity:\n  authorization: enabled\n",
        )],
        unknown: &[File("/etc/mongod.conf", ""), Denied("/etc/mongod.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let all =
        yaml(facts, rows, &["/etc/mongod.conf", "/etc/mongodb.conf", "/etc/mongodb/mongod.conf"]);
    let Some(first) = all.first() else { return };
    let bind = ini::last(&all, None, "net.bindIp").or_else(|| ini::last(&all, None, "bind_ip"));
    let everywhere = ini::last(&all, None, "net.bindIpAll")
        .filter(|setting| crate::facts::is_yes(&setting.value));
    let wide = bind.is_some_and(|setting| any_wide(&setting.value)) || everywhere.is_some();
    let auth = ini::last(&all, None, "security.authorization")
        .is_some_and(|setting| setting.value == "enabled")
        || ini::last(&all, None, "security.keyFile").is_some();
    let evidence: Vec<Evidence> = bind
        .into_iter()
        .chain(everywhere)
        .chain(ini::last(&all, None, "security.authorization"))
        .map(line)
        .collect();
    let evidence = if evidence.is_empty() {
        vec![Evidence::at(&first.place, "neither bindIp nor authorization")]
    } else {
        evidence
    };
    if auth {
        rows.looked(line(first));
    } else {
        rows.fail_as(
            by_reach(wide, Severity::Critical),
            format!(
                "MongoDB lets everybody in{}: authorization is not enabled",
                if wide { " from the network" } else { "" }
            ),
            evidence,
        );
    }
}
