//! Database servers: what they say of their own roles, accounts and rights. Asked with `--connect` only.

// Checks of this family.
pub(super) mod expired;
pub(super) mod mysql_no_password;
pub(super) mod mysql_open;
pub(super) mod mysql_remote;
pub(super) mod nameless;
pub(super) mod postgresql_log;
pub(super) mod postgresql_md5;
pub(super) mod postgresql_public;
pub(super) mod postgresql_rights;
pub(super) mod postgresql_superusers;
pub(super) mod postgresql_trust;
pub(super) mod redis_commands;
pub(super) mod redis_default;
pub(super) mod redis_protected;
pub(super) mod untrusted_code;
// End of the checks.

use crate::check::Rows;
use crate::facts::{Asked, Blind, Engine, Facts, Row};

/// Asks something of each server of a kind; a question without an answer is unknown. Nothing without `--connect`.
fn each(
    facts: &Facts<'_>,
    rows: &mut Rows,
    engine: Engine,
    (question, name): (&str, &str),
    look: impl Fn(&Asked, &[&Row], &mut Rows),
) {
    let Some(answers) = &facts.answers else { return };
    for server in answers.servers.iter().filter(|server| server.engine == engine) {
        if let Some(found) = rows.take(server.rows(question, name)) {
            look(server, &found, rows);
        }
    }
}

/// The same of what stands in databases of `PostgreSQL`; one that could not be looked into is unknown.
fn in_databases(
    facts: &Facts<'_>,
    rows: &mut Rows,
    name: &str,
    look: impl Fn(&Asked, &[&Row], &mut Rows),
) {
    each(facts, rows, Engine::Postgresql, ("databases", name), |server, found, rows| {
        for unseen in server.rows("databases", "unseen").unwrap_or_default() {
            let why = format!("database {}: {}", unseen.text(0), unseen.text(1));
            rows.unknown(Blind::new(crate::evidence::shown(&server.place), why));
        }
        look(server, found, rows);
    });
}

/// A role of `PostgreSQL`.
struct Role<'r>(&'r Row);

impl<'r> Role<'r> {
    fn name(&self) -> String {
        self.0.text(0)
    }

    fn is_super(&self) -> bool {
        self.0.is(1)
    }

    fn can_log_in(&self) -> bool {
        self.0.is(2)
    }

    /// `none`, `scram` or `md5`.
    fn password(&self) -> &'r str {
        self.0.raw(7)
    }

    fn is_expired(&self) -> bool {
        self.0.is(8)
    }

    /// The one that the server was made with.
    fn is_first(&self) -> bool {
        self.0.is(9)
    }
}

/// An account of `MySQL`.
struct Account<'r>(&'r Row);

impl Account<'_> {
    /// `'name'@'host'`.
    fn name(&self) -> String {
        format!("'{}'@'{}'", self.0.text(0), self.0.text(1))
    }

    fn is_nameless(&self) -> bool {
        self.0.raw(0).is_empty()
    }

    /// Whether it is for another machine.
    fn is_remote(&self) -> bool {
        !["localhost", "127.0.0.1", "::1"].contains(&self.0.raw(1))
    }

    /// Whether nobody has to know anything: no password is kept, and its way of asking goes by passwords.
    fn has_no_password(&self) -> bool {
        let plugins = [
            "",
            "mysql_native_password",
            "mysql_old_password",
            "caching_sha2_password",
            "sha256_password",
            "ed25519",
        ];
        (self.0.is(3) || self.0.raw(3).is_empty()) && plugins.contains(&self.0.raw(2))
    }

    fn is_locked(&self) -> bool {
        self.0.is(4)
    }

    /// Rights over the server, not over a database.
    fn rights(&self) -> Vec<&'static str> {
        let all = [(5, "SUPER"), (6, "FILE"), (7, "GRANT OPTION"), (8, "CREATE USER")];
        all.into_iter().filter(|(at, _)| self.0.is(*at)).map(|(_, right)| right).collect()
    }

    fn is_expired(&self) -> bool {
        self.0.is(9)
    }
}

#[cfg(test)]
mod tests {
    use crate::cases::{Has::Answers, findings};
    use burgrave_model::Verdict::{Fail, Pass, Unknown};

    #[test]
    fn a_database_that_was_not_looked_into_is_unknown_and_hides_nothing() {
        let check = &super::untrusted_code::CHECK;
        for (rows, wanted) in [
            ("[\"unseen\",\"b\",\"timeout\"]\n[\"asked\",\"databases\"]", &[Unknown][..]),
            (
                "[\"language\",\"a\",\"plperlu\"]\n[\"unseen\",\"b\",\"timeout\"]\n[\"asked\",\"databases\"]",
                &[Fail, Unknown],
            ),
            ("[\"language\",\"a\",\"plperlu\"]", &[Unknown]),
            ("[\"asked\",\"databases\"]", &[Pass]),
        ] {
            let text = format!("[\"server\",\"postgresql\",\"s\",\"local\"]\n{rows}");
            let found = findings(check, &[Answers(Box::leak(text.into_boxed_str()))]);
            let verdicts: Vec<_> = found.iter().map(|one| one.verdict).collect();
            assert_eq!(verdicts, wanted, "{rows}");
        }
    }

    #[test]
    fn nothing_is_said_of_servers_that_were_not_asked() {
        for check in crate::ALL.iter().filter(|check| check.id.starts_with("database-")) {
            assert!(findings(check, &[]).is_empty() && findings(check, &[Answers("")]).is_empty());
        }
    }
}
