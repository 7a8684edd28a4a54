//! Redis lets nobody in without a password.

use super::each;
use super::redis_commands::hidden;
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-redis-default",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::High,
    title: "the default user of Redis has a password",
    why: "Every program of the machine, and every request that an application can be made to send to a port of it, is the user `default` when that one has no password. With all commands it writes files and loads libraries.",
    remedy: "`requirepass` in redis.conf, or `ACL SETUSER default off` and users with passwords of their own.",
    controls: &["PCI 2.2.2", "PCI 8.3.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"user\",\"user default on nopass sanitize-payload ~* &* +@all\"]\n[\"asked\",\"users\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"user\",\"user default off sanitize-payload resetchannels -@all\"]\n[\"asked\",\"users\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Redis, ("users", "user"), |server, found, rows| {
        for row in found {
            let words: Vec<&str> = row.raw(0).split_whitespace().collect();
            let is_open = words.contains(&"on") && words.contains(&"nopass");
            let Some(name) = words.get(1).filter(|_| is_open) else { continue };
            let has_all =
                words.contains(&"+@all") && !words.iter().any(|word| word.starts_with('-'));
            let severity = if has_all { Severity::Critical } else { Severity::High };
            // On this machine alone it is still open to every program that runs here.
            let severity = server.reach.weigh(severity).max(if has_all {
                Severity::High
            } else {
                Severity::Medium
            });
            let what = if has_all { " and has all commands" } else { "" };
            let name = crate::evidence::shown(name);
            rows.fail_as(
                severity,
                format!("the user {name} of Redis needs no password{what}"),
                server.evidence(hidden(&words)),
            );
        }
        rows.looked(server.evidence(format!("{} users", found.len())));
    });
}
