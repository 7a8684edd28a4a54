//! What else runs on the host and deserves a section: logs, databases, folders, listeners, units.
//!
//! Invariants: a log is watched only where it is there and its service is; what needs a choice (a repository, a key, a
//! network) is written as a comment.

use crate::site::Site;
use crate::words::shown;
use burgrave_audit::facts::Reach;
use burgrave_audit::{Facts, services};
use std::path::{Path, PathBuf};

/// One log to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) service: &'static str,
    /// A file, or a unit of the journal.
    pub(crate) source: Source,
    pub(crate) why: &'static str,
}

/// Where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(&'static str),
    Journal(&'static str),
}

/// Service, what shows that it is there, its log, its unit, and what is seen in it.
type Row =
    (&'static str, &'static [&'static str], &'static str, Option<&'static str>, &'static str);

const SERVICES: [Row; 12] = [
    (
        "sshd",
        &["/etc/ssh/sshd_config", "/usr/sbin/sshd"],
        "/var/log/auth.log",
        Some("ssh.service"),
        "passwords that sshd refused",
    ),
    (
        "nginx",
        &["/etc/nginx/nginx.conf"],
        "/var/log/nginx/error.log",
        None,
        "sign-ins and places that nginx refused",
    ),
    (
        "http-access",
        &["/etc/nginx/nginx.conf"],
        "/var/log/nginx/access.log",
        None,
        "requests that nginx answered with an error",
    ),
    (
        "apache-auth",
        &["/etc/apache2/apache2.conf"],
        "/var/log/apache2/error.log",
        None,
        "passwords that Apache refused",
    ),
    (
        "http-access",
        &["/etc/apache2/apache2.conf"],
        "/var/log/apache2/access.log",
        None,
        "requests that Apache answered with an error",
    ),
    (
        "dovecot",
        &["/etc/dovecot/dovecot.conf"],
        "/var/log/mail.log",
        Some("dovecot.service"),
        "passwords that Dovecot refused",
    ),
    (
        "postfix",
        &["/etc/postfix/main.cf"],
        "/var/log/mail.log",
        Some("postfix.service"),
        "clients that Postfix refused",
    ),
    ("exim", &["/etc/exim4"], "/var/log/exim4/mainlog", None, "sign-ins that Exim refused"),
    ("vsftpd", &["/etc/vsftpd.conf"], "/var/log/vsftpd.log", None, "passwords that vsftpd refused"),
    (
        "proftpd",
        &["/etc/proftpd/proftpd.conf"],
        "/var/log/proftpd/proftpd.log",
        None,
        "passwords that ProFTPD refused",
    ),
    (
        "mysqld-auth",
        &["/etc/mysql"],
        "/var/log/mysql/error.log",
        None,
        "passwords that the database refused",
    ),
    (
        "mongodb-auth",
        &["/etc/mongod.conf"],
        "/var/log/mongodb/mongod.log",
        None,
        "passwords that MongoDB refused",
    ),
];

/// Databases: what shows that one is there, its name, and how its backup begins.
const DATABASES: [(&str, &str, &str); 5] = [
    ("/etc/postgresql", "PostgreSQL", "source = { postgresql = \"*\" }"),
    ("/var/lib/mysql", "MySQL or MariaDB", "source = { mysql = \"NAME\" }"),
    ("/etc/redis/redis.conf", "Redis", "source = { paths = [\"/var/lib/redis\"] }"),
    (
        "/etc/mongod.conf",
        "MongoDB",
        "source = { command = [\"/usr/bin/mongodump\", \"--archive\"], file = \"mongodb.archive\" }",
    ),
    (
        "/var/lib/grafana/grafana.db",
        "a database of SQLite",
        "source = { sqlite = \"/var/lib/grafana/grafana.db\" }",
    ),
];

/// Logs of services that are there.
pub(crate) fn watched(facts: &Facts<'_>) -> Vec<Watched> {
    let mut out = Vec::new();
    for (service, signs, file, unit, why) in SERVICES {
        if !signs.iter().any(|sign| is_there(facts, sign)) {
            continue;
        }
        let source = if is_there(facts, file) {
            Some(Source::File(file))
        } else {
            unit.filter(|_| has_journal(facts)).map(Source::Journal)
        };
        out.extend(source.map(|source| Watched { service, source, why }));
    }
    out
}

fn is_there(facts: &Facts<'_>, path: &str) -> bool {
    matches!(facts.followed(path), Ok(Some(_)))
}

fn has_journal(facts: &Facts<'_>) -> bool {
    is_there(facts, "/usr/bin/journalctl") || is_there(facts, "/bin/journalctl")
}

/// A job that only lacks its repository and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggested {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) why: String,
}

/// Web roots and databases.
pub(crate) fn backups(facts: &Facts<'_>, sites: &[Site]) -> Vec<Suggested> {
    let mut roots: Vec<PathBuf> = sites.iter().filter_map(|site| site.root.clone()).collect();
    roots.retain(|root| crate::words::is_plain(root));
    roots.sort_unstable();
    roots.dedup();
    let mut out = Vec::new();
    if !roots.is_empty() {
        let all: Vec<String> =
            roots.iter().filter_map(|root| Some(root.to_str()?.to_owned())).collect();
        out.push(Suggested {
            name: "web".to_owned(),
            source: format!("source = {{ paths = {} }}", crate::words::list(&all)),
            why: "the web roots".to_owned(),
        });
    }
    for (sign, name, source) in DATABASES {
        if is_there(facts, sign) {
            let id = name.split(' ').next().unwrap_or(name).to_ascii_lowercase();
            let why = format!("{name}: `{sign}` is there");
            out.push(Suggested { name: id, source: source.to_owned(), why });
        }
    }
    out
}

/// What listens here, one a line; why not, where it cannot be seen.
pub(crate) fn listeners(facts: &Facts<'_>) -> Vec<String> {
    if !facts.is_running() {
        return vec!["nothing runs in a tree, so nothing listens".to_owned()];
    }
    match services(facts) {
        Ok(rows) if rows.is_empty() => vec!["nothing listens here".to_owned()],
        Ok(rows) => rows
            .iter()
            .map(|row| {
                let told =
                    |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), shown);
                format!(
                    "{} ({}): {}, user {}, unit {}, package {}",
                    row.socket,
                    row.reach.words(),
                    told(&row.process),
                    told(&row.user),
                    told(&row.unit),
                    told(&row.package)
                )
            })
            .collect(),
        Err(blind) => {
            vec![format!("could not be seen: {}: {}", shown(&blind.what), shown(&blind.why))]
        }
    }
}

/// Ports beside the gateway's that others reach now: what a firewall would have to let in.
pub(crate) fn openings(facts: &Facts<'_>) -> Vec<u16> {
    let Ok(listeners) = facts.listeners() else { return Vec::new() };
    let mut ports: Vec<u16> = listeners
        .iter()
        .filter(|own| {
            matches!(own.reach, Reach::Outside | Reach::Inside) && own.kind.starts_with("tcp")
        })
        .map(|own| own.port)
        .filter(|port| !matches!(port, 80 | 443))
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Units that the administrator made and that start by themselves: the applications of this host.
pub(crate) fn units(facts: &Facts<'_>) -> Vec<String> {
    const UNITS_MAX: usize = 50;
    let Ok(units) = facts.units() else { return Vec::new() };
    let own = units.iter().filter(|unit| {
        unit.is_local()
            && unit.is_enabled
            && unit.name.ends_with(".service")
            && unit.path.starts_with(Path::new("/etc"))
    });
    own.take(UNITS_MAX)
        .map(|unit| {
            let user =
                unit.value("Service", "User").map_or("root", |setting| setting.value.as_str());
            let command =
                unit.commands().first().map(|setting| setting.value.clone()).unwrap_or_default();
            format!(
                "{} (user {}): {}",
                shown(&unit.name),
                shown(user),
                shown(&without_secrets(&command))
            )
        })
        .collect()
}

/// The program of a command without its arguments, which may hold what is nobody's business.
fn without_secrets(command: &str) -> String {
    command.split_whitespace().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_audit::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn logs_are_watched_where_service_and_log_are_there() {
        let fake = Fake::new();
        fake.file("/etc/ssh/sshd_config", "").file("/etc/nginx/nginx.conf", "");
        fake.file("/var/log/nginx/error.log", "").file("/var/log/vsftpd.log", "");
        let facts = Facts::new(&fake, Ground::Tree);
        let found: Vec<_> =
            watched(&facts).into_iter().map(|own| (own.service, own.source)).collect();
        assert_eq!(found, [("nginx", Source::File("/var/log/nginx/error.log"))]);
        fake.file("/usr/bin/journalctl", "");
        let facts = Facts::new(&fake, Ground::Tree);
        assert!(watched(&facts).iter().any(|own| own.source == Source::Journal("ssh.service")));
        fake.file("/var/log/auth.log", "");
        let facts = Facts::new(&fake, Ground::Tree);
        assert!(watched(&facts).iter().any(|own| own.source == Source::File("/var/log/auth.log")));
    }

    #[test]
    fn units_are_told_without_their_arguments() {
        let fake = Fake::new();
        fake.file(
            "/etc/systemd/system/shop.service",
            "[Service]\nUser=shop\nExecStart=/srv/shop/run --password=hunter2\n",
        );
        fake.link("/etc/systemd/system/multi-user.target.wants/shop.service", "../shop.service");
        let facts = Facts::new(&fake, Ground::Tree);
        assert_eq!(units(&facts), ["shop.service (user shop): /srv/shop/run"]);
        assert_eq!(listeners(&facts), ["nothing runs in a tree, so nothing listens"]);
    }

    /// A running host on which one program listens for everybody, and one for itself.
    fn running() -> Fake {
        let fake = Fake::new();
        fake.file("/etc/passwd", "shop:x:7:7::/:/bin/false\n");
        let row = |address: &str, inode: u32| {
            format!("0: {address} 00000000:0000 0A 0:0 0:0 0 0 0 {inode} 1\n")
        };
        let rows = [
            row("00000000:0016", 1),
            row("00000000:01BB", 2),
            row("0100007F:0BB8", 3),
            row("00000000:1F90", 4),
        ];
        fake.file("/proc/net/tcp", rows.concat());
        fake.file("/proc/9/status", "Name:\tshop\n\u{1b}[2J\nPPid:\t1\nUid:\t7\t7\t7\t7\n");
        fake.link("/proc/9/exe", "/srv/shop/run").link("/proc/9/fd/3", "socket:[3]");
        fake
    }

    #[test]
    fn listeners_are_told_with_who_holds_them() {
        let fake = running();
        let facts = Facts::new(&fake, Ground::Running);
        let all = listeners(&facts);
        assert_eq!(all.len(), 4, "{all:?}");
        let shop = all.iter().find(|line| line.contains("127.0.0.1:3000")).unwrap();
        assert!(shop.contains("this machine only") && shop.contains("user shop"), "{shop}");
        assert!(all.iter().all(|line| !line.contains('\u{1b}')), "{all:?}");
        assert_eq!(openings(&facts), [22, 8080], "what the gateway serves itself is left out");
    }

    #[test]
    fn backups_are_suggested_for_what_is_there() {
        let fake = Fake::new();
        fake.directory("/var/lib/mysql").file("/etc/redis/redis.conf", "");
        let place = burgrave_audit::facts::Place { path: Path::new("/x").into(), line: 1 };
        let site = |root: &str| {
            let mut site = Site::new("nginx", &place);
            site.root = Some(PathBuf::from(root));
            site
        };
        let sites = [site("/srv/b"), site("/srv/a"), site("/srv/b"), site("/srv/$host")];
        let found = backups(&Facts::new(&fake, Ground::Tree), &sites);
        let names: Vec<&str> = found.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["web", "mysql", "redis"]);
        assert_eq!(found[0].source, "source = { paths = [\"/srv/a\", \"/srv/b\"] }");
        let none = backups(&Facts::new(&Fake::new(), Ground::Tree), &[]);
        assert!(none.is_empty());
    }

    #[test]
    fn every_service_that_is_watched_is_one_that_can_be() {
        const SITE: &str = "[[listen]]\naddress = \"127.0.0.1:80\"\n[[site]]\nhosts = [\"a\"]\nfiles = { root = \"/srv\" }\n";
        for (service, _, file, unit, _) in SERVICES {
            let source = |source: String| {
                let text =
                    format!("[[watch]]\nservice = \"{service}\"\nsource = {{ {source} }}\n{SITE}");
                assert!(burgrave_config::parse(&text).is_ok(), "{text}");
            };
            source(format!("file = \"{file}\""));
            if let Some(unit) = unit {
                source(format!("journal = \"{unit}\""));
            }
        }
    }

    #[test]
    fn every_suggested_backup_is_taken_once_its_marks_are_gone() {
        for (sign, name, source) in DATABASES {
            let text = format!(
                "[[backup]]\nname = \"x\"\n{source}\nrepository = \"sftp:backup@host:/backup/x\"\nkey = \"/etc/burgrave/keys/x\"\nevery = \"1d\"\n"
            );
            let parsed = burgrave_config::parse(&text);
            assert!(parsed.is_ok(), "{sign} {name}: {}", parsed.unwrap_err().render("x"));
        }
    }
}
