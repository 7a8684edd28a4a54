//! What commands did has its row, and whoever spoils the ledger is found out, from end to end.

use crate::support::{self, PROGRAM, run, stderr};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A backup job, whose every command is a row.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path("source")).unwrap();
        std::fs::write(place.path("source/a"), "content").unwrap();
        let at = place.0.path().display();
        let text = format!(
            "state = \"{at}/state\"\n[[backup]]\nname = \"job\"\nsource = {{ paths = [\"{at}/source\"] }}\n\
             repository = \"{at}/repository\"\nkey = \"{at}/key\"\n"
        );
        std::fs::write(place.path("burgrave.toml"), text).unwrap();
        assert_eq!(place.run(&["backup", "key", "job", "--new"]).status.code(), Some(0));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config = self.path("burgrave.toml");
        run(&[arguments, &["--config", config.to_str().unwrap()]].concat())
    }

    fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[&["ledger", "list", "--format", "json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        shown["rows"].as_array().unwrap().clone()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_backups_came_to_are_rows() {
    let place = Place::new();
    let command = |code: i32, words: &[&str]| {
        let output = place.run(&[&["backup"], words].concat());
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", stderr(&output));
    };
    command(0, &["run", "job"]);
    command(0, &["verify", "job"]);
    command(0, &["drill", "job"]);
    let to = place.path("to");
    command(0, &["restore", "job", "--to", to.to_str().unwrap(), "--dry-run"]);
    command(0, &["restore", "job", "--to", to.to_str().unwrap()]);
    command(0, &["prune", "job"]);
    std::fs::rename(place.path("key"), place.path("away")).unwrap();
    command(2, &["run", "job"]);
    let rows = place.rows(&["--kind", "backup"]);
    let told = |row: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        assert_eq!(row["subject"], "job");
        (text(&row["kind"]), text(&row["detail"]["outcome"]))
    };
    let found: Vec<(String, String)> = rows.iter().map(told).collect();
    let well = |kind: &str| (format!("backup.{kind}"), "well".to_owned());
    let mut expected: Vec<_> =
        ["run", "verified", "drilled", "restored", "pruned"].into_iter().map(well).collect();
    expected.push(("backup.run".to_owned(), "failed".to_owned()));
    assert_eq!(found, expected);
    assert_eq!(rows[0]["detail"]["files"], 1);
    assert!(rows[0]["detail"]["by"]["uid"].is_u64());
    assert_eq!(place.rows(&["--last", "1"]).len(), 1);
    assert!(place.rows(&["--subject", "other"]).is_empty());
}

/// What a look at a copy says, with its exit code.
fn look(copy: &Path, key: &Path, since: &str) -> (i32, String) {
    let (copy, key) = (copy.to_str().unwrap(), key.to_str().unwrap());
    let output = run(&["ledger", "verify", copy, "--key", key, "--since", since]);
    (output.status.code().unwrap(), stdout(&output) + &stderr(&output))
}

#[test]
fn an_auditor_finds_what_was_done_to_it() {
    let place = Place::new();
    for _ in 0..3 {
        assert_eq!(place.run(&["backup", "run", "job"]).status.code(), Some(0));
    }
    let sound = place.run(&["ledger", "verify"]);
    assert_eq!(sound.status.code(), Some(0), "{}", stderr(&sound));
    let said = stdout(&sound);
    assert!(said.starts_with("sound: 4 rows"), "{said}");
    assert!(stderr(&sound).contains("the key beside the rows was trusted"));
    let head = said.lines().find_map(|line| line.strip_prefix("head: ")).unwrap().to_owned();
    // A copy elsewhere, with the auditor's own key, and the head that was noted.
    let copy = place.path("copy");
    let ledger = place.path("state/ledger");
    let copied = Command::new("cp").arg("-r").args([&ledger, &copy]).status().unwrap();
    assert!(copied.success());
    let key = ledger.join("key.pub");
    let look = |since: &str| look(&copy, &key, since);
    let head_file = ledger.join("HEAD");
    for since in [head.as_str(), head_file.to_str().unwrap()] {
        let (code, said) = look(since);
        assert!(code == 0 && said.starts_with("sound") && !said.contains("trusted"), "{said}");
    }
    let (seq, _) = head.split_once(':').unwrap();
    let (code, said) = look(&format!("{seq}:{}", "0".repeat(64)));
    assert!(code == 1 && said.contains("history was rewritten"), "{said}");
    assert_eq!(look("nonsense").0, 2);
    let rows = copy.join("00000001.ndjson");
    let text = std::fs::read_to_string(&rows).unwrap();
    std::fs::write(&rows, text.replacen("\"files\":1", "\"files\":7", 1)).unwrap();
    let (code, said) = look(&head);
    assert!(code == 1 && said.contains("fault: 00000001.ndjson:2: row 2 was changed"), "{said}");
    let nothing = run(&["ledger", "verify", place.path("source").to_str().unwrap()]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(stderr(&nothing).contains("no ledger is in"), "{}", stderr(&nothing));
}

#[test]
fn where_no_row_can_be_kept_that_is_said() {
    let place = Place::new();
    assert_eq!(place.run(&["backup", "run", "job"]).status.code(), Some(0));
    std::fs::rename(place.path("state/ledger"), place.path("away")).unwrap();
    std::fs::write(place.path("state/ledger"), "").unwrap();
    let output = place.run(&["backup", "verify", "job"]);
    assert_eq!(output.status.code(), Some(0), "it was done all the same");
    let said = stderr(&output);
    assert!(said.contains("no row was kept of backup.verified in the ledger"), "{said}");
}

/// A system in a folder, in which this program runs as on a machine of its own.
fn machine() -> Option<tempfile::TempDir> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        eprintln!("SKIPPED: a machine of its own needs root");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, content: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    put("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    put("etc/group", "root:x:0:\n");
    put("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    put("etc/login.defs", "PASS_MAX_DAYS 99999\n");
    put("burgrave", "");
    for name in ["usr", "proc", "var/lib", "dev"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    for name in ["lib", "lib64", "bin", "sbin"] {
        if Path::new("/").join(name).exists() {
            let usr = Path::new("usr").join(name);
            std::os::unix::fs::symlink(usr, folder.path().join(name)).unwrap();
        }
    }
    Some(folder)
}

/// Runs the program there, with mounts that end with it.
fn inside(folder: &Path, arguments: &str) -> Output {
    let at = folder.display();
    let script = format!(
        "mount --bind /usr {at}/usr && mount -t proc proc {at}/proc && mount --bind {PROGRAM} {at}/burgrave && \
         exec chroot {at} /burgrave {arguments}"
    );
    Command::new("unshare").args(["-m", "-p", "-f", "sh", "-c", &script]).output().unwrap()
}

#[test]
fn changes_of_the_machine_are_rows() {
    let Some(folder) = machine() else { return };
    let must = |arguments: &str| {
        let output = inside(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {}", stderr(&output));
        stdout(&output)
    };
    let said = must("apply human-factor --yes");
    assert!(said.contains("done and verified: change"), "{said}");
    must("undo");
    let said = must("ledger verify /var/lib/burgrave/ledger");
    assert!(said.starts_with("sound: 3 rows"), "{said}");
    let shown = must("ledger list /var/lib/burgrave/ledger --kind host --format json");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let rows = shown["rows"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["kind"], &rows[1]["kind"]),
        (&"host.applied".into(), &"host.undone".into())
    );
    assert_eq!(rows[0]["subject"], rows[1]["subject"]);
    assert!(!rows[0]["detail"]["checks"].as_array().unwrap().is_empty(), "{shown}");
}

#[test]
fn how_proofs_ended_are_rows() {
    let folder = tempfile::tempdir().unwrap();
    let rest = "[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/srv\" }\n";
    let text = support::configuration(folder.path(), "127.0.0.1:1", rest);
    std::fs::write(folder.path().join("burgrave.toml"), text).unwrap();
    let place = Place(folder);
    let output = place.run(&["prove", "version-hiding"]);
    assert_eq!(output.status.code(), Some(2), "nobody listens: {}", stdout(&output));
    let rows = place.rows(&["--kind", "proof"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["subject"], "version-hiding");
    assert_eq!(rows[0]["detail"]["outcome"], "not proven");
    assert!(!rows[0]["detail"]["saw"].as_array().unwrap().is_empty(), "{}", rows[0]);
}
