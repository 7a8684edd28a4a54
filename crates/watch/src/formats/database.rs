//! Databases: MySQL and MariaDB, SQL Server, MongoDB, PostgreSQL, Redis.

use super::json;
use crate::address;
use crate::event::Kind;
use crate::pattern::{Pattern, Turn};
use crate::piece::Piece::{
    self, Alt, Any, E, End, Few, Host, Ip, K, L, Not, Not1, Num, One, Opt, Q, Rep, S, Sp, Sub,
};
use crate::piece::{Found, Host as Client};
use crate::service::Service;

pub(super) static ALL: &[&Service] = &[&MYSQL, &MSSQL, &MONGODB, &POSTGRESQL, &REDIS];

static MYSQL: Service = Service::new(
    "mysqld-auth",
    "MySQL and MariaDB: refused passwords.",
    "/var/log/mysql/error.log",
)
.aliases(&["mysql", "mariadb"])
.programs(&["mysqld", "mariadbd"])
.patterns(&[
    Pattern::auth(&[
        LEVEL,
        L("Access denied for user '"),
        S,
        Not1("'"),
        E,
        L("'@'"),
        Host,
        L("'"),
        Opt(&[Sp, L("to database '"), Not("'"), L("'")]),
        Opt(&[PASSWORD]),
        End,
    ]),
    Pattern::auth(&[
        LEVEL,
        L("Access denied for user '"),
        S,
        Any,
        E,
        L("'@'"),
        Host,
        L("'"),
        PASSWORD,
        End,
    ]),
]);
/// `5907 [Warning] [MY-010926] [Server] `.
const LEVEL: Piece =
    Sub(&[Opt(&[Num, L(" ")]), L("["), Not1(" ]"), L("] "), Rep(&[L("["), Not1("]"), L("] ")])]);
const PASSWORD: Piece = Sub(&[Sp, One(&["(using password: YES)", "(using password: NO)"])]);

static MSSQL: Service = Service::new(
    "mssql-auth",
    "Microsoft SQL Server: refused passwords.",
    "/var/opt/mssql/log/errorlog",
)
.patterns(&[Pattern::auth(&[
    L("Logon"),
    Sp,
    L("Login failed for user '"),
    S,
    Any,
    E,
    L("'. "),
    Not1("'["),
    L("[CLIENT: "),
    Ip,
    L("]"),
    End,
])]);

static MONGODB: Service = Service::new(
    "mongodb-auth",
    "MongoDB: refused passwords, in the log of text and in that of JSON.",
    "/var/log/mongodb/mongod.log",
)
.aliases(&["mongodb"])
.sessions()
.patterns(&[
    Pattern::auth(&[CONNECTION, L("Failed to authenticate "), S, Not(" "), E]),
    Pattern::auth(&[CONNECTION, L("end connection "), Host]).turn(Turn::NotesAndEnds),
    Pattern::forward(Kind::AuthFailure, mongodb_json),
]);
/// `I ACCESS   [conn5] `: the older versions write no level.
const CONNECTION: Piece =
    Sub(&[Opt(&[Not1(" [{"), Sp, Not1(" [{"), Sp]), L("[conn"), K, Num, Q, L("] ")]);

fn mongodb_json(line: &[u8]) -> Option<Found<'_>> {
    let [message, remote, user] = json::members(line, ["msg", "attr.remote", "attr.user"]);
    matches!(message?, b"Authentication failed" | b"Checking authorization failed").then_some(())?;
    let (ip, _) = address::candidates(remote?).last()?;
    Some(Found { host: Some(Client::Address(ip)), user, key: remote, ..Found::default() })
}

static POSTGRESQL: Service = Service::new(
    "postgresql",
    "PostgreSQL: refused passwords and hosts. Needs `log_connections = on`, or `%h` in `log_line_prefix`.",
    "/var/log/postgresql/postgresql-16-main.log",
)
.aliases(&["postgres"])
.programs(&["postgres", "postgresql"])
.sessions()
.patterns(&[
    Pattern::auth(&[ZONE, L("["), K, Not1("] -"), Q, Not("]"), L("] "), Few, L("LOG:"), Sp, L("connection received: host="), Ip])
        .turn(Turn::Notes),
    Pattern::auth(&[ZONE, L("["), K, Not1("] -"), Q, Not("]"), L("] "), OWNER, L("FATAL:"), Sp, REFUSED]),
    Pattern::auth(&[ZONE, L("["), Not1("]"), L("] "), Opt(&[OWNER]), L("FATAL:"), Sp,
        One(&["no pg_hba.conf entry for host \"", "pg_hba.conf rejects connection for host \""]), Ip, L("\", user \""), S, Not("\""), E, L("\"")]),
]);
/// `UTC `, behind the time.
const ZONE: Piece = Opt(&[Not1(" []:-"), L(" ")]);
/// `user@database `, `192.0.2.1(5432) `.
const OWNER: Piece = Alt(&[
    &[Ip, Opt(&[L("("), Num, L(")")]), L(" "), Opt(&[Not1(" :"), L(" ")])],
    &[Not1(" :"), L(" "), Ip, Opt(&[L("("), Num, L(")")]), L(" ")],
    &[Not1(" :"), L(" ")],
    &[],
]);
const REFUSED: Piece = Alt(&[
    &[
        One(&[
            "password authentication failed for user \"",
            "Peer authentication failed for user \"",
            "LDAP authentication failed for user \"",
            "PAM authentication failed for user \"",
            "GSSAPI authentication failed for user \"",
            "RADIUS authentication failed for user \"",
            "certificate authentication failed for user \"",
            "Ident authentication failed for user \"",
        ]),
        S,
        Not("\""),
        E,
        L("\""),
    ],
    &[L("role \""), S, Not("\""), E, L("\" does not exist")],
]);

static REDIS: Service = Service::new(
    "redis",
    "Redis and Valkey: attacks by HTTP on the port of the database.",
    "/var/log/redis/redis-server.log",
)
.aliases(&["valkey"])
.programs(&["redis-server", "redis", "valkey-server"])
.patterns(&[Pattern::attack(&[
    Few,
    L("# Possible SECURITY ATTACK detected. "),
    Few,
    L(" Connection from "),
    Ip,
    L(":"),
    Num,
    L(" aborted."),
    End,
])]);

#[cfg(test)]
mod tests {
    use crate::Reader;

    fn check(service: &str, lines: &[&str], expected: Option<(&str, &str)>) {
        let mut reader = Reader::new(crate::by_name(service).unwrap(), false);
        let mut last = None;
        for line in lines {
            last = reader.line(line.as_bytes()).map(|event| {
                let user = event.user.unwrap_or_default().escape_ascii().to_string();
                (event.ip.map(|ip| ip.to_string()).unwrap_or_default(), user)
            });
        }
        let expected = expected.map(|(ip, user)| (ip.to_owned(), user.to_owned()));
        assert_eq!(last, expected, "{lines:?}");
    }

    #[test]
    fn postgresql_tells_the_host_before_or_in_the_line() {
        let came = "2026-11-26 01:02:03.004 UTC [77] [unknown]@[unknown] LOG:  connection received: host=192.0.2.1 port=5";
        let failed = "2026-11-26 01:02:03.104 UTC [77] app@db FATAL:  password authentication failed for user \"app\"";
        check("postgresql", &[came, failed], Some(("192.0.2.1", "app")));
        check("postgresql", &[failed], None);
        check(
            "postgresql",
            &[
                "2026-11-26 01:02:03.104 UTC [77] app@db FATAL:  no pg_hba.conf entry for host \"192.0.2.1\", user \"x\", database \"y\", no encryption",
            ],
            Some(("192.0.2.1", "x")),
        );
        check(
            "postgresql",
            &[
                "2026-11-26 01:02:03 UTC [77] 192.0.2.1(5433) FATAL:  password authentication failed for user \"a\"",
            ],
            Some(("192.0.2.1", "a")),
        );
        check(
            "postgresql",
            &["2026-11-26 01:02:03.104 UTC [77] app@db LOG:  checkpoint complete"],
            None,
        );
    }

    #[test]
    fn mongodb_and_redis() {
        check(
            "mongodb-auth",
            &[
                r#"{"t":{"$date":"2026-11-26T01:02:03.004+00:00"},"s":"I","c":"ACCESS","id":20249,"ctx":"conn1","msg":"Authentication failed","attr":{"mechanism":"SCRAM-SHA-256","user":"root","remote":"192.0.2.1:5","error":"x"}}"#,
            ],
            Some(("192.0.2.1", "root")),
        );
        check(
            "mongodb-auth",
            &[r#"{"msg":"Connection accepted","attr":{"remote":"192.0.2.1:5"}}"#],
            None,
        );
        check(
            "redis",
            &[
                "77:M 26 Nov 2026 01:02:03.004 # Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. Connection from 192.0.2.1:5 aborted.",
            ],
            Some(("192.0.2.1", "")),
        );
    }
}
