//! Alerts from end to end: what goes wrong reaches a channel, people take it on and silence it, and all of it is in the
//! ledger.

use crate::support::{self, Burgrave, PATIENCE, configuration, run, stderr};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A channel that appends what it gets to a file, and the file.
fn channel(folder: &Path, more: &str) -> (String, PathBuf) {
    let (program, out) = (folder.join("page"), folder.join("paged"));
    std::fs::write(&program, "#!/bin/sh\nexec /bin/cat >> \"$1\"\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let text = format!(
        "[[alert]]\nto = \"command:{}\"\narguments = [\"{}\"]\ngroup_wait = \"0s\"\ngroup_interval = \"0s\"\n{more}\n",
        program.display(),
        out.display()
    );
    (text, out)
}

/// The messages that came, each with its alerts as topic and status.
fn paged(out: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(out).unwrap_or_default();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let alerts = messages.flat_map(|message| message["alerts"].as_array().unwrap().clone());
    let word = |alert: &Value, key: &str| alert[key].as_str().unwrap().to_owned();
    alerts.map(|one| (word(&one, "topic"), word(&one, "status"), word(&one, "title"))).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A command about this configuration: its exit code and what it says.
fn command(config: &Path, words: &[&str]) -> (i32, String) {
    let output = run(&[words, &["--config", config.to_str().unwrap()]].concat());
    let text = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
    (output.status.code().unwrap(), text)
}

fn json(config: &Path, words: &[&str]) -> Value {
    let output =
        run(&[words, &["--format", "json", "--config", config.to_str().unwrap()]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// A running one with a backup job that fails, for its key is not there.
fn start() -> (Burgrave, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (alert, out) = channel(folder.path(), "");
    let at = folder.path().display();
    let rest = format!(
        "[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"{at}\" }}\n{alert}[[backup]]\nname = \"job\"\n\
         source = {{ paths = [\"{at}/page\"] }}\nrepository = \"{at}/repository\"\nkey = \"{at}/key\"\n"
    );
    let text = configuration(folder.path(), "127.0.0.1:0", &rest);
    std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
    (Burgrave::start_in(folder), out)
}

#[test]
fn a_backup_that_fails_is_told_taken_on_and_over() {
    let (burgrave, out) = start();
    let config = burgrave.config();
    assert_eq!(command(&config, &["backup", "run", "job"]).0, 2);
    until("it is told", || paged(&out).len() == 1);
    assert_eq!((paged(&out)[0].0.as_str(), paged(&out)[0].1.as_str()), ("backup.failed", "firing"));
    let shown = json(&config, &["alert", "list"]);
    let (fingerprint, alert) = shown["alerts"].as_object().unwrap().iter().next().unwrap();
    assert_eq!((&alert["topic"], &alert["subject"]), (&"backup.failed".into(), &"job".into()));
    until("that it is told is noted", || {
        let (code, said) = command(&config, &["alert", "list"]);
        code == 1 && said.contains("told: 1") && said.ends_with("1 open\n")
    });
    let (code, said) =
        command(&config, &["alert", "ack", &fingerprint.chars().take(4).collect::<String>()]);
    assert!(code == 0 && said.contains("taken on: 1 alert(s)"), "{said}");
    until("it is somebody's", || command(&config, &["alert", "list"]).0 == 0);
    assert_eq!(command(&config, &["alert", "ack", "all"]).0, 1, "nothing is open any more");
    assert_eq!(command(&config, &["backup", "key", "job", "--new"]).0, 0);
    assert_eq!(command(&config, &["backup", "run", "job"]).0, 0);
    until("it is over", || paged(&out).len() == 2);
    assert_eq!((paged(&out)[1].0.as_str(), paged(&out)[1].1.as_str()), ("backup.failed", "over"));
    until("the row", || {
        let rows = json(&config, &["ledger", "list", "--kind", "alert"]);
        rows["rows"].as_array().unwrap().len() == 2
    });
    let rows = json(&config, &["ledger", "list", "--kind", "alert"]);
    let kinds: Vec<&str> =
        rows["rows"].as_array().unwrap().iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["alert.raised", "alert.acknowledged"]);
    assert_eq!(json(&config, &["ledger", "verify"])["is_sound"], true);
}

#[test]
fn a_gateway_that_was_killed_is_told_and_silences_hold_and_end() {
    let (burgrave, out) = start();
    let config = burgrave.config();
    let (code, said) = command(&config, &["alert", "silence", "--topic", "backup", "--for", "1h"]);
    assert_eq!(code, 0, "{said}");
    let id = said.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(command(&config, &["alert", "silence", "--topic", "back", "--for", "1h"]).0, 2);
    until("the silence", || json(&config, &["alert", "list"])["silences"].get(&id).is_some());
    assert_eq!(command(&config, &["backup", "run", "job"]).0, 2);
    // The gateway's process is the one with this word.
    let gateway = support::descendants(burgrave.child.id()).into_iter().find(|id| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"--gateway")
    });
    let gateway = gateway.unwrap().to_string();
    assert!(Command::new("kill").args(["-9", &gateway]).status().unwrap().success());
    until("the gateway is told", || {
        paged(&out).iter().any(|(topic, ..)| topic == "gateway.restarted")
    });
    assert_eq!(paged(&out).len(), 1, "the backup is silenced: {:?}", paged(&out));
    assert_eq!(command(&config, &["alert", "silence", "--end", "none"]).0, 1);
    assert_eq!(command(&config, &["alert", "silence", "--end", &id]).0, 0);
    until("what lasts is told then", || {
        paged(&out).iter().any(|(topic, ..)| topic == "backup.failed")
    });
    until("the row", || {
        let rows = json(&config, &["ledger", "list", "--kind", "gateway"]);
        rows["rows"][0]["kind"] == "gateway.restarted"
    });
}

#[test]
fn what_was_raised_survives_the_end_of_everything() {
    let (burgrave, out) = start();
    let folder = burgrave.pull_the_plug();
    let config = folder.path().join("burgrave.toml");
    assert_eq!(command(&config, &["backup", "run", "job"]).0, 2);
    assert_eq!(command(&config, &["backup", "drill", "job"]).0, 2);
    assert!(paged(&out).is_empty());
    let burgrave = Burgrave::start_in(folder);
    until("both are told", || paged(&out).len() == 2);
    // What a kill finds told and not noted is told again, rather than never.
    until("that both are told is noted", || {
        command(&config, &["alert", "list"]).1.matches("told: 1").count() == 2
    });
    let folder = burgrave.pull_the_plug();
    let _burgrave = Burgrave::start_in(folder);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(paged(&out).len(), 2, "and not again");
}

#[test]
fn a_test_says_what_each_channel_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (alert, out) = channel(folder.path(), "");
    let bad = "[[alert]]\nname = \"bad\"\nto = \"command:/bin/false\"\n";
    let rest = format!("[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/srv\" }}\n{alert}{bad}");
    let config = folder.path().join("burgrave.toml");
    std::fs::write(&config, configuration(folder.path(), "127.0.0.1:0", &rest)).unwrap();
    let (code, said) = command(&config, &["alert", "test"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("channel `1` took it\nchannel `bad` did not take it: `/bin/false`"),
        "{said}"
    );
    assert_eq!(paged(&out)[0].0, "alert.test");
    assert_eq!(command(&config, &["alert", "test", "--channel", "1"]).0, 0);
    assert_eq!(command(&config, &["alert", "test", "--channel", "none"]).0, 2);
    std::fs::write(&config, configuration(folder.path(), "127.0.0.1:0", "")).unwrap();
    assert_eq!(command(&config, &["alert", "list"]).0, 2, "nobody is told");
}

#[test]
fn a_channel_that_cannot_work_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "x").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).unwrap();
    let rest = format!(
        "[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"/srv\" }}\n[[alert]]\nto = \"http://127.0.0.1:9\"\npassword_file = \"{}\"\n",
        secret.display()
    );
    let text = configuration(folder.path(), "127.0.0.1:0", &rest);
    std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
    let (code, said) = command(&folder.path().join("burgrave.toml"), &["check"]);
    assert!(code == 2 && said.contains("may be used by others"), "{said}");
    let burgrave = Burgrave::start_in(folder);
    burgrave.wait_for("may be used by others than its owner (mode 0644)");
    burgrave.wait_for("the alerts' process has ended");
}

/// What the process that tells people has given up, by its status.
fn teller(burgrave: &Burgrave) -> Option<String> {
    let found = support::descendants(burgrave.child.id()).into_iter().find(|id| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"--alerts")
    });
    std::fs::read_to_string(format!("/proc/{}/status", found?)).ok()
}

#[test]
fn who_only_speaks_to_servers_is_confined_and_does_its_work() {
    let (received, address) = support::recording_upstream();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "hunter2").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let at = folder.path().display();
    let rest = format!(
        "[[site]]\nhosts = [\"*\"]\nfiles = {{ root = \"{at}\" }}\n[[alert]]\nto = \"http://{address}/hook\"\n\
         password_file = \"{at}/secret\"\ngroup_wait = \"0s\"\n[[backup]]\nname = \"job\"\n\
         source = {{ paths = [\"{at}/secret\"] }}\nrepository = \"{at}/repository\"\nkey = \"{at}/key\"\n"
    );
    let text = configuration(folder.path(), "127.0.0.1:0", &rest);
    std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
    let burgrave = Burgrave::start_in(folder);
    let config = burgrave.config();
    assert_eq!(command(&config, &["backup", "run", "job"]).0, 2);
    let request = received.recv_timeout(PATIENCE);
    let request = request.unwrap_or_else(|_| panic!("{:?}", burgrave.said()));
    assert!(request.starts_with("POST /hook HTTP/1.1"), "{request}");
    assert!(request.contains("authorization: Bearer hunter2"), "{request}");
    until("the row", || {
        let rows = json(&config, &["ledger", "list", "--kind", "alert"]);
        rows["rows"].as_array().unwrap().len() == 1
    });
    let status = teller(&burgrave).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{status}");
    }
}

/// Killed when dropped.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_machine_that_only_keeps_backups_is_heard_too() {
    let folder = tempfile::tempdir().unwrap();
    let (alert, out) = channel(folder.path(), "");
    let at = folder.path().display();
    let text = format!(
        "state = \"{at}/state\"\n{alert}[[backup]]\nname = \"job\"\nsource = {{ paths = [\"{at}/page\"] }}\n\
         repository = \"{at}/repository\"\nkey = \"{at}/key\"\nevery = \"1d\"\njitter = \"0s\"\n"
    );
    let config = folder.path().join("burgrave.toml");
    std::fs::write(&config, text).unwrap();
    let mut schedule = Command::new(support::PROGRAM);
    schedule.args(["backup", "schedule", "--config", config.to_str().unwrap()]);
    let _schedule = Running(schedule.spawn().unwrap());
    until("its failure is told", || paged(&out).iter().any(|(topic, ..)| topic == "backup.failed"));
}
