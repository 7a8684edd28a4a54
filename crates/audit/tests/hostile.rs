//! Trees that somebody made to hurt the audit: it ends, stays inside, and its output stays whole.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use burgrave_audit::{Facts, Ground, Report, audit, html, json, sarif, text};
use burgrave_model::Verdict;
use burgrave_sys::{System, Tree};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

/// A tree with accounts, to which each test adds.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nolga:x:1000:1000::/home/olga:/bin/sh\n",
    );
    put(dir.path(), "etc/group", "root:x:0:\nolga:x:1000:\n");
    put(dir.path(), "etc/shadow", "root:!:1:0:9:7:::\n");
    put(dir.path(), "var/www/html/index.html", "<p>");
    dir
}

fn put(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Audits the tree within a time that no sound audit needs.
fn look(root: &Path) -> Report {
    let start = Instant::now();
    let tree = Tree::new(root).unwrap();
    let report = audit(&Facts::new(&tree, Ground::Tree));
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    report
}

/// Every output of a report is what its form asks for.
fn whole(report: &Report) {
    for all in [false, true] {
        let value: serde_json::Value = serde_json::from_str(&json(report, all)).unwrap();
        assert!(value["findings"].is_array());
        let log: serde_json::Value = serde_json::from_str(&sarif(report, all)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let page = html(report, all, None);
        assert!(page.ends_with("</html>\n") && !page.contains("<script") && !page.contains("<img"));
        let shown = text(report, all, true, false);
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n'),
            "control characters in the text"
        );
        let lines = shown.lines().filter(|line| line.starts_with("evil")).count();
        assert_eq!(lines, 0, "a name began a line of its own");
    }
}

#[test]
fn loops_and_ways_out_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.conf", "password = gantry77-outside\n");
    let dir = tree();
    let root = dir.path();
    for (target, link) in [
        ("/etc/nginx/a", "etc/nginx/b"),
        ("/etc/nginx/b", "etc/nginx/a"),
        (".", "etc/nginx/self"),
        ("/", "var/www/html/root"),
        ("../../../../../../../../etc", "var/www/html/up"),
        ("/etc/ssh/sshd_config", "etc/ssh/sshd_config"),
        ("/proc/self/root", "home/olga"),
    ] {
        let path = root.join(link);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }
    symlink(outside.path().join("secret.conf"), root.join("etc/outside.conf")).unwrap();
    symlink(outside.path(), root.join("opt")).unwrap();
    put(
        root,
        "etc/nginx/nginx.conf",
        "include /etc/nginx/*;\nhttp { include nginx.conf; server { root /var/www/html; } }\n",
    );
    put(root, "etc/sudoers", "@includedir /etc\n@include /etc/sudoers\n");
    let report = look(root);
    whole(&report);
    assert!(!json(&report, true).contains("gantry77-outside"));
    assert!(!json(&report, true).contains("secret.conf"), "nothing outside was looked at");
}

#[test]
fn pipes_and_sockets_are_not_opened() {
    let dir = tree();
    let root = dir.path();
    for path in [
        "etc/hosts",
        "etc/ssh/sshd_config",
        "etc/nginx/nginx.conf",
        "etc/cron.d/pipe",
        "etc/sysctl.d/x.conf",
        "etc/apt/apt.conf.d/x",
        "var/www/html/x.php",
        "var/lib/dpkg/status",
        "root/.bashrc",
        "etc/systemd/system/x.service",
        "etc/fstab",
        "etc/rsyslog.conf",
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("/usr/bin/mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
    }
    let _socket = std::os::unix::net::UnixListener::bind(root.join("etc/motd")).unwrap();
    whole(&look(root));
}

#[test]
fn names_that_are_no_text_break_no_output() {
    let dir = tree();
    let www = dir.path().join("var/www/html");
    for name in [
        &b"evil\nevil.sql"[..],
        b"\xff\xfe.sql",
        b"\x1b[2J.sql",
        b"<script>alert(1)<.sql",
        b"\"';--.sql",
        "\u{202e}lqs.sql".as_bytes(),
    ] {
        std::fs::write(www.join(OsStr::from_bytes(name)), "x").unwrap();
    }
    put(dir.path(), "etc/cron.d/x", b"* * * * * root /tmp/\x1b]0;evil\x07 \xff\xfe\n");
    put(
        dir.path(),
        "etc/ssh/sshd_config",
        b"PermitRootLogin yes\x00\xff\nMatch User <script>\nPermitEmptyPasswords yes\n",
    );
    put(dir.path(), "etc/passwd", b"root:x:0:0::/root:/bin/sh\nevil\x1b:x:0:0::/:/bin/sh\n");
    let report = look(dir.path());
    whole(&report);
    let dumps =
        report.findings.iter().filter(|f| f.id == "cleanup-dump" && f.verdict == Verdict::Fail);
    assert_eq!(dumps.count(), 6, "each of them is found");
}

#[test]
fn huge_and_unending_files_are_bounded() {
    let dir = tree();
    let root = dir.path();
    put(root, "etc/nginx/nginx.conf", "a { ".repeat(200_000));
    put(root, "etc/sudoers", "x".repeat(3_000_000));
    put(root, "etc/ssh/sshd_config", "Match User a\nPort 1\n".repeat(50_000));
    put(root, "etc/nftables.conf", "table inet x { chain y { ".repeat(50_000));
    put(root, "etc/apt/apt.conf.d/x", "A { ".repeat(100_000));
    put(root, "etc/crontab", format!("{}\n", "\" ".repeat(1_000_000)));
    put(root, "etc/fstab", "a b c d\n".repeat(100_000));
    put(root, "var/log/x.log", "password=".repeat(100_000));
    put(root, "etc/ssl/certs/a.crt", [0x30_u8, 0x84, 0xff, 0xff, 0xff, 0xff].repeat(1_000));
    put(root, "etc/ssl/private/a.key", "");
    let sparse = std::fs::File::create(root.join("etc/hosts")).unwrap();
    sparse.set_len(8_000_000_000).unwrap();
    let sparse = std::fs::File::create(root.join("var/www/html/x.php")).unwrap();
    sparse.set_len(8_000_000_000).unwrap();
    let mut deep = root.join("srv");
    for _ in 0..200 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    let report = look(root);
    whole(&report);
    let hosts = report.findings.iter().find(|f| f.id == "malware-hosts").unwrap();
    assert_eq!(hosts.verdict, Verdict::Unknown, "too large is not in order");
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let dir = tree();
    let path = dir.path().join("etc/shadow");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o0)).unwrap();
    let tree = Tree::new(dir.path()).unwrap();
    if tree.read(Path::new("/etc/shadow"), 100).is_ok() {
        // Root reads everything: nothing to be shown here.
        return;
    }
    let report = look(dir.path());
    let rows: Vec<_> = report.findings.iter().filter(|f| f.id == "account-weak-hash").collect();
    assert!(!rows.is_empty() && rows.iter().all(|f| f.verdict == Verdict::Unknown));
}
