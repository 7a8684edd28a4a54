//! The main job: the same attacks on the bare application and through Burgrave.

use crate::support::{self, Burgrave, application, ask, crs, debian_crs, site};

/// Raw request head and body, and the loot that shows that the attack went through.
fn attacks() -> Vec<(&'static str, String, &'static str)> {
    let get = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        )
    };
    vec![
        (
            "sql injection",
            get("/api/search?q=%27%20UNION%20SELECT%20name,password,email%20FROM%20users%20--%20"),
            "$argon2id$",
        ),
        ("traversal", get("/api/statements?file=../../../../etc/passwd"), "root:x:0:0"),
        ("command", get("/api/feeds/check?host=localhost;cat%20/etc/passwd"), "root:x:0:0"),
    ]
}

fn shown_on_both_sides(rules: &str) {
    let application = application(true);
    let burgrave = Burgrave::start(&format!("{rules}{}", site(application)));
    for (name, raw, loot) in attacks() {
        let (status, text) = ask(application, &raw);
        assert!(
            status == 200 && text.contains(loot),
            "{name} fails on the bare application: {text}"
        );
        let (status, text) = ask(burgrave.address, &raw);
        assert_eq!(status, 403, "{name} through burgrave: {text}");
        assert!(!text.contains(loot));
        assert!(!text.to_lowercase().contains("burgrave"), "the page names no product");
    }
    let script = "{\"text\":\"<script>alert(1)</script>\"}";
    let post = format!(
        "POST /api/comments HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{script}",
        script.len()
    );
    assert_eq!(ask(burgrave.address, &post).0, 403, "stored xss through burgrave");
    assert!(!burgrave.get("/board").1.contains("<script>alert"));
    assert!(ask(application, &post).0 < 300, "stored xss on the bare application");
    let (status, _) = burgrave.get("/api/search?q=gold");
    assert_eq!(status, 200, "an honest request passes");
    let records = burgrave.records(6);
    let blocked: Vec<_> = records.iter().filter(|record| record["decision"] == "block").collect();
    assert_eq!(blocked.len(), 4);
    for record in blocked {
        assert!(!record["rules"].as_array().unwrap().is_empty(), "{record}");
        assert!(record["score.in"].as_i64().unwrap() >= 5, "{record}");
        assert!(record["reason"].is_string());
    }
}

#[test]
fn attacks_succeed_bare_and_fail_through_burgrave() {
    match crs() {
        Some(rules) => shown_on_both_sides(&rules),
        None => println!("no core rule set is here; nothing ran"),
    }
}

#[test]
fn debians_rule_set_loads_and_blocks_as_well() {
    match debian_crs() {
        Some(rules) => shown_on_both_sides(&rules),
        None => println!("modsecurity-crs is not installed; nothing ran"),
    }
}

#[test]
fn detection_records_and_lets_through() {
    let Some(rules) = crs() else { return println!("no core rule set is here; nothing ran") };
    let burgrave =
        Burgrave::start(&format!("{rules}mode = \"detect\"\n{}", site(application(true))));
    let (_, raw, loot) = attacks().remove(0);
    let (status, text) = ask(burgrave.address, &raw);
    assert!(status == 200 && text.contains(loot));
    let record = &burgrave.records(1)[0];
    assert_eq!(record["decision"], "forward");
    assert!(
        record["reason"].as_str().unwrap().contains("Score"),
        "it says what would have ended it"
    );
    assert!(record["rules"].as_array().unwrap().iter().any(|rule| rule["id"] == 942_100));
}

#[test]
fn websocket_prices_come_through() {
    let Some(rules) = crs() else { return println!("no core rule set is here; nothing ran") };
    let burgrave = Burgrave::start(&format!("{rules}{}", site(application(false))));
    let mut stream = std::net::TcpStream::connect(burgrave.address).unwrap();
    stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let head = "GET /api/prices HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(6).any(|part| part == b"\"price") {
        let read = std::io::Read::read(&mut stream, &mut buffer).unwrap();
        assert!(read > 0, "closed after {:?}", seen.escape_ascii().to_string());
        seen.extend_from_slice(&buffer[..read]);
    }
    assert!(seen.starts_with(b"HTTP/1.1 101"));
}

#[test]
fn answers_are_asked_for_plain_where_they_are_inspected() {
    let (seen, upstream) = support::recording_upstream();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.conf");
    std::fs::write(
        &file,
        "SecRule RESPONSE_BODY \"@contains secret\" \"id:1,phase:4,deny,status:500\"",
    )
    .unwrap();
    let rules = format!("[rules]\ninclude = [{file:?}]\nresponse_body = true\n");
    let burgrave = Burgrave::start(&format!("{rules}{}", site(upstream)));
    let raw =
        "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(burgrave.address, raw).0, 500, "the body is inspected");
    let head = seen.recv_timeout(support::PATIENCE).unwrap().to_lowercase();
    assert!(!head.contains("accept-encoding"), "{head}");
}

#[test]
fn proofs_hold_with_the_rules_and_fall_without() {
    let Some(rules) = crs() else { return println!("no core rule set is here; nothing ran") };
    let limits = "[limits]\nheader_time = \"1s\"\nbody_time = \"1s\"\n";
    let application = application(true);
    for (rules, code, word) in [(rules.as_str(), 0, "held"), ("", 1, "fell")] {
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], support::free_port()));
        let burgrave = Burgrave::start_on(
            &listen.to_string(),
            &format!("{limits}{rules}{}", site(application)),
        );
        let config = burgrave.config();
        let output = support::run(&[
            "prove",
            "injection",
            "--config",
            config.to_str().unwrap(),
            "--format",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(code), "{}", support::stderr(&output));
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let outcome = |id: &str| {
            let proofs = shown["proofs"].as_array().unwrap();
            proofs.iter().find(|proof| proof["id"] == id).unwrap()["outcome"].clone()
        };
        for id in ["sql-injection", "cross-site-scripting", "command-injection"] {
            assert_eq!(outcome(id), word, "{id}: {shown:#}");
        }
        assert_eq!(outcome("request-smuggling"), "held", "the parser needs no rules");
    }
}

#[test]
fn what_stands_behind_the_gateway_is_proven_without_being_asked() {
    let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    own.set_nonblocking(true).unwrap();
    let address = own.local_addr().unwrap();
    let (listen, fix) = (support::free_port(), support::free_port());
    let services = format!(
        "[limits]\nheader_time = \"1s\"\nupstream_time = \"1s\"\n{}[[stream]]\nname = \"fix\"\naddress = \
         \"127.0.0.1:{fix}\"\nhosts = [\"fix.test\"]\ntls = \"self-signed\"\nupstream = [\"tcp://{address}\"]\n\
         [[stream.fix]]\nsender = \"CLIENT1\"\ntarget = \"BROKER\"\n",
        site(address)
    );
    let burgrave = Burgrave::start_on(&format!("127.0.0.1:{listen}"), &services);
    let config = burgrave.config();
    let config = config.to_str().unwrap();
    let arguments = ["prove", "app-server", "--config", config, "--format", "json"];
    let output = support::run(&arguments);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{shown:#}");
    let proofs = shown["proofs"].as_array().unwrap();
    let ids: Vec<_> = proofs.iter().map(|proof| proof["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["streams", "upstreams"]);
    for proof in proofs {
        assert!(proof["evidence"].to_string().contains("as it is played"), "{proof:#}");
    }
    assert!(own.accept().is_err(), "somebody came to the application server itself");
}

#[test]
fn quic_ids_work_and_places_are_proven() {
    let web = tempfile::tempdir().unwrap();
    std::fs::write(web.path().join("index.html"), "front").unwrap();
    let site = |host: &str, more: &str| {
        let root = web.path().display();
        format!(
            "[[site]]\nhosts = [\"{host}\"]\ntls = \"self-signed\"\n{more}files = {{ root = \"{root}\" }}\n"
        )
    };
    let burgrave = Burgrave::start_on(
        &format!("127.0.0.1:{}", support::free_port()),
        &format!(
            "tls = true\n[limits]\nheader_time = \"2s\"\nbody_time = \"2s\"\n{}{}",
            site("shop.test", ""),
            site("desk.test", "challenge = \"on\"\n")
        ),
    );
    let config = burgrave.config();
    let wanted = ["prove", "web-server", "logs", "denial-of-service", "--format", "json"];
    let output = support::run(&[&wanted[..], &["--config", config.to_str().unwrap()]].concat());
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let proofs = shown["proofs"].as_array().unwrap();
    for id in ["http3", "request-ids", "challenge", "connection-limits"] {
        let proof = proofs.iter().find(|proof| proof["id"] == id).unwrap();
        assert_eq!(proof["outcome"], "held", "{proof:#}");
    }
}

#[test]
fn nothing_is_proven_when_nobody_answers() {
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], support::free_port()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("burgrave.toml");
    let text = support::configuration(folder.path(), &listen.to_string(), &site(listen));
    std::fs::write(&file, text).unwrap();
    let output = support::run(&["prove", "injection", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", support::stderr(&output));
}
