//! `MongoDB` listens where it is needed only.

use super::{line, yaml};
use crate::checks::prelude::*;
use crate::facts::Blind;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-mongodb-address",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "MongoDB listens where it is needed only",
    why: "A database that every address reaches is one hole or one password from lost. By \
              itself MongoDB listens on this machine's own address; somebody has opened it.",
    remedy: "`net.bindIp: 127.0.0.1`, or that and the one inner address, in mongod.conf.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/mongod.conf",
            "net:\n  port: 27017\n  bindIp: 127.0.0.1,0.0.0.0  # all\nsecurity:\n  authorization: enabled\n",
        )],
        pass: &[File(
            "/etc/mongod.conf",
            "net:\n  # bindIp: 0.0.0.0\n  bindIp: 127.0.0.1,10.0.0.5\n",
        )],
        unknown: &[File("/etc/mongod.conf", ""), Denied("/etc/mongod.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    for file in ["/etc/mongod.conf", "/etc/mongodb.conf", "/etc/mongodb/mongod.conf"] {
        let all = yaml(facts, rows, &[file]);
        let Some(first) = all.first() else { continue };
        if let Some(flow) = all.iter().find(|s| s.key == "net" && s.value.starts_with('{')) {
            rows.unknown(Blind::new(
                file,
                format!("line {}: `net` stands in braces", flow.place.line),
            ));
            continue;
        }
        let all_addresses = ini::last(&all, None, "net.bindIpAll")
            .filter(|setting| crate::facts::is_yes(&setting.value));
        let bind = ini::last(&all, None, "net.bindIp").filter(|setting| {
            setting.value.split(',').any(|one| ["0.0.0.0", "::", "*"].contains(&one.trim()))
        });
        let open: Vec<Evidence> = bind.into_iter().chain(all_addresses).map(line).collect();
        if open.is_empty() {
            rows.looked(line(first));
        } else {
            rows.fail("MongoDB listens on all interfaces", open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::Verdict;

    #[test]
    fn addresses_are_read_as_mongod_reads_them() {
        let check = |text: &'static str| {
            crate::cases::findings(&CHECK, &[File("/etc/mongod.conf", text)])
                .first()
                .map(|finding| finding.verdict)
        };
        for (text, wanted) in [
            ("net:\n  bindIpAll: true\n", Some(Verdict::Fail)),
            ("net:\n  bindIpAll: false\n", Some(Verdict::Pass)),
            ("net:\n  bindIp: \"::\"\n", Some(Verdict::Fail)),
            ("net:\n  bindIp: localhost\n", Some(Verdict::Pass)),
            ("net: {bindIp: 0.0.0.0}\n", Some(Verdict::Unknown)),
            ("storage:\n  dbPath: /x\n", Some(Verdict::Pass)),
            ("", None),
        ] {
            assert_eq!(check(text), wanted, "{text}");
        }
    }
}
