//! Every open port belongs to a service.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-unused-opening",
    safeguard: Safeguard::Firewall,
    severity: Severity::Medium,
    title: "every open port belongs to a service",
    why: "A port that was opened for a service that is gone serves the next program that takes \
              it, such as an intruder's. Rules are rarely taken back.",
    remedy: "Remove the port from the rule.",
    controls: &["PCI 1.2.7", "ISO 8.20"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport 8009 accept\n} }\n",
        )],
        pass: &[
            File(
                "/etc/nftables.conf",
                "table inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport 22 accept\n} }\n",
            ),
            File("/etc/ssh/sshd_config", ""),
        ],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let known = wanted_ports(facts, rows);
    for (name, filter) in filters(facts, rows) {
        rows.looked(beginning(filter, "openings were looked at"));
        for opening in &filter.openings {
            let Some((from, to)) =
                opening.ports.filter(|(from, to)| to.saturating_sub(*from) <= 10_000)
            else {
                continue;
            };
            let used = if facts.is_running() {
                facts.listeners().as_ref().map_or(true, |all| {
                    all.iter().any(|listener| (from..=to).contains(&listener.port))
                })
            } else {
                known.iter().any(|port| (from..=to).contains(port))
            };
            if !used {
                rows.fail(
                    format!(
                        "a {name} firewall rule opens port {from} and nothing listens there: {}",
                        opening.rule
                    ),
                    Evidence::at(&opening.place, &opening.rule),
                );
            }
        }
    }
}

/// Settings of services that name their ports.
const NAMING_PORTS: [&str; 20] = [
    "/etc/redis/*.conf",
    "/etc/postgresql/*/*/postgresql.conf",
    "/etc/mysql/my.cnf",
    "/etc/mysql/*.d/*.cnf",
    "/etc/mongod.conf",
    "/etc/stunnel/*.conf",
    "/etc/haproxy/haproxy.cfg",
    "/etc/rsyslog.conf",
    "/etc/memcached.conf",
    "/etc/postfix/master.cf",
    "/etc/dovecot/conf.d/*.conf",
    "/etc/tomcat*/server.xml",
    "/etc/systemd/system/*.socket",
    "/etc/systemd/system/*.service",
    "/etc/burgrave/burgrave.toml",
    "/etc/vsftpd.conf",
    "/etc/inetd.conf",
    "/etc/wireguard/*.conf",
    "/etc/openvpn/*.conf",
    "/etc/openvpn/server/*.conf",
];

/// Ports that the configuration of some service names.
fn wanted_ports(facts: &Facts<'_>, rows: &mut Rows) -> Vec<u16> {
    let mut ports: Vec<u16> = vec![53, 67, 68, 123, 546, 547];
    if let Some(Some(config)) = rows.take(facts.sshd().as_ref().map_err(Clone::clone)) {
        let named: Vec<u16> =
            config.all("port").filter_map(|option| option.value().parse().ok()).collect();
        ports.extend(if named.is_empty() { vec![22] } else { named });
    }
    for server in rows.take(facts.nginx_servers()).unwrap_or_default() {
        ports.extend(server.listens().filter_map(|listen| {
            listen.first().rsplit(':').next()?.trim_end_matches(']').parse::<u16>().ok()
        }));
        ports.push(80);
    }
    for block in
        rows.take(facts.apache().as_ref().map_err(Clone::clone)).into_iter().flatten().flatten()
    {
        ports.extend(
            block
                .directives
                .iter()
                .filter(|directive| directive.name == "listen")
                .filter_map(|directive| directive.first().rsplit(':').next()?.parse::<u16>().ok()),
        );
    }
    for pattern in NAMING_PORTS {
        for path in rows.take(facts.glob(pattern)).unwrap_or_default() {
            let lines = rows.take(facts.lines(&path)).flatten();
            for line in lines
                .iter()
                .flat_map(|lines| lines.iter())
                .filter(|line| !line.text.trim_start().starts_with('#'))
            {
                let numbers = line
                    .text
                    .split(|c: char| !c.is_ascii_digit())
                    .filter_map(|word| word.parse::<u16>().ok());
                ports.extend(numbers.filter(|port| *port > 20));
            }
        }
    }
    for (file, port) in [
        ("/etc/redis", 6379),
        ("/etc/postgresql", 5432),
        ("/etc/mysql", 3306),
        ("/etc/mongod.conf", 27_017),
        ("/etc/postfix", 25),
        ("/etc/exim4", 25),
        ("/etc/samba/smb.conf", 445),
        ("/etc/exports", 2049),
        ("/etc/dovecot", 993),
        ("/etc/bind", 53),
    ] {
        if facts.exists(file) {
            ports.push(port);
        }
    }
    ports
}
