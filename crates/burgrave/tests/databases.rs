//! `burgrave audit --connect` on real servers: what they say of their roles, and that a silent one is never in order.
//! Each test has a room of its own, in which nothing else runs or listens.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|&byte| char::from(byte)).collect()
}

fn is_installed(program: &str) -> bool {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists())
}

/// Namespaces of their own; all that runs in them ends with it.
struct Room {
    dir: tempfile::TempDir,
    holder: Child,
    inner: String,
    servers: Vec<Child>,
}

impl Room {
    /// `None`: it cannot be made here, which is said.
    fn new(programs: &[&str]) -> Option<Self> {
        let is_root = text(&Command::new("id").arg("-u").output().unwrap()).trim() == "0";
        let needed = ["unshare", "nsenter", "setpriv"].iter().chain(programs);
        let missing: Vec<&&str> = needed.filter(|program| !is_installed(program)).collect();
        if !is_root || !missing.is_empty() {
            println!("SKIPPED: root {is_root}, missing {missing:?}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(dir.path(), mode).unwrap();
        let holder = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"])
            .args(["sleep", "1800"])
            .spawn()
            .unwrap();
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let mut room = Self { dir, holder, inner: String::new(), servers: Vec::new() };
        room.wait(|room| {
            let inner = std::fs::read_to_string(&children).unwrap_or_default();
            inner.trim().clone_into(&mut room.inner);
            let name = std::fs::read_to_string(format!("/proc/{}/comm", room.inner));
            name.is_ok_and(|name| name.trim() == "sleep")
        });
        // Servers that are set up on the machine around it are none of its own.
        for folder in ["/etc/postgresql", "/var/lib/mysql", "/etc/redis"] {
            if Path::new(folder).exists() {
                room.good(&["mount", "-t", "tmpfs", "none", folder]);
            }
        }
        Some(room)
    }

    fn wait(&mut self, mut is_ready: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_mins(2);
        while !is_ready(self) {
            assert!(Instant::now() < end, "it does not begin");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.inner, "--net", "--mount", "--pid", "--"]).args(words);
        command.current_dir("/").env_remove("PGHOST");
        command
    }

    fn good(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        text(&output)
    }

    /// A server that stays; it ends with the room.
    fn serve(&mut self, account: &str, words: &[&str], is_ready: &[&str]) {
        let all = [&as_account(account)[..], words].concat();
        let mut command = self.command(&all);
        self.servers.push(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        self.wait(|room| room.command(is_ready).output().unwrap().status.success());
    }

    fn audit(&self) -> Vec<Value> {
        let burgrave = env!("CARGO_BIN_EXE_burgrave");
        let words = [burgrave, "audit", "--connect", "--all", "--format", "json"];
        let output = self.command(&words).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", text(&output));
        });
        let rows = report["findings"].as_array().unwrap().iter();
        rows.filter(|row| row["id"].as_str().unwrap().starts_with("database-")).cloned().collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
        for server in &mut self.servers {
            // What let it in has stopped where the server was stopped.
            drop(server.kill());
            drop(server.wait());
        }
    }
}

fn as_account(account: &str) -> [&str; 7] {
    ["setpriv", "--reuid", account, "--regid", account, "--clear-groups", "--"]
}

/// The verdicts of a check, each with its title and weight.
fn said(rows: &[Value], id: &str) -> Vec<String> {
    let own = rows.iter().filter(|row| row["id"] == id);
    own.map(|row| {
        let word = |key: &str| row[key].as_str().unwrap().to_owned();
        format!("{} {} {}", word("verdict"), word("severity"), word("title"))
    })
    .collect()
}

fn expect(rows: &[Value], id: &str, start: &str, words: &str) {
    let said = said(rows, id);
    assert!(
        said.iter().any(|one| one.starts_with(start) && one.contains(words)),
        "{id}: wanted {start} {words}: {said:#?}\n{rows:#?}"
    );
}

fn expect_only(rows: &[Value], ids: &[&str], verdict: &str) {
    for id in ids {
        let said = said(rows, id);
        assert!(
            !said.is_empty() && said.iter().all(|one| one.starts_with(verdict)),
            "{id}: wanted {verdict}: {said:#?}"
        );
    }
}

fn postgresql() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut bins = folders.flatten().map(|entry| entry.path().join("bin"));
    bins.find(|bin| bin.join("initdb").exists() && bin.join("psql").exists())
}

const POSTGRESQL: [&str; 7] = [
    "database-postgresql-log",
    "database-postgresql-md5",
    "database-postgresql-public",
    "database-postgresql-rights",
    "database-postgresql-superusers",
    "database-postgresql-trust",
    "database-untrusted-code",
];

/// A room with a server of its own, and how it is asked. `None`: it cannot be made here, which is said.
fn served_by_postgresql() -> Option<(Room, Vec<String>)> {
    let Some(bin) = postgresql() else {
        println!("SKIPPED: PostgreSQL is not installed");
        return None;
    };
    let mut room = Room::new(&[])?;
    let program = |name: &str| bin.join(name).display().to_string();
    let (data, folder) = (room.path("data"), room.path(""));
    let initdb = program("initdb");
    let words = [&initdb, "-D", &data, "-U", "postgres", "-A", "peer", "-N"];
    room.good(&[&as_account("postgres")[..], &words].concat());
    let own = [program("psql"), "-XAtqh".to_owned(), folder.clone(), "-c".to_owned()];
    let psql: Vec<String> =
        as_account("postgres").map(str::to_owned).into_iter().chain(own).collect();
    let (server, sockets) = (program("postgres"), format!("unix_socket_directories={folder}"));
    let mut words = vec![server.as_str(), "-D", &data];
    for setting in [sockets.as_str(), "listen_addresses=", "fsync=off", "log_connections=on"] {
        words.extend(["-c", setting]);
    }
    let ready: Vec<&str> =
        psql.iter().map(String::as_str).chain(["select 1", "postgres"]).collect();
    room.serve("postgres", &words, &ready);
    Some((room, psql))
}

#[test]
fn roles_of_postgresql_are_asked_of_the_running_server() {
    let Some((mut room, psql)) = served_by_postgresql() else { return };
    let sql = |room: &Room, query: &str| {
        let words = psql.iter().map(String::as_str).chain([query, "postgres"]);
        room.good(&words.collect::<Vec<_>>())
    };
    sql(&room, "create role shop login password 'a long one'");
    sql(&room, "create database \"host=/nowhere user=x\" owner shop");
    let rows = room.audit();
    expect_only(&rows, &POSTGRESQL, "pass");

    for query in [
        "create role boss login superuser password 'x'",
        "create role heir login password 'x' in role boss",
        "alter role shop createrole",
        "create role reader login valid until '2001-01-01' in role pg_read_server_files",
        "set password_encryption = 'md5'; create role \"old\n[\"\"asked\"\"]\" login password 'x'",
        "grant create on schema public to public",
        "create table orders(id int); grant insert on orders to public",
        "create extension dblink",
        "create trusted language plnone handler plpgsql_call_handler; update pg_language set lanpltrusted = false where lanname = 'plnone'",
        "alter system set log_connections = off",
    ] {
        sql(&room, query);
    }
    let hba = room.path("data/pg_hba.conf");
    std::fs::write(&hba, "local all postgres peer\nlocal all all trust\n").unwrap();
    let rows = room.audit();
    for (id, start, words) in [
        ("superusers", "fail medium", "the role boss is a superuser"),
        ("superusers", "fail medium", "the role heir can become"),
        ("rights", "fail medium", "the role shop of PostgreSQL has CREATEROLE"),
        ("rights", "fail medium", "pg_read_server_files"),
        ("md5", "fail", "the role old\\n[\"asked\"] is kept as md5"),
        ("public", "fail medium", "in the schema public of the database postgres"),
        ("public", "fail medium", "writes tables of the database postgres: 1"),
        ("trust", "fail high", "from the socket: "),
    ] {
        expect(&rows, &format!("database-postgresql-{id}"), start, words);
    }
    expect(&rows, "database-untrusted-code", "fail", "plnone");
    expect(&rows, "database-untrusted-code", "fail low", "dblink");
    expect(&rows, "database-expired", "fail low", "the role reader");

    // A server that says nothing, and then none.
    room.good(&["pkill", "-STOP", "-o", "-x", "postgres"]);
    expect_only(&room.audit(), &POSTGRESQL, "unknown");
    room.good(&["pkill", "-KILL", "-x", "postgres"]);
    // No server, once it is gone, and none set up.
    room.wait(|room| room.audit().is_empty());
}

const MYSQL: [&str; 6] = [
    "database-expired",
    "database-mysql-no-password",
    "database-mysql-open",
    "database-mysql-remote",
    "database-nameless",
    "database-untrusted-code",
];

#[test]
fn accounts_of_mariadb_are_asked_of_the_running_server() {
    let Some(mut room) = Room::new(&["mariadbd", "mariadb-install-db", "mariadb"]) else { return };
    let (data, socket) =
        (format!("--datadir={}", room.path("data")), format!("--socket={}", room.path("s")));
    let set_up = [
        "mariadb-install-db",
        "--no-defaults",
        &data,
        "--auth-root-authentication-method=socket",
        "--auth-root-socket-user=root",
        "--skip-test-db",
    ];
    room.good(&[&as_account("mysql")[..], &set_up].concat());
    let pid = format!("--pid-file={}", room.path("pid"));
    let words = ["mariadbd", "--no-defaults", &data, &socket, &pid, "--skip-networking"];
    let client = ["mariadb", "--no-defaults", &socket, "--user=root", "-N", "-B", "-e"];
    let ready = [&client[..], &["select 1"]].concat();
    room.serve("mysql", &words, &ready);
    let sql = |room: &Room, query: &str| room.good(&[&client[..], &[query]].concat());

    sql(&room, "create user shop@localhost identified by 'a long one'");
    let rows = room.audit();
    expect_only(&rows, &MYSQL, "pass");

    for query in [
        "create user ''@localhost identified by 'x'",
        "create user weak@localhost",
        "create user locked@localhost account lock",
        "create user far@'%' identified by 'x'; grant all on *.* to far@'%' with grant option",
        "create user `odd\n[\"asked\"]`@localhost; alter user shop@localhost password expire",
        "create database test; grant all on test.* to ''@localhost",
        "insert into mysql.func values ('sys_exec', 0, 'lib_mysqludf_sys.so', 'function')",
    ] {
        sql(&room, query);
    }
    let rows = room.audit();
    for (id, start, words) in [
        ("nameless", "fail medium", "an account without a name: ''@'localhost'"),
        ("mysql-no-password", "fail high", "'weak'@'localhost'"),
        ("mysql-no-password", "fail high", "'odd\\n[\"asked\"]'@'localhost'"),
        ("mysql-remote", "fail medium", "'far'@'%' of MySQL has SUPER, FILE, GRANT OPTION"),
        ("mysql-open", "fail medium", "called test"),
        ("untrusted-code", "fail high", "sys_exec"),
        ("expired", "fail low", "'shop'@'localhost'"),
    ] {
        expect(&rows, &format!("database-{id}"), start, words);
    }
    assert_eq!(said(&rows, "database-mysql-no-password").len(), 2, "a locked one is in order");
    sql(&room, "drop user root@localhost; flush privileges");
    expect_only(&room.audit(), &MYSQL, "unknown");
    room.good(&["pkill", "-STOP", "-x", "mariadbd"]);
    expect_only(&room.audit(), &MYSQL, "unknown");
}

const REDIS: [&str; 3] =
    ["database-redis-commands", "database-redis-default", "database-redis-protected"];

/// The audit on a schedule asks as well, where it is told to.
fn scheduled(room: &mut Room) {
    let (config, state) = (room.path("burgrave.toml"), room.path("state"));
    let text = format!(
        "state = \"{state}\"\n[audit]\nconnect = true\nwatch = false\n[[listen]]\naddress = \"127.0.0.1:0\"\n[[site]]\nhosts = [\"a\"]\n\
         files = {{ root = \"/usr/share/common-licenses\" }}\n"
    );
    std::fs::write(&config, text).unwrap();
    room.serve("root", &[env!("CARGO_BIN_EXE_burgrave"), "run", "--config", &config], &["true"]);
    let report = Path::new(&state).join("audit/report.json");
    room.wait(|_| report.exists());
    let kept = std::fs::read_to_string(&report).unwrap();
    assert!(kept.contains("database-redis-commands"), "{kept}");
}

#[test]
fn users_of_redis_are_asked_as_a_stranger() {
    let Some(mut room) = Room::new(&["redis-server", "redis-cli"]) else { return };
    let (socket, file) = (room.path("s"), room.path("redis.conf"));
    let settings = format!(
        "port 0\nunixsocket {socket}\nsave \"\"\ndir {}\nprotected-mode yes\nuser shop on >x ~shop:* +@all -@admin -@dangerous\n",
        room.path("")
    );
    std::fs::write(&file, settings).unwrap();
    let client = ["redis-cli", "-e", "-s", &socket];
    let ready = [&client[..], &["PING"]].concat();
    room.serve("redis", &["redis-server", &file], &ready);
    let tell = |room: &Room, words: &[&str]| room.good(&[&client[..], words].concat());

    let rows = room.audit();
    expect(&rows, "database-redis-default", "fail high", "default of Redis needs no password");
    expect_only(&rows, &["database-redis-commands", "database-redis-protected"], "pass");
    tell(&room, &["ACL", "SETUSER", "shop", "+@all"]);
    tell(&room, &["CONFIG", "SET", "protected-mode", "no"]);
    let rows = room.audit();
    expect(&rows, "database-redis-commands", "fail medium", "the user shop");
    expect(&rows, "database-redis-protected", "fail medium", "its file says otherwise");
    let shown = format!("{rows:?}");
    assert!(
        !shown.contains("2d711642b726b044"),
        "what a password was made into is not shown: {shown}"
    );
    scheduled(&mut room);
    tell(&room, &["ACL", "SETUSER", "default", "resetpass", ">secret"]);
    let rows = room.audit();
    expect_only(&rows, &REDIS, "unknown");
    assert!(format!("{rows:?}").contains("wants a password"));
    room.good(&["pkill", "-STOP", "-x", "redis-server"]);
    expect_only(&room.audit(), &REDIS, "unknown");
}
