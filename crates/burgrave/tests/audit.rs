//! `burgrave audit` from end to end: exit codes, forms, roots, what is explained.

use crate::support::{configuration, run, stderr};
use serde_json::Value;
use std::path::Path;

fn stdout(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// A small tree with one critical fault and one that is commented out.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    put(dir.path(), "etc/group", "root:x:0:\n");
    put(dir.path(), "etc/hostname", "shop1\n");
    put(dir.path(), "etc/ssh/sshd_config", "PermitEmptyPasswords yes\n#PermitRootLogin yes\n");
    dir
}

#[test]
fn exit_codes_follow_the_level() {
    let tree = tree();
    let root = tree.path().to_str().unwrap();
    let empty = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["audit", "--root", root][..], 1),
        (&["audit", "--root", root, "--fail-on", "critical"], 1),
        (&["audit", "--root", empty.path().to_str().unwrap()], 2),
        (&["audit", "--root", "/nonexistent"], 2),
        (&["audit", "--root", root, "--services"], 2),
        (&["audit", "--root", root, "--connect"], 2),
        (&["audit", "--connect", "--services"], 2),
        (&["audit", "--connect", "--diff"], 2),
        (&["audit", "--root", root, "--format", "svg"], 2),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    }
    put(tree.path(), "etc/ssh/sshd_config", "PermitEmptyPasswords no\n");
    let output = run(&["audit", "--root", root, "--fail-on", "critical"]);
    let text = stdout(&output);
    assert!(output.status.code() == Some(0), "{text}");
}

#[test]
fn records_of_own_domains_are_looked_at_where_they_are_given() {
    let tree = tree();
    put(
        tree.path(),
        "records",
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;a.example. IN TXT\na.example. 300 IN TXT \"v=spf1 +all\"\n",
    );
    put(tree.path(), "none", "hello\n");
    let root = tree.path().to_str().unwrap();
    let file = |name: &str| tree.path().join(name).to_str().unwrap().to_owned();
    let of = |records: &str| {
        run(&["audit", "--root", root, "--format", "json", "--domains", &file(records)])
    };
    let found: Value = serde_json::from_str(&stdout(&of("records"))).unwrap();
    let rows = found["findings"].as_array().unwrap();
    let row = |id: &str| rows.iter().find(|row| row["id"] == id);
    assert_eq!(row("domain-spf").unwrap()["severity"], "high");
    assert_eq!(row("domain-dmarc").unwrap()["verdict"], "unknown", "nobody has asked");
    let plain = stdout(&run(&["audit", "--root", root, "--format", "json"]));
    assert!(!plain.contains("domain-spf"));
    let output = of("none");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no records of a domain"), "{}", stderr(&output));
}

#[test]
fn findings_are_as_the_contract_has_them() {
    let tree = tree();
    let output = run(&["audit", "--root", tree.path().to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((&report["version"], &report["host"]), (&Value::from(1), &Value::from("shop1")));
    let findings = report["findings"].as_array().unwrap();
    let of = |id: &str| findings.iter().find(|finding| finding["id"] == id);
    let found = of("ssh-empty-passwords").unwrap();
    assert_eq!(found["verdict"], "fail");
    assert_eq!(found["severity"], "critical");
    assert_eq!(found["evidence"][0]["path"], "/etc/ssh/sshd_config");
    assert_eq!(found["evidence"][0]["line"], 1);
    assert!(of("ssh-root-login").is_none(), "a comment is no setting");
    assert!(findings.iter().all(|finding| finding["verdict"] != "pass"));
}

#[test]
fn every_form_is_whole() {
    let tree = tree();
    let root = tree.path().to_str().unwrap();
    let shown =
        |format: &str| stdout(&run(&["audit", "--root", root, "--format", format, "--all"]));
    let sarif: Value = serde_json::from_str(&shown("sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let page = shown("html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let text = shown("text");
    assert!(text.contains("[ssh-empty-passwords]") && text.contains("shop1: "));
    assert!(!text.contains('\u{1b}'), "no colours where nobody sees them");
}

#[test]
fn folders_of_the_configuration_are_web_roots() {
    let tree = tree();
    put(tree.path(), "srv/pages/db.sql", "x");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("burgrave.toml");
    let site = "[[site]]\nhosts = [\"localhost\"]\nfiles = { root = \"/srv/pages\" }\n";
    std::fs::write(&file, configuration(folder.path(), "127.0.0.1:0", site)).unwrap();
    let root = tree.path().to_str().unwrap();
    let without = stdout(&run(&["audit", "--root", root]));
    let with = stdout(&run(&["audit", "--root", root, "--config", file.to_str().unwrap()]));
    assert!(!without.contains("[cleanup-dump]"));
    assert!(with.contains("[cleanup-dump]"), "{with}");
}

#[test]
fn findings_can_be_explained() {
    let output = run(&["explain", "ssh-empty-passwords"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("what to do:"));
    assert!(stdout(&run(&["explain", "patches"])).contains("check `patch-waiting`"));
}

#[test]
fn this_machine_can_be_looked_at() {
    let output = run(&["audit", "--services", "--format", "svg"]);
    assert!(stdout(&output).starts_with("<svg ") && output.status.code() == Some(0));
    let output = run(&["audit", "--services", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(table["services"].is_array());
}
