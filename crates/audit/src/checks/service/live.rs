//! What listens on a running machine, and what it is known for.

use crate::facts::{Facts, Listener, Seen};
use burgrave_model::Severity;

/// What is known of a listener.
pub(super) enum Kind {
    /// Meant for the network.
    Expected,
    /// Known, and not meant for everybody.
    Known(&'static str, Severity),
    /// Nothing is known.
    Other,
}

/// Listeners of a running machine; none in a tree.
pub(super) fn listeners<'f>(facts: &'f Facts<'_>) -> Seen<&'f [Listener]> {
    facts.listeners().as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// By port, protocol and program.
pub(super) fn kind(listener: &Listener) -> Kind {
    let name =
        listener.process.as_ref().map(crate::facts::Process::program_name).unwrap_or_default();
    let packaged = listener.package.is_some();
    let public = matches!(
        (listener.port, name.as_str()),
        (22, "sshd")
            | (
                80 | 443,
                "nginx" | "apache2" | "httpd" | "caddy" | "haproxy" | "burgrave" | "traefik"
            )
            | (25 | 465 | 587, "master" | "exim4")
            | (53, "named" | "unbound")
            | (123 | 68 | 546, _)
    );
    if public && (packaged || name == "burgrave" || listener.port == 68 || listener.port == 546) {
        return Kind::Expected;
    }
    if name == "sshd"
        || name == "nginx" && packaged && [80, 443, 8443, 8080].contains(&listener.port)
    {
        return Kind::Expected;
    }
    PORTS
        .iter()
        .find(|(port, ..)| *port == listener.port)
        .map_or(Kind::Other, |(_, what, severity)| Kind::Known(what, *severity))
}

/// Ports of services that are not for everybody (IANA's registry and the projects' own defaults).
const PORTS: [(u16, &str, Severity); 62] = [
    (21, "FTP, which sends passwords in clear,", Severity::High),
    (23, "telnet, which sends passwords in clear,", Severity::Critical),
    (69, "TFTP, which asks for no login,", Severity::High),
    (79, "finger", Severity::Medium),
    (110, "POP3", Severity::Medium),
    (111, "the port mapper (rpcbind)", Severity::Medium),
    (135, "RPC", Severity::Medium),
    (137, "NetBIOS", Severity::Medium),
    (139, "Samba", Severity::High),
    (143, "IMAP", Severity::Medium),
    (161, "SNMP", Severity::High),
    (177, "XDMCP", Severity::High),
    (389, "the directory (LDAP)", Severity::High),
    (445, "Samba", Severity::High),
    (512, "rexec", Severity::Critical),
    (513, "rlogin", Severity::Critical),
    (514, "rsh or syslog", Severity::High),
    (548, "AFP", Severity::Medium),
    (631, "printing (CUPS)", Severity::Medium),
    (873, "rsync", Severity::High),
    (1099, "Java RMI", Severity::High),
    (1433, "a database (SQL Server)", Severity::High),
    (1521, "a database (Oracle)", Severity::High),
    (1883, "a message queue (MQTT)", Severity::High),
    (2049, "NFS", Severity::High),
    (2181, "ZooKeeper", Severity::High),
    (2375, "the docker API without a login", Severity::Critical),
    (2376, "the docker API", Severity::High),
    (2379, "etcd", Severity::Critical),
    (3000, "an application's own server", Severity::Medium),
    (3128, "a proxy", Severity::High),
    (3306, "a database (MySQL)", Severity::High),
    (3389, "remote desktop", Severity::High),
    (4369, "Erlang's port mapper", Severity::Medium),
    (5000, "an application's own server", Severity::Medium),
    (5005, "a Java debugger", Severity::Critical),
    (5353, "mDNS", Severity::Low),
    (5432, "a database (PostgreSQL)", Severity::High),
    (5601, "Kibana", Severity::High),
    (5672, "a message queue (AMQP)", Severity::High),
    (5900, "a screen (VNC)", Severity::High),
    (5901, "a screen (VNC)", Severity::High),
    (5984, "a database (CouchDB)", Severity::High),
    (6000, "a screen (X11)", Severity::High),
    (6379, "Redis", Severity::Critical),
    (7001, "WebLogic", Severity::High),
    (8086, "a database (InfluxDB)", Severity::High),
    (8500, "Consul", Severity::High),
    (8888, "a notebook or console", Severity::High),
    (9000, "FastCGI or a console", Severity::High),
    (9042, "a database (Cassandra)", Severity::High),
    (9090, "monitoring (Prometheus)", Severity::Medium),
    (9092, "a message queue (Kafka)", Severity::High),
    (9200, "a search server (Elasticsearch)", Severity::Critical),
    (9229, "a debugger (Node.js)", Severity::Critical),
    (9300, "a search server (Elasticsearch)", Severity::High),
    (10_250, "kubelet", Severity::Critical),
    (11_211, "memcached", Severity::High),
    (15_672, "RabbitMQ's console", Severity::High),
    (25_672, "RabbitMQ", Severity::Medium),
    (27_017, "a database (MongoDB)", Severity::Critical),
    (50_070, "Hadoop", Severity::High),
];
