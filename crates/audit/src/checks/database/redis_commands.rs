//! Users of Redis with few keys have no commands over the server.

use super::each;
use crate::checks::prelude::*;
use crate::facts::Engine;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-redis-commands",
    safeguard: Safeguard::Permissions,
    severity: Severity::Medium,
    title: "users of Redis that are for some keys only have no commands over the server",
    why: "A user that is for some keys only is an application's. With CONFIG, MODULE, DEBUG, FLUSHALL or SHUTDOWN it is the server's owner all the same.",
    remedy: "`ACL SETUSER name -@admin -@dangerous`, then `ACL SAVE` or the same line in the file.",
    controls: &["PCI 7.2.5", "ISO 8.2"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"user\",\"user shop on sanitize-payload #aa ~shop:* &* +@all\"]\n[\"asked\",\"users\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"redis\",\"/run/redis/s\",\"local\"]\n[\"user\",\"user admin on sanitize-payload #aa ~* &* +@all\"]\n[\"user\",\"user shop on #aa ~shop:* &* +@all -@admin -@dangerous\"]\n[\"asked\",\"users\"]",
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
            let is_limited = words.contains(&"on") && !words.iter().any(|word| is_all_keys(word));
            let Some(name) = words.get(1).filter(|_| is_limited) else { continue };
            let commands = commands(&words);
            if !commands.is_empty() {
                let name = crate::evidence::shown(name);
                rows.fail(
                    format!(
                        "the user {name} of Redis is for some keys and has {}",
                        commands.join(", ")
                    ),
                    server.evidence(hidden(&words)),
                );
            }
        }
        rows.looked(server.evidence(format!("{} users", found.len())));
    });
}

fn is_all_keys(word: &str) -> bool {
    ["~*", "allkeys", "%RW~*"].contains(&word)
}

/// A user's rules without what its passwords were made into.
pub(super) fn hidden(words: &[&str]) -> String {
    let shown = words.iter().map(|word| if word.starts_with('#') { "#…" } else { word });
    shown.collect::<Vec<_>>().join(" ")
}

/// Commands over the server, with the groups that they are in (`ACL CAT`).
const COMMANDS: [(&str, &[&str]); 7] = [
    ("ACL", &["admin", "slow", "dangerous"]),
    ("CONFIG", &["admin", "slow", "dangerous"]),
    ("DEBUG", &["admin", "slow", "dangerous"]),
    ("FLUSHALL", &["keyspace", "write", "slow", "dangerous"]),
    ("MODULE", &["admin", "slow", "dangerous"]),
    ("REPLICAOF", &["admin", "slow", "dangerous"]),
    ("SHUTDOWN", &["admin", "slow", "dangerous"]),
];

/// Which of them a user has: its rules in order, the last that fits counts.
fn commands(words: &[&str]) -> Vec<&'static str> {
    let has = |(name, groups): &(&'static str, &[&str])| {
        let mut has = false;
        for word in words {
            let rule = word.strip_prefix('+').map(|rule| (true, rule));
            let rule = rule.or_else(|| word.strip_prefix('-').map(|rule| (false, rule)));
            let (gives, rule) = match (rule, *word) {
                (Some(rule), _) => rule,
                (None, "allcommands") => (true, "@all"),
                (None, "nocommands") => (false, "@all"),
                (None, _) => continue,
            };
            let fits = match rule.strip_prefix('@') {
                Some(group) => group == "all" || groups.contains(&group),
                None => rule.eq_ignore_ascii_case(name),
            };
            if fits {
                has = gives;
            }
        }
        has
    };
    COMMANDS.iter().filter(|command| has(command)).map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_in_their_order() {
        for (rules, wanted) in [
            ("+@all", 7),
            ("-@all +get", 0),
            ("allcommands -@dangerous", 0),
            ("+@all -@admin", 1),
            ("-@all +@write", 1),
            ("-@all +config|get", 0),
            ("+@all -@dangerous +config", 1),
            ("+config -@all", 0),
        ] {
            let words: Vec<&str> = rules.split(' ').collect();
            assert_eq!(commands(&words).len(), wanted, "{rules}");
        }
        assert_eq!(hidden(&["user", "a", "#00ff", "~x"]), "user a #… ~x");
    }
}
