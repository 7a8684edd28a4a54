//! No role of `PostgreSQL` gets in without a password.

use super::{Role, each};
use crate::checks::prelude::*;
use crate::facts::{Engine, Row};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "database-postgresql-trust",
    safeguard: Safeguard::HumanFactor,
    severity: Severity::High,
    title: "no role of PostgreSQL gets in without a password",
    why: "Where the rules of a running server say `trust`, every program that reaches it is any role that they name. The file that says so need not be the one in /etc.",
    remedy: "`peer` or `scram-sha-256` in the file that `SHOW hba_file` names, then `SELECT pg_reload_conf()`.",
    controls: &["PCI 8.3.1", "ISO 8.5"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"none\",false,false,true,null,null]\n[\"asked\",\"roles\"]\n[\"rule\",1,\"local\",\"all\",\"all\",\"\",null,\"trust\"]\n[\"asked\",\"rules\"]",
        )],
        pass: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"role\",\"postgres\",true,true,true,true,true,true,\"none\",false,true,true,null,null]\n[\"role\",\"shop\",false,true,false,false,false,false,\"scram\",false,false,true,null,null]\n[\"asked\",\"roles\"]\n[\"rule\",1,\"local\",\"all\",\"all\",\"\",null,\"peer\"]\n[\"rule\",2,\"local\",\"all\",\"all\",\"\",null,\"trust\"]\n[\"rule\",3,\"host\",\"all\",\"nobody\",\"127.0.0.1\",null,\"trust\"]\n[\"asked\",\"rules\"]",
        )],
        unknown: &[Answers(
            "[\"server\",\"postgresql\",\"/run/postgresql/.s.PGSQL.5432\",\"outside\"]\n[\"blind\",\"it does not answer\"]",
        )],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    each(facts, rows, Engine::Postgresql, ("rules", "rule"), |server, found, rows| {
        let Some(roles) = rows.take(server.rows("roles", "role")) else { return };
        for (at, rule) in found.iter().enumerate() {
            // The first rule that fits counts.
            let earlier = found.iter().take(at);
            let is_dead = earlier.clone().any(|one| {
                [1, 4, 5].iter().all(|cell| one.raw(*cell) == rule.raw(*cell))
                    && one.raw(2) == "all"
                    && one.raw(3) == "all"
            });
            let names = named(rule, &roles);
            if rule.raw(6) != "trust" || is_dead || names.is_empty() {
                continue;
            }
            let near = rule.raw(1) == "local"
                || rule.raw(4).starts_with("127.")
                || rule.raw(4).starts_with("::1")
                || rule.raw(4) == "localhost";
            let severity =
                if near { Severity::High } else { server.reach.weigh(Severity::Critical) };
            let from = if rule.raw(1) == "local" { "the socket".to_owned() } else { rule.text(4) };
            let words = [1, 2, 3, 4, 5, 6].map(|cell| rule.text(cell));
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            rows.fail_as(
                severity,
                format!("PostgreSQL lets in without a password from {from}: {}", listed(&names)),
                server.evidence(format!("pg_hba line {}: {}", rule.text(0), words.join(" "))),
            );
        }
        rows.looked(server.evidence(format!("{} rules of pg_hba", found.len())));
    });
}

/// The roles with a login that a rule is about; of a group its name.
fn named(rule: &Row, roles: &[&Row]) -> Vec<String> {
    let users: Vec<&str> = rule.raw(3).split(',').collect();
    let groups = users.iter().filter(|user| user.starts_with(['+', '/']));
    let groups = groups.map(|group| crate::evidence::shown(group));
    let is_meant = |role: &Role<'_>| {
        role.can_log_in() && users.iter().any(|user| *user == "all" || *user == role.0.raw(0))
    };
    roles
        .iter()
        .map(|row| Role(row))
        .filter(is_meant)
        .map(|role| role.name())
        .chain(groups)
        .collect()
}

/// The first names, and how many there are more.
fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = names.len().saturating_sub(first.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::findings;

    #[test]
    fn a_rule_weighs_by_its_address() {
        for (rule, severity) in [
            ("\"host\",\"all\",\"all\",\"127.0.0.1\",\"255.255.255.255\"", Severity::High),
            ("\"host\",\"all\",\"shop\",\"0.0.0.0\",\"0.0.0.0\"", Severity::Critical),
            ("\"hostssl\",\"all\",\"+web\",\"all\",null", Severity::Critical),
        ] {
            let text = format!(
                "[\"server\",\"postgresql\",\"s\",\"outside\"]\n[\"role\",\"shop\",false,true]\n[\"asked\",\"roles\"]\n[\"rule\",1,{rule},\"trust\"]\n[\"asked\",\"rules\"]"
            );
            let found = findings(&CHECK, &[Answers(Box::leak(text.into_boxed_str()))]);
            assert_eq!(found[0].severity, severity, "{found:?}");
        }
    }
}
