//! Redis runs protected, as its file says.

use super::each;
use crate::checks::prelude::*;
use crate::facts::{Engine, Form};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-redis-protected",
    safeguard: Safeguard::Services,
    severity: Severity::High,
    title: "Redis runs in protected mode",
    why: "Protected mode refuses other machines as long as there is no password. Switched off in the running server, the file still says that it is on, and nobody sees the difference.",
    remedy: "`CONFIG SET protected-mode yes`, and find out who switched it off.",
    controls: &["PCI 2.2.4", "ISO 8.9"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"setting\",\"protected-mode\",\"no\"]\n[\"asked\",\"settings\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"setting\",\"protected-mode\",\"yes\"]\n[\"asked\",\"settings\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Redis, ("settings", "setting"), |server, found, rows| {
        let value = |name: &str| found.iter().find(|row| row.raw(0) == name).map(|row| row.raw(1));
        match value("protected-mode") {
            Some("no") => {
                let file = value("config_file").filter(|file| file.starts_with('/'));
                let says = file.and_then(|file| written(facts, Path::new(file)));
                let title = match &says {
                    Some(setting) if !crate::facts::is_no(&setting.value) => {
                        "Redis runs without protected mode, and its file says otherwise"
                    }
                    Some(_) | None => "Redis runs without protected mode",
                };
                let mut evidence =
                    vec![server.evidence("protected-mode no, in the running server")];
                evidence.extend(says.map(|setting| {
                    let text = format!("protected-mode {}", setting.value);
                    Evidence::at(&setting.place, text)
                }));
                rows.fail_as(server.reach.weigh(CHECK.severity), title, evidence);
            }
            Some("yes") => rows.looked(server.evidence("protected-mode yes")),
            Some(_) | None => rows.unknown(crate::facts::Blind::new(
                crate::evidence::shown(&server.place),
                "Redis: it does not tell of protected-mode",
            )),
        }
    });
}

/// What the server's file says.
fn written(facts: &Facts<'_>, file: &Path) -> Option<ini::Setting> {
    let all = facts.included(file, Form::Redis).ok()?.settings;
    ini::last(&all, None, "protected-mode").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn a_difference_from_the_file_is_told() {
        let said = Answers(
            "[\"server\",\"redis\",\"s\",\"local\"]\n[\"setting\",\"protected-mode\",\"no\"]\n[\"setting\",\"config_file\",\"/etc/redis/redis.conf\"]\n[\"asked\",\"settings\"]",
        );
        for (file, words) in [
            ("protected-mode yes\n", "says otherwise"),
            ("protected-mode no\n", "without protected mode"),
            ("port 6379\n", "without protected mode"),
        ] {
            let found = findings(&CHECK, &[File("/etc/redis/redis.conf", file), said]);
            assert!(found[0].title.ends_with(words), "{file}: {found:?}");
        }
    }
}
