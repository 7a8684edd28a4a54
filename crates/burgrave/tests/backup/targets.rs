//! Repositories on other machines, by the real servers: sshd, rclone's server of restic's protocol, an S3 server.

use crate::backup::support::{Place, has, noise, text};
use crate::support::ports::free_port;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server; killed when dropped.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn serve(port: u16, command: &mut Command) -> Server {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut server = Server(child, port);
    let deadline = Instant::now() + Duration::from_mins(2);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = server.0.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < deadline, "the server comes up: {ended:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

fn secret(place: &Place, content: &str) -> PathBuf {
    let path = place.path("credentials");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

/// Everything that is done with a repository.
fn round(place: &Place, credentials: &str) {
    std::fs::create_dir_all(place.source().join("a")).unwrap();
    std::fs::write(place.source().join("a/noise"), noise(20_000_000, 1)).unwrap();
    std::fs::write(place.source().join("text"), "text").unwrap();
    place.configure(credentials);
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("there is no repository"), "{said}");
    place.expect(0, &["run", "job"]);
    std::fs::write(place.source().join("text"), "other text").unwrap();
    let again = place.json(0, &["run", "job"]);
    assert!(again["bytes_stored"].as_u64().unwrap() < 10_000, "{again}");
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    std::fs::remove_file(place.source().join("a/noise")).unwrap();
    place.expect(0, &["run", "job"]);
    place.configure(&format!("{credentials}\nkeep = {{ last = 1 }}"));
    let pruned = place.json(0, &["prune", "job"]);
    assert!(pruned["bytes_freed"].as_u64().unwrap() > 19_000_000, "{pruned}");
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    place.configure(credentials);
}

fn rclone(folder: &Path, port: u16, more: &[&str]) -> Server {
    serve(
        port,
        Command::new("rclone")
            .args([
                "serve",
                "restic",
                "--config",
                "/dev/null",
                "--addr",
                &format!("127.0.0.1:{port}"),
            ])
            .args(more)
            .arg(folder),
    )
}

#[test]
fn a_rest_server_holds_a_repository_and_refuses_to_remove_what_a_writer_wrote() {
    if !has("rclone") {
        return;
    }
    let mut place = Place::new();
    let folder = place.repository();
    std::fs::create_dir(&folder).unwrap();
    let user = ["--user", "u", "--pass", "p w"];
    let server = rclone(&folder, free_port(), &user);
    place.target = Some(format!("rest:http://127.0.0.1:{}", server.1));
    let file = secret(&place, "u:p w\n");
    let credentials = format!("credentials = {file:?}");
    round(&place, &credentials);
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
    let wrong = secret(&place, "u:wrong");
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("401"), "{wrong:?}: {said}");
    secret(&place, "u:p w\n");
    // The server goes away and comes back while a backup runs.
    std::fs::write(place.source().join("more"), noise(60_000_000, 2)).unwrap();
    let port = server.1;
    let mut child = place.command(&["run", "job"]).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(150));
    drop(server);
    std::thread::sleep(Duration::from_millis(700));
    let server = rclone(&folder, port, &user);
    assert!(child.wait().unwrap().success(), "it goes on");
    place.expect(0, &["verify", "job"]);
    drop(server);
    let server = rclone(&folder, port, &[&user[..], &["--append-only"]].concat());
    let keys = ["snapshots", "data", "index"].map(|kind| place.files(kind).len());
    place.configure(&format!("{credentials}\nkeep = {{ last = 1 }}"));
    let said = place.expect(2, &["prune", "job"]);
    assert!(said.contains("403"), "{said}");
    assert_eq!(
        ["snapshots", "data", "index"].map(|kind| place.files(kind).len()),
        keys,
        "nothing is gone"
    );
    place.configure(&format!("{credentials}\nidentity = \"writer\""));
    std::fs::write(place.source().join("text"), "once more").unwrap();
    place.expect(0, &["run", "job"]);
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    assert!(place.files("locks").is_empty(), "locks may be removed");
    drop(server);
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("127.0.0.1") && said.contains("refused"), "{said}");
}

#[test]
fn an_account_of_sftp_holds_a_repository() {
    let sshd = Path::new("/usr/sbin/sshd");
    if !sshd.exists() || !has("ssh-keygen") || !has("ssh") {
        println!("SKIPPED: sshd is not installed");
        return;
    }
    let mut place = Place::new();
    let key = |name: &str| {
        let path = place.path(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made));
        path
    };
    let (host, own) = (key("host"), key("own"));
    let port = free_port();
    drop(std::fs::create_dir_all("/run/sshd"));
    let config = place.path("sshd_config");
    let lines = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}.pub\nStrictModes no\nUsePAM no\n\
         PidFile none\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n",
        host.display(),
        own.display()
    );
    std::fs::write(&config, lines).unwrap();
    let _server = serve(port, Command::new(sshd).arg("-D").arg("-f").arg(&config));
    let user = text(&Command::new("id").arg("-un").output().unwrap());
    let user = user.trim();
    place.target = Some(format!("sftp://{user}@127.0.0.1:{port}/{}", place.repository().display()));
    let credentials = format!("credentials = {own:?}");
    // A host whose key is not known is a stranger.
    place.configure(&credentials);
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("ssh"), "{said}");
    let known = Command::new("ssh-keyscan")
        .args(["-T", "60", "-p", &port.to_string(), "127.0.0.1"])
        .output();
    let beside = place.path("own.known_hosts");
    std::fs::write(&beside, &known.unwrap().stdout).unwrap();
    round(&place, &credentials);
    // OpenSSH has no account that only adds, and the proof says so.
    place.configure(&format!("{credentials}\nidentity = \"writer\""));
    let (code, all) = proven(&place);
    assert_eq!(code, 1, "{all:?}");
    assert!(all.iter().all(|(outcome, _)| outcome == "fell"), "{all:?}");
    place.configure(&credentials);
    std::fs::remove_file(&beside).unwrap();
    if has("restic") {
        place.restic_expect(&["check", "--read-data"]);
    }
    // Without its key known the host is a stranger.
    let said = place.expect(2, &["list", "job"]);
    assert!(said.contains("ssh"), "{said}");
}

/// A server that speaks S3; `None`, and said, where there is none.
fn s3() -> Option<Server> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/moto/bin/moto_server");
    if !Path::new(program).exists() {
        println!("SKIPPED: moto is not installed in target/tools");
        return None;
    }
    let port = free_port();
    Some(serve(port, Command::new(program).args(["-H", "127.0.0.1", "-p", &port.to_string()])))
}

/// Puts a bucket there, or something of one.
fn put(server: &Server, what: &str, more: &[&str]) {
    let who = "authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/s3/aws4_request";
    let made = Command::new("curl")
        .args(["-sS", "--fail-with-body", "--noproxy", "*", "-X", "PUT", "-H", who])
        .args(more)
        .arg(format!("http://127.0.0.1:{}/{what}", server.1))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
}

#[test]
fn a_bucket_of_s3_holds_a_repository() {
    let Some(server) = s3() else { return };
    let mut place = Place::new();
    let port = server.1;
    put(&server, "bucket", &[]);
    place.target = Some(format!("s3:http://127.0.0.1:{port}/bucket/some/where"));
    let file = secret(&place, "key\nsecret\n");
    round(&place, &format!("credentials = {file:?}"));
}

/// What `prove backups` says: exit code, and each attempt with its outcome.
fn proven(place: &Place) -> (i32, Vec<(String, String)>) {
    let output = Command::new(crate::backup::support::PROGRAM)
        .args(["prove", "backups", "--format", "json", "--config"])
        .arg(place.config())
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let evidence = shown["proofs"][0]["evidence"].as_array().unwrap().clone();
    let word = |part: &serde_json::Value, key: &str| part[key].as_str().unwrap().to_owned();
    let all = evidence.iter().map(|part| (word(part, "outcome"), word(part, "saw"))).collect();
    (output.status.code().unwrap(), all)
}

#[test]
fn only_a_place_that_refuses_proves_that_backups_are_out_of_reach() {
    if !has("rclone") {
        return;
    }
    let mut place = Place::new();
    let writer = "identity = \"writer\"";
    std::fs::write(place.source().join("a"), "a").unwrap();
    assert_eq!(proven(&place).0, 2, "nobody is a writer");
    place.configure(writer);
    let (code, all) = proven(&place);
    assert!(code == 2 && all[0].1.contains("no repository"), "{all:?}");
    place.expect(0, &["run", "job"]);
    // A directory, where root may do everything.
    let (code, all) = proven(&place);
    assert_eq!(code, 1, "{all:?}");
    assert!(all.iter().all(|(outcome, _)| outcome == "fell"), "{all:?}");
    let folder = place.repository();
    for (more, code, count) in [(&["--append-only"][..], 0, 5), (&[], 1, 2)] {
        let server = rclone(&folder, free_port(), more);
        place.target = Some(format!("rest:http://127.0.0.1:{}", server.1));
        place.configure(writer);
        let (found, all) = proven(&place);
        assert_eq!((found, all.len()), (code, count), "{all:?}");
        drop(server);
        assert_eq!(proven(&place).0, 2, "a server that is away has refused nothing");
    }
    place.target = None;
    place.configure("");
    place.expect(0, &["verify", "job"]);
    place.restores_as_it_is();
    place.configure("identity = \"keeper\"\nkeep = { last = 1 }");
    place.expect(0, &["prune", "job"]);
    let decoys =
        place.files("data").into_iter().filter(|file| file.metadata().unwrap().len() == 31);
    assert_eq!(decoys.count(), 0, "the decoys are gone");
}

#[test]
fn a_bucket_holds_by_its_lock_and_falls_without_it() {
    let Some(server) = s3() else { return };
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                <Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    for (bucket, is_locked) in [("versions", false), ("locked", true)] {
        put(&server, bucket, &["-H", "x-amz-bucket-object-lock-enabled: true"]);
        if is_locked {
            let xml = ["-H", "content-type: application/xml", "-d", lock];
            put(&server, &format!("{bucket}?object-lock"), &xml);
        }
        let mut place = Place::new();
        std::fs::write(place.source().join("a"), "a").unwrap();
        place.target = Some(format!("s3:http://127.0.0.1:{}/{bucket}/x", server.1));
        let file = secret(&place, "key\nsecret\n");
        place.configure(&format!("credentials = {file:?}\nidentity = \"writer\""));
        place.expect(0, &["run", "job"]);
        let (code, all) = proven(&place);
        assert_eq!(code, i32::from(!is_locked), "{bucket}: {all:?}");
        let held = all.iter().filter(|(outcome, _)| outcome == "held").count();
        assert_eq!(held, if is_locked { 2 } else { 1 }, "{bucket}: {all:?}");
    }
}

#[test]
fn a_slow_line_is_not_filled() {
    let place = Place::new();
    std::fs::write(place.source().join("noise"), noise(3_000_000, 1)).unwrap();
    place.configure("bandwidth = \"1MiB\"");
    let begun = Instant::now();
    place.expect(0, &["run", "job"]);
    assert!(begun.elapsed() > Duration::from_millis(2_300), "{:?}", begun.elapsed());
    // Nor is a disk read faster than it may be.
    std::fs::write(place.source().join("more"), noise(6_000_000, 2)).unwrap();
    place.configure("read_bandwidth = \"2MiB\"");
    let begun = Instant::now();
    place.expect(0, &["run", "job"]);
    assert!(begun.elapsed() > Duration::from_millis(2_300), "{:?}", begun.elapsed());
    place.configure("");
    place.restores_as_it_is();
}
