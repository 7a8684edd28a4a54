//! Each hole: really open with `--vulnerable`, closed without it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::format_collect, reason = "tests")]

mod common;

use common::{Holes, Server, encoded};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn sql_injection_leaks_the_users() {
    let attack = encoded("' UNION SELECT name, password, email FROM users --");
    let target = format!("/api/search?q={attack}");
    let open = Server::start(Holes::Open).get(&target);
    assert_eq!(open.status, 200);
    assert!(open.body.contains("$argon2id$") && open.body.contains("trader@exchange.example"));
    let closed = Server::start(Holes::Closed).get(&target);
    assert_eq!((closed.status, closed.body.as_str()), (200, "[]"));
}

#[test]
fn stored_scripts_run_on_the_board() {
    let script = "<script>alert(document.domain)</script>";
    for holes in [Holes::Open, Holes::Closed] {
        let server = Server::start(holes);
        assert_eq!(server.post("/api/comments", "", &json!({ "text": script })).status, 201);
        let page = server.get("/board").body;
        assert_eq!(page.contains(script), holes == Holes::Open, "{holes:?}");
        assert_eq!(page.contains("&lt;script&gt;alert"), holes == Holes::Closed, "{holes:?}");
    }
}

#[test]
fn traversal_reads_files_of_the_machine() {
    let open = Server::start(Holes::Open);
    let passwd = open.get("/api/statements?file=../../../../../../../../etc/passwd");
    assert_eq!(passwd.status, 200);
    assert!(passwd.body.starts_with("root:"));
    assert!(open.get("/api/statements?file=../secret").body.contains("settlement-key"));
    assert!(open.get("/api/statements?file=/etc/passwd").body.starts_with("root:"));
    let closed = Server::start(Holes::Closed);
    let cookie = closed.sign_in();
    for file in
        ["../../../../../../../../etc/passwd", "../secret", "/etc/passwd", "..%2fsecret", ""]
    {
        let target = format!("/api/statements?file={file}");
        assert_eq!(closed.get(&target).status, 401, "{file}");
        let answer = closed.send("GET", &target, &cookie, b"");
        assert_eq!(answer.status, 404, "{file}");
        assert!(!answer.body.contains("settlement-key") && !answer.body.contains("root:"));
    }
}

#[test]
fn commands_are_executed() {
    let target = format!("/api/feeds/check?host={}", encoded("localhost;id"));
    let open = Server::start(Holes::Open).get(&target);
    assert_eq!(open.status, 200);
    assert!(open.json()["output"].as_str().unwrap().contains("uid="));
    let closed = Server::start(Holes::Closed);
    assert_eq!(closed.get(&target).status, 400);
    for host in ["$(id)", "`id`", "a|id", "a&id", "a\nid", "-h", "", "a b", "..%2f"] {
        let answer = closed.get(&format!("/api/feeds/check?host={}", encoded(host)));
        assert_eq!(answer.status, 400, "{host:?}");
    }
}

#[test]
fn executed_commands_are_bounded() {
    let open = Server::start(Holes::Open);
    let start = Instant::now();
    let long = open.get(&format!("/api/feeds/check?host={}", encoded("localhost;sleep 60")));
    assert_eq!(long.status, 200);
    assert!(start.elapsed() < Duration::from_secs(30), "took {:?}", start.elapsed());
    let wide = open.get(&format!("/api/feeds/check?host={}", encoded("localhost;cat /dev/zero")));
    assert!(wide.json()["output"].as_str().unwrap().len() <= 64 * 1024);
    assert_eq!(open.get("/api/health").status, 200);
}

#[test]
fn errors_tell_everything() {
    let missing = "/api/statements?file=2026-01.csv";
    let quote = format!("/api/search?q={}", encoded("'"));
    let open = Server::start(Holes::Open);
    for (target, detail) in [(missing, "No such file"), (quote.as_str(), "unrecognized token")] {
        let answer = open.get(target);
        assert_eq!(answer.status, 500, "{target}");
        for word in ["stack backtrace", "exchange/0.1", "SQLite 3.", detail] {
            assert!(answer.body.contains(word), "{target}: {word} in {}", answer.body);
        }
    }
    let closed = Server::start(Holes::Closed);
    let cookie = closed.sign_in();
    for (target, status) in [(missing, 404), (quote.as_str(), 200)] {
        let answer = closed.send("GET", target, &cookie, b"");
        assert_eq!(answer.status, status, "{target}");
        assert!(!answer.body.contains("backtrace") && !answer.body.contains("SQLite"));
    }
}
