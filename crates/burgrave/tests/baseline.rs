//! `burgrave baseline` from end to end: accepted, compared, found by the audit.

use crate::support::{configuration, run, stderr};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A tree with a web root, and a configuration with a state of its own.
fn place() -> (tempfile::TempDir, String, String) {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "root/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    put(dir.path(), "root/etc/nginx/nginx.conf", "http { server { root /srv/www; } }");
    put(dir.path(), "root/srv/www/index.html", "hello");
    let rest = "[[site]]\nhosts = [\"*\"]\nfiles = { root = \"/srv/none\" }\n";
    put(dir.path(), "c.toml", &configuration(dir.path(), "127.0.0.1:0", rest));
    let text = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (root, config) = (text("root"), text("c.toml"));
    (dir, root, config)
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn rows(audit: &std::process::Output) -> Vec<Value> {
    let audit: Value = serde_json::from_str(&said(audit)).unwrap();
    let all = audit["findings"].as_array().unwrap().clone();
    all.into_iter().filter(|row| row["id"] == "malware-baseline-changed").collect()
}

/// The digest is shown again, and another one is a finding.
fn digests(of: &dyn Fn(&[&str]) -> std::process::Output, digest: &str) {
    assert_eq!(of(&["baseline", "check", "--digest", digest]).status.code(), Some(0));
    assert_eq!(of(&["baseline", "check", "--digest", "abcd"]).status.code(), Some(1));
    let shown = said(&of(&["baseline", "show", "--format", "json"]));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["digest"], digest);
}

#[test]
fn what_was_accepted_is_compared_and_what_changed_is_found() {
    let (dir, root, config) = place();
    let of = |words: &[&str]| run(&[words, &["--root", &root, "--config", &config]].concat());
    for command in ["show", "check"] {
        let output = of(&["baseline", command]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("nothing was accepted yet"), "{}", stderr(&output));
    }
    let output = of(&["baseline", "accept"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let accepted = said(&output);
    assert!(accepted.contains("`/etc`, `/srv/www`"), "{accepted}");
    digests(&of, accepted.trim().rsplit(' ').next().unwrap());
    put(dir.path(), "root/srv/www/x.php", "<?php");
    put(dir.path(), "root/etc/passwd", "root::0:0::/root:/bin/sh\n");
    let output = of(&["baseline", "check", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!(found["differences"][0]["path"], "/etc/passwd");
    let new =
        found["differences"].as_array().unwrap().iter().find(|row| row["path"] == "/srv/www/x.php");
    assert_eq!(new.unwrap()["what"], serde_json::json!(["new"]));
    let found = rows(&of(&["audit", "--format", "json"]));
    assert!(found.iter().any(|row| row["severity"] == "high"), "{found:?}");
    assert!(found.len() >= 2 && found.iter().all(|row| row["verdict"] == "fail"), "{found:?}");
    of(&["baseline", "accept"]);
    assert_eq!(of(&["baseline", "check"]).status.code(), Some(0));
    assert!(
        rows(&of(&["audit", "--format", "json", "--all"]))
            .iter()
            .all(|row| row["verdict"] == "pass")
    );
}

#[test]
fn what_is_kept_is_nobody_elses_and_a_changed_one_is_refused() {
    let (dir, root, config) = place();
    let of = |words: &[&str]| run(&[words, &["--root", &root, "--config", &config]].concat());
    of(&["baseline", "accept"]);
    let folder = dir.path().join("state/baseline");
    let kept = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replacen("file\t0", "file\t4", 1)).unwrap();
    let output = of(&["baseline", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("was changed or is not whole"), "{}", stderr(&output));
    let found = rows(&of(&["audit", "--format", "json"]));
    assert_eq!(found[0]["verdict"], "unknown", "{found:?}");
}

#[test]
fn only_named_folders_are_accepted_and_only_absolute_ones() {
    let (_dir, root, config) = place();
    let of = |words: &[&str]| run(&[words, &["--root", &root, "--config", &config]].concat());
    let output = of(&["baseline", "accept", "--folder", "/srv"]);
    assert!(said(&output).starts_with("3 paths of `/srv`"), "{}", said(&output));
    assert_eq!(of(&["baseline", "accept", "--folder", "srv"]).status.code(), Some(2));
}
