//! `burgrave plan`, `apply` and `undo` from end to end, on trees of the test's own.

use crate::support::{self, PROGRAM, run, stderr};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A tree with faults of several kinds.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let root = dir.path();
    put(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\nolga:x:1000:1000::/home/olga:/bin/sh\n");
    put(root, "etc/group", "root:x:0:\nolga:x:1000:\n");
    put(root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    put(root, "etc/ssh/sshd_config", "X11Forwarding yes\nMatch User a\n  X11Forwarding yes\n");
    put(root, "etc/sysctl.conf", "kernel.sysrq = 1\n");
    put(root, "etc/nginx/nginx.conf", "http {\n    server_tokens on;\n}\n");
    put(root, "etc/login.defs", "PASS_MAX_DAYS 99999\n");
    put(root, "var/www/html/db.sql", "secret\n");
    put(root, "var/www/html/.git/config", "[core]\n");
    std::fs::create_dir_all(root.join("var/lib/burgrave")).unwrap();
    std::fs::set_permissions(root.join("etc/passwd"), PermissionsExt::from_mode(0o666)).unwrap();
    dir
}

type Snapshot = BTreeMap<String, (u32, u32, u32, i64, i64, Vec<u8>)>;

/// Everything but our own state.
fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if name == "var/lib/burgrave" {
                continue;
            }
            let content = if facts.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            if facts.is_dir() {
                todo.push(path);
            }
            let times = (facts.mtime(), facts.mtime_nsec());
            all.insert(name, (facts.mode(), facts.uid(), facts.gid(), times.0, times.1, content));
        }
    }
    all
}

/// Runs a command on a tree: its exit code and what it printed.
fn on(root: &Path, arguments: &[&str]) -> (i32, String) {
    let mut all = arguments.to_vec();
    all.extend(["--root", root.to_str().unwrap()]);
    let output = run(&all);
    let text = String::from_utf8(output.stdout.clone()).unwrap() + &stderr(&output);
    (output.status.code().unwrap(), text)
}

#[test]
fn a_plan_shows_differences_and_changes_nothing() {
    let tree = tree();
    let root = tree.path();
    let before = snapshot(root);
    let (code, text) = on(root, &["plan"]);
    assert_eq!(code, 1, "{text}");
    for part in [
        "ssh-x11-forwarding  sshd: X11Forwarding yes",
        "    - X11Forwarding yes\n",
        "    + X11Forwarding no\n",
        "mode    /etc/passwd: 0666 → 0644",
        "remove  /var/www/html/db.sql (kept in quarantine)",
        "skip    nginx: check with `/usr/sbin/nginx -t`",
        "risk: ",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert_eq!(snapshot(root), before, "a plan changes nothing");
    let (code, text) = on(root, &["apply"]);
    assert_eq!(code, 2, "nobody can be asked: {text}");
    assert_eq!(snapshot(root), before);
}

#[test]
fn a_tree_is_mended_and_given_back() {
    let tree = tree();
    let root = tree.path();
    let before = snapshot(root);
    let (code, text) = on(root, &["apply", "--yes"]);
    assert!(code == 0 && text.contains("change 0001; `burgrave undo 0001 --root "), "{text}");
    assert_eq!(
        std::fs::read_to_string(root.join("etc/ssh/sshd_config"))
            .unwrap()
            .matches("X11Forwarding no")
            .count(),
        2
    );
    assert!(!root.join("var/www/html/db.sql").exists() && !root.join("var/www/html/.git").exists());
    assert_eq!(on(root, &["plan"]).0, 0, "a second plan is empty");
    let (code, text) = on(root, &["undo", "--list"]);
    assert!(code == 0 && text.starts_with("0001  ") && text.contains("applied"), "{text}");
    let (code, text) = on(root, &["undo"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(snapshot(root), before);
    assert_eq!(on(root, &["undo"]).0, 2, "there is nothing more");
    assert_eq!(on(root, &["undo", "7"]).0, 2);
}

#[test]
fn only_what_is_asked_for_is_changed() {
    let tree = tree();
    let (code, text) = on(tree.path(), &["plan", "cleanup", "kernel-sysrq", "--format", "json"]);
    assert_eq!(code, 1, "{text}");
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["version"], 1);
    let mut ids: Vec<&str> =
        plan["mends"].as_array().unwrap().iter().map(|mend| mend["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["cleanup-dump", "cleanup-version-control", "kernel-sysrq"]);
    for wrong in ["kernel", "malware-web-shell", "../x"] {
        let (code, text) = on(tree.path(), &["plan", wrong]);
        assert_eq!(code, 2, "{text}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(on(empty.path(), &["plan"]).0, 2);
    assert_eq!(on(empty.path(), &["apply", "--yes"]).0, 2);
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "nothing is made there");
}

#[test]
fn killed_at_any_moment_undo_or_a_second_apply_completes() {
    for round in 0..12 {
        let tree = tree();
        let root = tree.path();
        let before = snapshot(root);
        let mut child = Command::new(PROGRAM)
            .args(["apply", "--yes", "--root"])
            .arg(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(4 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 2 == 0 {
            let (code, text) = on(root, &["apply", "--yes"]);
            assert_eq!(code, 0, "{text}");
            assert_eq!(on(root, &["plan"]).0, 0);
        }
        let (code, text) = on(root, &["undo"]);
        assert!(code == 0 || text.contains("nothing was changed"), "{text}");
        assert_eq!(snapshot(root), before, "round {round}");
    }
}

#[test]
fn hostile_trees_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "sshd_config", "X11Forwarding yes\n");
    put(outside.path(), "www/db.sql", "x");
    std::fs::set_permissions(outside.path().join("sshd_config"), PermissionsExt::from_mode(0o666))
        .unwrap();
    let kept = snapshot(outside.path());
    let out = |name: &str| outside.path().join(name);
    let tree = tree();
    let root = tree.path();
    std::fs::remove_file(root.join("etc/ssh/sshd_config")).unwrap();
    symlink(out("sshd_config"), root.join("etc/ssh/sshd_config")).unwrap();
    std::fs::remove_file(root.join("etc/sysctl.conf")).unwrap();
    let made = Command::new("mkfifo").arg(root.join("etc/sysctl.conf")).status().unwrap();
    assert!(made.success());
    symlink("login.defs", root.join("etc/shadow")).unwrap();
    symlink(out("www"), root.join("var/www/shop")).unwrap();
    symlink(outside.path(), root.join("etc/sysctl.d")).unwrap();
    symlink(outside.path(), root.join("etc/modprobe.d")).unwrap();
    put(root, "var/www/html/evil\n.sql", "x");
    let before = snapshot(root);
    let (code, text) = on(root, &["apply", "--yes"]);
    assert!(code == 0 || code == 1, "{text}");
    assert_eq!(snapshot(outside.path()), kept, "{text}");
    assert!(root.join("var/www/html/evil\n.sql").exists(), "an odd name is left to people");
    on(root, &["undo"]);
    assert_eq!(snapshot(root), before);
    // A state that leads away.
    std::fs::remove_dir_all(root.join("var/lib/burgrave")).unwrap();
    symlink(outside.path(), root.join("var/lib/burgrave")).unwrap();
    assert_eq!(on(root, &["apply", "--yes"]).0, 2);
    assert_eq!(snapshot(outside.path()), kept);
}

#[test]
fn a_restart_ends_a_trial() {
    let tree = tree();
    let root = tree.path();
    assert_eq!(on(root, &["undo", "--after-restart"]).0, 0, "nothing was ever changed");
    let before = snapshot(root);
    // Nobody waits for the end of this one in the time that the test takes.
    let (code, _) = on(root, &["apply", "--yes", "--confirm-within", "1m", "ssh-x11-forwarding"]);
    assert_eq!(code, 0);
    assert_ne!(snapshot(root), before);
    let (code, text) = on(root, &["undo", "--after-restart"]);
    assert!(code == 0 && text.contains("change 0001 had not ended before the restart"), "{text}");
    assert_eq!(snapshot(root), before);
    let (code, text) = on(root, &["undo", "--after-restart"]);
    assert!(code == 0 && text.is_empty(), "once is enough: {text}");
    assert_eq!(on(root, &["apply", "--confirm", "1"]).0, 1, "it is over");
    // The unit of the start looks where changes are kept.
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/systemd/burgrave-recover.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    let folder = unit.lines().find_map(|line| line.strip_prefix("ConditionPathIsDirectory=/"));
    assert!(root.join(folder.unwrap()).is_dir());
    // What was kept stays.
    assert_eq!(on(root, &["apply", "--yes", "--confirm-within", "1m", "ssh-x11-forwarding"]).0, 0);
    assert_eq!(on(root, &["apply", "--confirm", "2"]).0, 0);
    assert_eq!(on(root, &["undo", "--after-restart"]).0, 0);
    assert_ne!(snapshot(root), before);
}

#[test]
fn a_trial_ends_unless_it_is_confirmed() {
    for is_confirmed in [false, true] {
        let tree = tree();
        let root = tree.path();
        let before = snapshot(root);
        let (code, text) =
            on(root, &["apply", "--yes", "--confirm-within", "8s", "ssh-x11-forwarding"]);
        assert!(code == 0 && text.contains("change 0001 is on trial for 8 s"), "{text}");
        assert_ne!(snapshot(root), before);
        if is_confirmed {
            assert_eq!(on(root, &["apply", "--confirm", "1"]).0, 0);
        }
        let ends = std::time::Instant::now() + support::PATIENCE;
        std::thread::sleep(Duration::from_secs(9));
        while !is_confirmed && snapshot(root) != before && std::time::Instant::now() < ends {
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(snapshot(root) == before, !is_confirmed);
        let (code, text) = on(root, &["apply", "--confirm", "0001"]);
        assert_eq!(code, 1, "it is over: {text}");
        assert_eq!(on(root, &["apply", "--confirm", "0009"]).0, 2);
    }
}
