//! What the application does for its users, with the holes closed and open alike.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::format_collect, reason = "tests")]

mod common;

use common::{Holes, Server};
use serde_json::json;
use std::io::{Read, Write};

/// Both kinds of the application answer users alike.
fn both(check: impl Fn(&Server)) {
    for holes in [Holes::Closed, Holes::Open] {
        check(&Server::start(holes));
    }
}

#[test]
fn pages_are_served_with_their_types() {
    let server = Server::start(Holes::Closed);
    for (target, status, kind) in [
        ("/", 200, "text/html; charset=utf-8"),
        ("/index.html", 200, "text/html; charset=utf-8"),
        ("/orders", 200, "text/html; charset=utf-8"),
        ("/board", 200, "text/html; charset=utf-8"),
        ("/app.css", 200, "text/css; charset=utf-8"),
        ("/app.js", 200, "text/javascript; charset=utf-8"),
        ("/favicon.svg", 200, "image/svg+xml"),
        ("/nothing", 404, "text/plain; charset=utf-8"),
        ("/../Cargo.toml", 404, "text/plain; charset=utf-8"),
        ("/%2e%2e/Cargo.toml", 404, "text/plain; charset=utf-8"),
        ("/api/health", 200, "application/json"),
    ] {
        let answer = server.get(target);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some(kind)),
            "{target}"
        );
    }
    assert_eq!(server.send("PUT", "/app.css", "", b"").status, 405);
}

#[test]
fn pages_need_no_inline_script_or_style() {
    let server = Server::start(Holes::Closed);
    for target in ["/", "/orders", "/board"] {
        let page = server.get(target).body;
        for piece in page.split("<script").skip(1) {
            assert!(piece.starts_with(" src=\"/"), "{target}: a script of its own file");
        }
        for mark in
            ["<style", " style=", " onclick=", " onload=", "javascript:", "http://", "https://"]
        {
            assert!(!page.contains(mark), "{target} has {mark}");
        }
    }
}

#[test]
fn every_answer_boasts_of_its_software() {
    both(|server| {
        for target in ["/", "/api/health", "/nothing", "/api/orders"] {
            let answer = server.get(target);
            assert_eq!(answer.header("server"), Some("exchange/0.1"), "{target}");
            assert_eq!(answer.header("x-powered-by"), Some("exchange/0.1"), "{target}");
        }
    });
}

#[test]
fn signing_in_takes_the_right_password() {
    both(|server| {
        for (user, password) in [
            ("trader", "correct horse battery stapl"),
            ("trader", ""),
            ("nobody", "correct horse battery staple"),
            ("' OR 1=1 --", "x"),
        ] {
            let answer =
                server.post("/api/session", "", &json!({ "user": user, "password": password }));
            assert_eq!(answer.status, 401, "{user} {password}");
            assert_eq!(answer.header("set-cookie"), None);
        }
        let cookie = server.sign_in();
        assert_eq!(
            server.send("GET", "/api/session", &cookie, b"").json(),
            json!({ "user": "trader" })
        );
        assert_eq!(server.get("/api/session").json(), json!({ "user": null }));
        assert_eq!(server.send("DELETE", "/api/session", &cookie, b"").status, 200);
        assert_eq!(
            server.send("GET", "/api/session", &cookie, b"").json(),
            json!({ "user": null })
        );
    });
}

#[test]
fn a_form_signs_in_as_well() {
    let server = Server::start(Holes::Closed);
    let form = "content-type: application/x-www-form-urlencoded\r\nx-forwarded-proto: https\r\n";
    let body = b"user=trader&password=correct+horse+battery%20staple";
    let answer = server.send("POST", "/api/session", form, body);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap();
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    for (headers, body, status) in [
        (form, &b"user=trader"[..], 400),
        (form, b"\xff\xfe=%", 400),
        ("content-type: application/json\r\n", b"{\"user\":", 400),
        ("content-type: text/plain\r\n", b"user", 415),
        ("", b"user", 415),
    ] {
        assert_eq!(server.send("POST", "/api/session", headers, body).status, status);
    }
}

#[test]
fn orders_are_placed_and_listed() {
    both(|server| {
        let cookie = server.sign_in();
        assert_eq!(server.get("/api/orders").status, 401);
        let order = json!({ "symbol": "NRTH", "side": "buy", "quantity": 10 });
        assert_eq!(server.post("/api/orders", "", &order).status, 401);
        let answer = server.post("/api/orders", &cookie, &order);
        assert_eq!((answer.status, answer.json()["status"].as_str()), (201, Some("filled")));
        let low = json!({ "symbol": "NRTH", "side": "buy", "quantity": 10, "limit_cents": 1 });
        assert_eq!(server.post("/api/orders", &cookie, &low).json()["status"], "open");
        let orders = server.send("GET", "/api/orders", &cookie, b"").json();
        let rows = orders.as_array().unwrap();
        assert_eq!(rows.len(), 6, "four from the start and two more");
        assert_eq!(
            (rows[0]["status"].as_str(), rows[0]["price"].as_f64()),
            (Some("open"), Some(0.01))
        );
    });
}

#[test]
fn impossible_orders_are_refused() {
    let server = Server::start(Holes::Closed);
    let cookie = server.sign_in();
    for order in [
        json!({}),
        json!({ "symbol": "NONE", "side": "buy", "quantity": 1 }),
        json!({ "symbol": "NRTH", "side": "give", "quantity": 1 }),
        json!({ "symbol": "NRTH", "side": "buy", "quantity": 0 }),
        json!({ "symbol": "NRTH", "side": "buy", "quantity": -1 }),
        json!({ "symbol": "NRTH", "side": "buy", "quantity": 1_000_001 }),
        json!({ "symbol": "NRTH", "side": "buy", "quantity": 1, "limit_cents": 0 }),
        json!({ "symbol": "NRTH", "side": "buy", "quantity": 1, "price": 5 }),
        json!([1, 2]),
    ] {
        let answer = server.post("/api/orders", &cookie, &order);
        assert_eq!(answer.status, 400, "{order}");
        assert!(answer.json()["error"].is_string());
    }
    let orders = server.send("GET", "/api/orders", &cookie, b"").json();
    assert_eq!(orders.as_array().unwrap().len(), 4, "nothing was placed");
}

#[test]
fn search_finds_by_name() {
    both(|server| {
        for (q, symbols) in
            [("north", &["NRTH"][..]), ("BANK", &["ALDR"]), ("mar", &["KEEL"]), ("zzz", &[])]
        {
            let found = server.get(&format!("/api/search?q={q}")).json();
            let found: Vec<_> = found
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["symbol"].as_str().unwrap())
                .collect();
            assert_eq!(found, symbols, "{q}");
        }
        assert_eq!(server.get("/api/search").json().as_array().unwrap().len(), 14);
        assert_eq!(server.get(&format!("/api/search?q={}", "x".repeat(2_001))).status, 400);
    });
}

#[test]
fn comments_appear_on_the_board() {
    both(|server| {
        let cookie = server.sign_in();
        let text = "Fjord opens higher & stays there";
        assert_eq!(server.post("/api/comments", &cookie, &json!({ "text": text })).status, 201);
        let form = "content-type: application/x-www-form-urlencoded\r\n";
        let answer = server.send("POST", "/api/comments", form, b"text=from+a+guest");
        assert_eq!((answer.status, answer.header("location")), (303, Some("/board")));
        let comments = server.get("/api/comments").json();
        assert_eq!(
            (&comments[0]["author"], &comments[0]["text"]),
            (&json!("guest"), &json!("from a guest"))
        );
        assert_eq!(
            (&comments[1]["author"], &comments[1]["text"]),
            (&json!("trader"), &json!(text))
        );
        assert!(server.get("/board").body.contains("from a guest"));
        for text in ["", "  ", &"x".repeat(2_001)] {
            assert_eq!(server.post("/api/comments", "", &json!({ "text": text })).status, 400);
        }
    });
}

#[test]
fn only_the_newest_comments_are_kept() {
    let server = Server::start(Holes::Closed);
    for number in 0..210 {
        let comment = json!({ "text": format!("number {number}") });
        assert_eq!(server.post("/api/comments", "", &comment).status, 201);
    }
    let comments = server.get("/api/comments").json();
    let comments = comments.as_array().unwrap();
    assert_eq!((comments.len(), &comments[0]["text"]), (200, &json!("number 209")));
}

#[test]
fn statements_are_downloaded() {
    both(|server| {
        let cookie = server.sign_in();
        let names = server.send("GET", "/api/statements", &cookie, b"").json();
        assert_eq!(names.as_array().unwrap().len(), 4);
        let answer = server.send("GET", "/api/statements?file=2026-09.csv", &cookie, b"");
        assert_eq!(
            (answer.status, answer.header("content-disposition")),
            (200, Some("attachment"))
        );
        assert!(answer.body.starts_with("date,symbol,side,quantity,price\n2026-09-03,NRTH,"));
    });
}

#[test]
fn uploads_are_taken_up_to_their_bound() {
    both(|server| {
        let send = |bytes: usize| {
            let mut body = b"--B\r\ncontent-disposition: form-data; name=\"file\"; \
                             filename=\"../../note.txt\"\r\n\r\n"
                .to_vec();
            body.extend(vec![b'x'; bytes]);
            body.extend(b"\r\n--B--\r\n");
            server.send(
                "POST",
                "/api/upload",
                "content-type: multipart/form-data; boundary=B\r\n",
                &body,
            )
        };
        let answer = send(1_000_000);
        assert_eq!((answer.status, &answer.json()["bytes"]), (201, &json!(1_000_000)));
        let form = "content-type: multipart/form-data; boundary=B\r\n";
        let field = b"--B\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nb\r\n--B--\r\n";
        for (headers, body) in [(form, &b""[..]), (form, b"--B"), (form, field), ("", b"x")] {
            assert_eq!(server.send("POST", "/api/upload", headers, body).status, 400);
        }
    });
}

#[test]
fn an_upload_past_its_bound_is_not_kept() {
    let server = Server::start(Holes::Closed);
    let mut stream = server.connect();
    let head = b"POST /api/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9000000\r\n\
                 content-type: multipart/form-data; boundary=B\r\n\r\n--B\r\n\
                 content-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    stream.write_all(head).unwrap();
    // The application may answer and close before all of it is sent.
    stream.write_all(&vec![b'x'; 9_000_000 - 200]).ok();
    let mut start = [0; 12];
    if stream.read_exact(&mut start).is_ok() {
        assert_eq!(&start, b"HTTP/1.1 400");
    }
    let kept = std::fs::read_dir(server.data.path().join("uploads")).unwrap().count();
    assert_eq!((kept, server.get("/api/health").status), (0, 200));
}

#[test]
fn feeds_are_looked_up() {
    both(|server| {
        let answer = server.get("/api/feeds/check?host=localhost").json();
        assert_eq!(
            (answer["found"].as_bool(), answer["host"].as_str()),
            (Some(true), Some("localhost"))
        );
        assert_eq!(server.get("/api/feeds/check").status, 400);
    });
}

#[test]
fn instruments_have_a_price_and_a_history() {
    let server = Server::start(Holes::Closed);
    let rows = server.get("/api/instruments").json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 14);
    for row in rows {
        assert!(
            row["price"].as_i64().unwrap() > 0 && row["history"].as_array().unwrap().len() == 60
        );
    }
}

#[test]
fn prices_tick_over_a_websocket() {
    let server = Server::start(Holes::Closed);
    let mut stream = server.connect();
    stream
        .write_all(
            b"GET /api/prices HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
              sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the key of RFC 6455, 1.3: {head}");
    let mut frame = || {
        let mut start = [0; 4];
        stream.read_exact(&mut start).unwrap();
        assert_eq!((start[0], start[1]), (0x81, 126), "a text of some length");
        let mut text = vec![0; usize::from(u16::from_be_bytes([start[2], start[3]]))];
        stream.read_exact(&mut text).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()
    };
    let (first, second) = (frame(), frame());
    assert_eq!(first["prices"].as_object().unwrap().len(), 14);
    assert_ne!(first, second, "prices move");
    assert_eq!(server.get("/api/prices").status, 400, "without an upgrade");
    drop(server);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&[0x88, 0]), "it is told that the application ends");
}

#[test]
fn bodies_are_bounded() {
    let server = Server::start(Holes::Closed);
    let long = json!({ "text": "x".repeat(100_000) });
    assert_eq!(server.post("/api/comments", "", &long).status, 413);
}
