//! Sources that have to be asked, and drills that ask what was restored.

use crate::backup::support::{Place, has, text};
use crate::support::postgresql::{Server, open_to_all};
use std::path::Path;
use std::process::Command;

#[test]
fn a_stream_is_backed_up_only_when_it_came_to_its_end() {
    let place = Place::new();
    let source = |script: &str| {
        format!("source = {{ command = [\"/bin/sh\", \"-c\", {script:?}], file = \"out.txt\" }}")
    };
    place.configure_source(&source("seq 1 300000"), "");
    place.expect(0, &["run", "job"]);
    let to = place.path("to");
    place.expect(0, &["restore", "job", "--to", to.to_str().unwrap()]);
    let expected: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    assert!(std::fs::read_to_string(to.join("out.txt")).unwrap() == expected);
    for (script, words) in [
        ("seq 1 1000; echo the disk burns >&2; exit 3", "the disk burns"),
        ("seq 1 1000; kill -9 $$", "signal 9"),
    ] {
        place.configure_source(&source(script), "");
        let said = place.expect(2, &["run", "job"]);
        assert!(said.contains(words), "{said}");
    }
    place.configure_source("source = { command = [\"/does/not/exist\"] }", "");
    assert!(place.expect(2, &["run", "job"]).contains("/does/not/exist"));
    assert_eq!(place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(), 1);
}

#[test]
fn hooks_run_around_a_backup() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    let (first, second) = (place.path("first"), place.path("second"));
    place.configure(&format!(
        "before = [\"/bin/touch\", {first:?}]\nafter = [\"/bin/touch\", {second:?}]"
    ));
    place.expect(0, &["run", "job"]);
    assert!(first.exists() && second.exists());
    place.configure("before = [\"/bin/false\"]");
    assert!(place.expect(2, &["run", "job"]).contains("/bin/false"));
    place.configure("after = [\"/bin/false\"]");
    assert!(
        place.expect(1, &["run", "job"]).contains("/bin/false"),
        "the backup is made, and what failed is told"
    );
}

fn sqlite(file: &Path, query: &str) -> String {
    let output = Command::new("sqlite3").arg(file).arg(query).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[test]
fn a_database_of_sqlite_is_consistent_while_it_is_written_to() {
    if !has("sqlite3") {
        return;
    }
    let place = Place::new();
    let file = place.path("ledger.db");
    sqlite(&file, "pragma journal_mode = wal; create table t(a, b); insert into t values (1, 1);");
    let checks =
        "drill = { checks = [{ query = \"select count(*) from t\", expect = \">= 100\" }] }";
    place.configure_source(&format!("source = {{ sqlite = {file:?} }}"), checks);
    let writer = {
        let file = file.clone();
        std::thread::spawn(move || {
            for _ in 0..100 {
                sqlite(&file, "pragma busy_timeout = 10000; insert into t select 1, 1;");
            }
        })
    };
    place.expect(0, &["run", "job"]);
    writer.join().unwrap();
    place.expect(0, &["run", "job"]);
    let to = place.path("to");
    place.expect(0, &["restore", "job", "--to", to.to_str().unwrap()]);
    assert_eq!(sqlite(&to.join("ledger.db"), "select count(*) from t").trim(), "101");
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!((&drilled["held"], &drilled["checks"][0]["value"]), (&true.into(), &"101".into()));
    sqlite(&file, "delete from t where rowid > 50");
    place.expect(0, &["run", "job"]);
    let drilled = place.json(1, &["drill", "job"]);
    assert_eq!((&drilled["held"], &drilled["checks"][0]["value"]), (&false.into(), &"50".into()));
    let kept = std::fs::read_to_string(place.path("state/backup/job/drills.ndjson")).unwrap();
    assert_eq!(kept.lines().count(), 2, "{kept}");
}

#[test]
fn a_drill_of_files_compares_them_with_their_source() {
    let place = Place::new();
    for number in 0..50 {
        std::fs::write(place.source().join(format!("f{number}")), format!("content {number}"))
            .unwrap();
    }
    place.expect(0, &["run", "job"]);
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!(
        (&drilled["held"], &drilled["compared"], &drilled["files"]),
        (&true.into(), &50.into(), &50.into())
    );
    assert!(!place.path("state/backup/job/drill").exists(), "nothing is left of it");
    // Changed behind the file system's back: size and time as before.
    let file = place.source().join("f7");
    let touched =
        Command::new("touch").arg("-r").arg(&file).arg(place.path("reference")).status().unwrap();
    assert!(touched.success());
    std::fs::write(&file, "CONTENT 7").unwrap();
    Command::new("touch").arg("-r").arg(place.path("reference")).arg(&file).status().unwrap();
    std::fs::write(place.source().join("f8"), "changed as files are").unwrap();
    let drilled = place.json(1, &["drill", "job"]);
    assert_eq!((&drilled["compared"], &drilled["changed_since"]), (&48.into(), &1.into()));
    assert!(drilled["failures"].to_string().contains("/f7"), "{drilled}");
    place.configure("drill = { sample = 20 }");
    let output = place.burgrave(&["drill", "job", "--format", "json"]);
    let drilled: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = drilled["files"].as_u64().unwrap();
    assert!((1..40).contains(&files), "a part of 50: {drilled}");
}

#[test]
fn a_drill_catches_a_dump_that_restores_and_has_lost_rows() {
    let Some(server) = Server::start("") else { return };
    server.sql("create table orders(id int primary key, at timestamptz default now()); insert into orders select generate_series(1, 1000)");
    let place = Place::new();
    let source =
        format!("source = {{ postgresql = \"postgres\", host = {:?} }}", server.dir.path());
    let checks = "drill = { checks = [{ query = \"select count(*) from orders\", expect = \">= 1000\" }, \
                  { query = \"select max(at) > now() - interval '1 hour' from orders\", expect = \"= t\" }] }";
    place.configure_source(&source, checks);
    place.expect(0, &["run", "job"]);
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!(drilled["held"], true, "{drilled}");
    server.sql("delete from orders where id > 900");
    place.expect(0, &["run", "job"]);
    let drilled = place.json(1, &["drill", "job"]);
    assert_eq!(
        (&drilled["checks"][0]["value"], &drilled["checks"][1]["held"]),
        (&"900".into(), &true.into())
    );
    server.sql("drop table orders");
    place.expect(0, &["run", "job"]);
    let said = place.expect(1, &["drill", "job"]);
    assert!(said.contains("no table at all"), "{said}");
}

#[test]
fn a_cluster_that_was_destroyed_is_restored_to_a_moment() {
    let archive = open_to_all();
    let wal = archive.path().display();
    let settings = format!(
        "archive_mode = on\narchive_command = 'test ! -f {wal}/%f && cp %p {wal}/%f.part && mv {wal}/%f.part {wal}/%f'"
    );
    let Some(server) = Server::start(&settings) else { return };
    server.sql("create table ledger(id int primary key, at timestamptz default clock_timestamp()); insert into ledger select generate_series(1, 1000)");
    let place = Place::new();
    let source = format!(
        "source = {{ postgresql = \"*\", host = {:?}, wal = {:?} }}",
        server.dir.path(),
        archive.path()
    );
    place.configure_source(
        &source,
        "drill = { checks = [{ query = \"select count(*) from ledger\", expect = \">= 1000\" }] }",
    );
    // What the server is just archiving is no segment yet.
    std::fs::write(archive.path().join("0000000100000000000000FF.part"), "half").unwrap();
    place.expect(0, &["run", "job"]);
    place.expect(1, &["find", "job", "*.part"]);
    server.sql("insert into ledger select generate_series(1001, 2000)");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let moment = server.sql(
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    );
    std::thread::sleep(std::time::Duration::from_millis(1100));
    server.sql("insert into ledger select generate_series(2001, 3000)");
    let ran = place.json(0, &["run", "job"]);
    assert!(ran["bytes_read"].as_u64().unwrap() < 50_000_000, "the base backup is not read again");
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!(drilled["checks"][0]["value"], "3000", "{drilled}");
    server.control(&server.data, "stop");
    std::fs::remove_dir_all(&server.data).unwrap();
    std::fs::remove_dir_all(archive.path()).unwrap();
    for (name, time, rows) in [("then", Some(moment.as_str()), "2000"), ("last", None, "3000")] {
        let to = server.dir.path().join(name);
        let now = "2099-01-01 00:00:00";
        let mut arguments = vec!["restore", "job", "--to", to.to_str().unwrap(), "--time"];
        arguments.push(time.unwrap_or(now));
        if time.is_none() {
            // To the end of the WAL: no target is reached, so the server is asked for all that there is.
            place.expect(0, &arguments);
            let settings = to.join("data/postgresql.auto.conf");
            let text = std::fs::read_to_string(&settings).unwrap();
            let kept: Vec<&str> =
                text.lines().filter(|line| !line.starts_with("recovery_target")).collect();
            std::fs::write(&settings, kept.join("\n") + "\n").unwrap();
        } else {
            place.expect(0, &arguments);
        }
        let data = to.join("data");
        server.control(&data, "start");
        let mut tries = 0;
        while server.sql("select pg_is_in_recovery()") != "f" {
            tries += 1;
            assert!(tries < 600, "it comes to its end");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert_eq!(server.sql("select count(*) from ledger"), rows, "{name}");
        server.control(&data, "stop");
    }
    let to = place.path("early");
    let said =
        place.expect(2, &["restore", "job", "--to", to.to_str().unwrap(), "--time", "2001-01-01"]);
    assert!(said.contains("no base backup was made before"), "{said}");
}

#[test]
fn what_is_due_is_done_and_told() {
    let place = Place::new();
    std::fs::write(place.source().join("a"), "a").unwrap();
    place.configure(
        "every = \"1h\"\njitter = \"0s\"\nverify = { every = \"1d\" }\ndrill = { every = \"1d\" }",
    );
    let mut child = Command::new(crate::backup::support::PROGRAM)
        .args(["backup", "schedule", "--config"])
        .arg(place.config())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    while !["run", "verify", "drill"]
        .iter()
        .all(|what| said.contains(&format!("`job`: {what} went well")))
    {
        assert!(std::io::BufRead::read_line(&mut lines, &mut said).unwrap() > 0, "{said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        place.json(0, &["list", "job"])["snapshots"].as_array().unwrap().len(),
        1,
        "once an hour"
    );
    let sheet = String::from_utf8(place.burgrave(&["recovery-sheet", "job"]).stdout).unwrap();
    let password = std::fs::read_to_string(place.path("key")).unwrap();
    assert!(
        sheet.contains(password.trim()) && sheet.contains("restic -r") && sheet.contains('█'),
        "{sheet}"
    );
}

/// A server of the test's own, as the account that its package made; killed when dropped.
struct Daemon(std::process::Child);

impl Daemon {
    fn start(account: &str, words: &[&str], is_ready: &dyn Fn() -> bool) -> Self {
        let child = as_account(account, words)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let own = Self(child);
        let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while !is_ready() {
            assert!(std::time::Instant::now() < end, "the server does not answer: {words:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        own
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn as_account(account: &str, words: &[&str]) -> Command {
    let is_root = text(&Command::new("id").arg("-u").output().unwrap()).trim() == "0";
    let mut command = Command::new(if is_root { "setpriv" } else { words[0] });
    if is_root {
        command
            .args(["--reuid", account, "--regid", account, "--clear-groups", "--"])
            .arg(words[0]);
    }
    command.args(&words[1..]);
    command
}

fn is_good(command: &mut Command) -> bool {
    command.output().unwrap().status.success()
}

#[test]
fn a_database_of_mariadb_is_dumped_and_a_drill_asks_what_was_restored() {
    if !["mariadbd", "mariadb-install-db", "mariadb", "mariadb-dump"].into_iter().all(has) {
        return;
    }
    let dir = open_to_all();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (data, socket) = (format!("--datadir={}", at("data")), format!("--socket={}", at("s")));
    let set_up =
        ["mariadb-install-db", "--no-defaults", &data, "--auth-root-authentication-method=normal"];
    let made = as_account("mysql", &set_up).output().unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let pid = format!("--pid-file={}", at("pid"));
    let client = |query: &str| {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", &socket, "--user=root", "-N", "-B", "-e", query]);
        command
    };
    let words = ["mariadbd", "--no-defaults", &data, &socket, &pid, "--skip-networking"];
    let _server = Daemon::start("mysql", &words, &|| is_good(&mut client("select 1")));
    let sql = |query: &str| {
        let output = client(query).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    };
    sql(
        "create database shop; use shop; create table orders(id int primary key, note varchar(100), raw blob); \
         insert into orders values (1, 'it''s', x'00ff0a'), (2, 'ünï', null), (3, '', ''); \
         create view notes as select note from orders; create procedure p() select 1;",
    );
    let place = Place::new();
    let source = format!("source = {{ mysql = \"shop\", host = {:?} }}", at("s"));
    let checks = |expect: &str| {
        format!(
            "drill = {{ checks = [{{ query = \"select count(*) from orders\", expect = \">= {expect}\" }}, \
             {{ query = \"select hex(raw) from orders where id = 1\", expect = \"= 00FF0A\" }}] }}"
        )
    };
    place.configure_source(&source, &checks("3"));
    place.expect(0, &["run", "job"]);
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!((&drilled["held"], &drilled["checks"][0]["value"]), (&true.into(), &"3".into()));
    sql("delete from shop.orders where id = 3");
    place.expect(0, &["run", "job"]);
    let drilled = place.json(1, &["drill", "job"]);
    assert_eq!(drilled["checks"][0]["value"], "2", "a dump that has lost rows is seen: {drilled}");
    sql("drop table shop.orders; drop view shop.notes");
    place.configure_source(&source, "");
    place.expect(0, &["run", "job"]);
    let drilled = place.json(1, &["drill", "job"]);
    assert!(drilled["failures"].to_string().contains("no table"), "{drilled}");
    let none = format!("source = {{ mysql = \"none\", host = {:?} }}", at("s"));
    place.configure_source(&none, "");
    assert!(place.expect(2, &["run", "job"]).contains("none"));
    assert!(!Path::new("/var/tmp").read_dir().unwrap().flatten().any(|entry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        name.starts_with("burgrave-drill-") && entry.path().join("data/mysql").exists()
    }));
}

#[test]
fn redis_is_dumped_and_a_drill_asks_what_was_restored() {
    if !["redis-server", "redis-cli"].into_iter().all(has) {
        return;
    }
    let dir = open_to_all();
    let (socket, folder) =
        (dir.path().join("s").display().to_string(), dir.path().display().to_string());
    let words = [
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        &socket,
        "--dir",
        &folder,
        "--requirepass",
        "se cret",
        "--save",
        "",
    ];
    let client = |words: &[&str]| {
        let mut command = Command::new("redis-cli");
        command.args(["-e", "-s", &socket]).args(words).env("REDISCLI_AUTH", "se cret");
        command
    };
    let _server = Daemon::start("redis", &words, &|| is_good(&mut client(&["PING"])));
    for number in 0..50 {
        assert!(is_good(&mut client(&["SET", &format!("k{number}"), "value with spaces"])));
    }
    let place = Place::new();
    let password = place.path("password");
    std::fs::write(&password, "se cret\n").unwrap();
    std::fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let source = format!("source = {{ redis = {socket:?}, password = {password:?} }}");
    let checks = "drill = { checks = [{ query = \"DBSIZE\", expect = \">= 50\" }, \
                  { query = \"GET k7\", expect = \"= value with spaces\" }] }";
    place.configure_source(&source, checks);
    place.expect(0, &["run", "job"]);
    let drilled = place.json(0, &["drill", "job"]);
    assert_eq!((&drilled["held"], &drilled["checks"][0]["value"]), (&true.into(), &"50".into()));
    assert!(is_good(&mut client(&["DEL", "k7"])));
    place.expect(0, &["run", "job"]);
    assert_eq!(place.json(1, &["drill", "job"])["checks"][0]["value"], "49");
    assert!(is_good(&mut client(&["FLUSHALL"])));
    place.configure_source(&source, "");
    place.expect(0, &["run", "job"]);
    let drilled = place.json(1, &["drill", "job"]);
    assert!(drilled["failures"].to_string().contains("no key"), "{drilled}");
    std::fs::write(&password, "wrong\n").unwrap();
    let said = place.expect(2, &["run", "job"]);
    assert!(said.contains("redis-cli") && !said.contains("wrong"), "{said}");
}

/// A file system of Btrfs in a file, mounted where nobody but the test sees it.
#[test]
fn a_snapshot_of_btrfs_is_backed_up_as_of_one_moment() {
    let hook = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/hooks/btrfs-snapshot");
    if !["mkfs.btrfs", "btrfs", "unshare", "losetup"].into_iter().all(has) {
        return;
    }
    let place = Place::new();
    let (image, top) = (place.path("image"), place.path("top"));
    std::fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
    std::fs::create_dir(&top).unwrap();
    let snapshot = top.join("snapshots/data");
    let words =
        |action: &str| format!("[{hook:?}, {action:?}, {:?}, {snapshot:?}]", top.join("data"));
    let source = format!("source = {{ paths = [{snapshot:?}], own_state = false }}");
    let hooks = format!("before = {}\nafter = {}", words("make"), words("drop"));
    place.configure_source(&source, &hooks);
    let to = place.path("to");
    let script = format!(
        "set -eu\nmkfs.btrfs -q {image}\nmount -o loop {image} {top} || exit 77\nbtrfs subvolume create {top}/data > /dev/null\n\
         echo before > {top}/data/file\n\
         {run}\n[ ! -e {snapshot} ]\necho after > {top}/data/file\n\
         btrfs subvolume snapshot -r {top}/data {snapshot} > /dev/null\n{run}\n[ ! -e {snapshot} ]\numount {top}\n",
        image = image.display(),
        top = top.display(),
        snapshot = snapshot.display(),
        run = format_args!(
            "{} backup run job --config {}",
            crate::backup::support::PROGRAM,
            place.config().display()
        ),
    );
    let output = Command::new("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap();
    if output.status.code() == Some(77) || text(&output).contains("unshare failed") {
        return println!("SKIPPED: Btrfs cannot be mounted here: {}", text(&output));
    }
    assert!(output.status.success(), "{}", text(&output));
    let listed = place.json(0, &["list", "job"]);
    let snapshots = listed["snapshots"].as_array().unwrap();
    assert_eq!(snapshots.len(), 2);
    for (at, wanted) in [(0, "before\n"), (1, "after\n")] {
        let id = snapshots[at]["id"].as_str().unwrap();
        let to = to.join(wanted.trim());
        place.expect(0, &["restore", "job", "--snapshot", id, "--to", to.to_str().unwrap()]);
        let file = to.join(snapshot.strip_prefix("/").unwrap()).join("file");
        assert_eq!(std::fs::read_to_string(file).unwrap(), wanted);
    }
}
