//! Ports of databases and inner tools are closed.

use super::{beginning, filters};
use crate::checks::prelude::*;

/// The check.
pub(in crate::checks) const CHECK: Check = Check {
    id: "firewall-inner-ports",
    safeguard: Safeguard::Firewall,
    severity: Severity::High,
    title: "ports of databases and inner tools are closed",
    why: "Databases, caches, the container service and shares have no place on the internet. \
              Their ports are tried by everybody without pause.",
    remedy: "Take the port out of the rule, or name the one address that needs it.",
    controls: &["PCI 1.4.4", "ISO 8.22"],
    look,
    #[cfg(test)]
    cases: Cases {
        fail: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport { 22, 3306 } accept\n} }\n",
        )],
        pass: &[File(
            "/etc/nftables.conf",
            "table inet f { chain i { type filter hook input priority 0; policy drop;\ntcp dport { 22, 443 } accept\nip saddr 10.0.0.5 tcp dport 3306 accept\n} }\n",
        )],
        unknown: &[Denied("/etc/nftables.conf")],
    },
};

fn look(facts: &Facts<'_>, rows: &mut Rows) {
    let inner: [(u16, &str); 34] = [
        (21, "FTP"),
        (23, "telnet"),
        (69, "TFTP"),
        (111, "rpcbind"),
        (139, "Samba"),
        (445, "Samba"),
        (512, "rexec"),
        (513, "rlogin"),
        (514, "rsh"),
        (873, "rsync"),
        (1433, "SQL Server"),
        (1521, "Oracle"),
        (2049, "NFS"),
        (2375, "docker"),
        (2376, "docker"),
        (2379, "etcd"),
        (3306, "MySQL"),
        (3389, "remote desktop"),
        (5432, "PostgreSQL"),
        (5601, "Kibana"),
        (5672, "AMQP"),
        (5900, "VNC"),
        (5984, "CouchDB"),
        (6000, "X11"),
        (6379, "Redis"),
        (8086, "InfluxDB"),
        (9000, "FastCGI"),
        (9042, "Cassandra"),
        (9200, "Elasticsearch"),
        (9300, "Elasticsearch"),
        (10_250, "kubelet"),
        (11_211, "memcached"),
        (15_672, "RabbitMQ"),
        (27_017, "MongoDB"),
    ];
    for (name, filter) in filters(facts, rows) {
        rows.looked(beginning(filter, "openings were looked at"));
        for opening in filter.openings.iter().filter(|opening| opening.from_anywhere) {
            let Some((from, to)) =
                opening.ports.filter(|(from, to)| to.saturating_sub(*from) <= 10_000)
            else {
                continue;
            };
            for (port, what) in inner.iter().filter(|(port, _)| (from..=to).contains(port)) {
                rows.fail(
                    format!("a {name} firewall rule lets everybody in to port {port} ({what})"),
                    Evidence::at(&opening.place, &opening.rule),
                );
            }
        }
    }
}
