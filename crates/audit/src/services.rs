//! The exposure table: each listener with its process, unit, package and from where it can be reached.

use crate::facts::{Facts, Listener, Reach, Seen};
use serde::Serialize;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// As `tcp 0.0.0.0:443`.
    pub socket: String,
    /// From where it can be reached.
    pub reach: Reach,
    /// What the process calls itself.
    pub process: Option<String>,
    /// Its number.
    pub pid: Option<u32>,
    /// Its program's file.
    pub program: Option<String>,
    /// Whom it runs as.
    pub user: Option<String>,
    /// The unit that started it.
    pub unit: Option<String>,
    /// The package of its program, with the version.
    pub package: Option<String>,
}

/// The table of a running machine.
pub fn services(facts: &Facts<'_>) -> Seen<Vec<Service>> {
    let listeners = facts.listeners().as_ref().map_err(Clone::clone)?;
    Ok(listeners.iter().map(|listener| row(facts, listener)).collect())
}

fn row(facts: &Facts<'_>, listener: &Listener) -> Service {
    let process = listener.process.as_ref();
    let version = |name: &String| {
        let known =
            facts.packages().as_ref().ok().and_then(|packages| packages.installed.get(name));
        known.map_or_else(|| name.clone(), |package| format!("{name} {}", package.version))
    };
    let user = |uid: u32| {
        facts.accounts().as_ref().map_or_else(|_| uid.to_string(), |accounts| accounts.owner(uid))
    };
    Service {
        socket: listener.socket(),
        reach: listener.reach,
        process: process.map(|process| crate::evidence::shown(&process.name)),
        pid: process.map(|process| process.pid),
        program: process
            .and_then(|process| process.executable.as_deref().map(crate::evidence::shown_path)),
        user: process.map(|process| user(process.uid)),
        unit: process.and_then(|process| process.unit.clone()),
        package: listener.package.as_ref().map(version),
    }
}

/// The table as text.
pub fn services_text(rows: &[Service]) -> String {
    let mut table = vec![
        ["listens on", "reachable from", "process", "user", "unit", "package"].map(str::to_owned),
    ];
    for row in rows {
        let process = row.process.clone().zip(row.pid).map(|(name, pid)| format!("{name} ({pid})"));
        let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        table.push([
            row.socket.clone(),
            row.reach.words().to_owned(),
            cell(&process),
            cell(&row.user),
            cell(&row.unit),
            cell(&row.package),
        ]);
    }
    let mut widths = [0_usize; 6];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &table {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The table as JSON.
pub fn services_json(host: &str, rows: &[Service]) -> String {
    format!("{:#}\n", serde_json::json!({ "version": 1, "host": host, "services": rows }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn each_listener_is_a_row() {
        let fake = Fake::new();
        fake.file("/etc/passwd", "redis:x:7:7::/:/bin/false\n").file(
            "/proc/net/tcp",
            "0: 00000000:18EB 00000000:0000 0A 0 0 0 0 0 77 1\n"
                .replace(" 0 0 0 0 0 77", " 0:0 0:0 0 0 0 77"),
        );
        fake.file("/proc/9/status", "Name:\tredis-server\nPPid:\t1\nUid:\t7\t7\t7\t7\n")
            .link("/proc/9/exe", "/usr/bin/redis")
            .link("/proc/9/fd/3", "socket:[77]");
        fake.file(
            "/var/lib/dpkg/status",
            "Package: redis\nStatus: install ok installed\nVersion: 7.0\n",
        )
        .file("/var/lib/dpkg/info/redis.list", "/usr/bin/redis\n");
        fake.file("/proc/9/cgroup", "0::/system.slice/redis.service\n");
        let facts = Facts::new(&fake, Ground::Running);
        let rows = services(&facts).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].package.as_deref(), rows[0].user.as_deref(), rows[0].unit.as_deref()),
            (Some("redis 7.0"), Some("redis"), Some("redis.service"))
        );
        let text = services_text(&rows);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("tcp 0.0.0.0:6379  everywhere"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&services_json("h", &rows)).unwrap();
        assert_eq!(json["services"][0]["reach"], "outside");
    }
}
