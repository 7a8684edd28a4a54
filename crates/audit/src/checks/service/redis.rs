//! Redis asks for a password or is for this machine only.

use super::{any_wide, line};
use crate::checks::prelude::*;
use crate::facts::{Form, Included};

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "service-redis",
    safeguard: Safeguard::Services,
    severity: Severity::Critical,
    title: "Redis asks for a password or is for this machine only",
    why: "An open Redis gives all its data and, by writing files or loading modules, the whole \
              machine. Worms look for it without pause.",
    remedy: "`bind 127.0.0.1 -::1`, `protected-mode yes` and `requirepass` or an ACL in \
              redis.conf.",
    controls: &["PCI 2.2.4", "PCI 8.3.1", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File("/etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\n")],
        pass: &[File(
            "/etc/redis/redis.conf",
            "# bind 0.0.0.0\nbind 127.0.0.1 -::1\nprotected-mode yes\n",
        )],
        unknown: &[File("/etc/redis/redis.conf", ""), Denied("/etc/redis/redis.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let mut mains = Vec::new();
    for pattern in
        ["/etc/redis/*.conf", "/etc/redis.conf", "/etc/valkey/*.conf", "/etc/keydb/*.conf"]
    {
        mains.extend(rows.take(facts.glob(pattern)).unwrap_or_default());
    }
    let servers: Vec<Included> =
        mains.iter().filter_map(|main| rows.take(facts.included(main, Form::Redis))).collect();
    // A file that another one takes in is no server of its own.
    let taken: Vec<&PathBuf> =
        servers.iter().flat_map(|server| server.files.iter().skip(1)).collect();
    for server in servers
        .iter()
        .filter(|server| server.files.first().is_some_and(|main| !taken.contains(&main)))
    {
        look_at(&server.settings, server.files.first(), rows);
    }
}

fn look_at(all: &[ini::Setting], main: Option<&PathBuf>, rows: &mut Rows) {
    let (Some(first), Some(main)) = (all.first(), main) else { return };
    let bind = ini::last(all, None, "bind");
    let wide = bind.is_none_or(|bind| any_wide(&bind.value));
    let protected = ini::last(all, None, "protected-mode")
        .is_none_or(|setting| crate::facts::is_yes(&setting.value));
    let password = ["requirepass", "aclfile"]
        .iter()
        .find_map(|key| ini::last(all, None, key))
        .filter(|setting| !setting.value.is_empty());
    let users = all.iter().any(|setting| setting.key == "user" && setting.value.contains(" >"));
    let evidence: Vec<Evidence> = ["bind", "protected-mode", "requirepass"]
        .iter()
        .filter_map(|key| ini::last(all, None, key))
        .map(|s| {
            if s.key == "requirepass" { Evidence::at(&s.place, "requirepass …") } else { line(s) }
        })
        .collect();
    let evidence = if evidence.is_empty() {
        vec![Evidence::at(&first.place, "neither bind nor requirepass")]
    } else {
        evidence
    };
    if password.is_none() && !users && wide && (!protected || bind.is_some()) {
        rows.fail("Redis listens on the network without a password (no requirepass)", evidence);
    } else if password.is_none() && !users && !protected {
        rows.fail_as(
            Severity::Medium,
            "Redis has protected-mode off and no password (requirepass)",
            evidence,
        );
    } else if let Some(weak) =
        password.filter(|setting| setting.key == "requirepass" && setting.value.len() < 12 && wide)
    {
        let letters = format!("requirepass of {} letters", weak.value.len());
        let bound = bind.map_or_else(|| Evidence::path(main, "no bind"), line);
        rows.fail_as(
            Severity::High,
            "Redis listens on the network with a short password",
            vec![Evidence::at(&weak.place, letters), bound],
        );
    } else {
        rows.looked(line(first));
    }
}
