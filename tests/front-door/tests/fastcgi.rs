//! Scripts behind FastCGI: a server that the test plays, and php-fpm where it is installed.

use crate::support::{self, Bed, body, header, start_with, status};
use burgrave_config::{Authority, FastCgi, Host, Limits, Route, Upstream};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

type Params = HashMap<String, String>;

/// A record of the server's.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[1, kind, 0, 1, length[0], length[1], 3, 0][..], content, &[0; 3]].concat()
}

/// Reads a request: its parameters and its body.
fn request(stream: &mut TcpStream) -> Option<(Params, Vec<u8>)> {
    let (mut params, mut input) = (Vec::new(), Vec::new());
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content).ok()?;
        content.truncate(length);
        match head[1] {
            4 => params.extend(content),
            5 if content.is_empty() => break,
            5 => input.extend(content),
            _ => {}
        }
    }
    let mut all = Params::new();
    let mut rest = &params[..];
    while !rest.is_empty() {
        let mut length = || {
            let long = rest[0] & 0x80 != 0;
            let bytes = if long { rest[..4].to_vec() } else { vec![rest[0]] };
            rest = &rest[bytes.len()..];
            bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)) & 0x7fff_ffff
        };
        let (name, value) = (length(), length());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        all.insert(text(&rest[..name]), text(&rest[name..name + value]));
        rest = &rest[name + value..];
    }
    Some((all, input))
}

/// Answers by the script's name.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let Some((params, input)) = request(&mut stream) else { return };
                let mut all: Vec<_> =
                    params.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
                all.sort();
                let text = all.concat() + "body=" + &String::from_utf8(input).unwrap();
                let head = "Status: 201 Created\r\nContent-Type: text/plain\r\nX-Powered-By: PHP/8\r\n\r\n";
                let end = record(3, &[0; 8]);
                let out = match params["SCRIPT_NAME"].as_str() {
                    "/dies.php" => record(6, format!("{head}half").as_bytes()),
                    "/odd.php" => [record(6, b"nonsense\r\n\r\n"), end].concat(),
                    "/silent.php" => end,
                    "/stalls.php" => {
                        let out = record(6, format!("{head}half").as_bytes());
                        drop(stream.write_all(&out));
                        std::thread::sleep(support::PATIENCE);
                        return;
                    }
                    "/hangs.php" => {
                        std::thread::sleep(support::PATIENCE);
                        return;
                    }
                    "/busy.php" => record(3, &[0, 0, 0, 0, 2, 0, 0, 0]),
                    _ => {
                        let (one, two) = head.split_at(20);
                        [
                            record(7, b"PHP Warning: /srv/secret.php"),
                            record(6, one.as_bytes()),
                            record(6, two.as_bytes()),
                            record(6, text.as_bytes()),
                            record(6, b""),
                            end,
                        ]
                        .concat()
                    }
                };
                drop(stream.write_all(&out));
            });
        }
    });
    address
}

fn bed(upstream: Upstream, scripts: &[(&str, &str)]) -> Bed {
    let limits = Limits { upstream_time: support::PATIENCE, ..Limits::default() };
    start_with(&limits, |settings| {
        let root = settings.state.with_file_name("php");
        for (name, text) in scripts {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let fastcgi = Some(FastCgi::new(root));
        let route = Route::new("/app/", vec![upstream]);
        settings.sites[0].routes.push(Route { fastcgi, limits: limits.clone(), ..route });
    })
}

fn tcp(address: SocketAddr) -> Upstream {
    Upstream::FastCgi(Authority { host: Host::Address(address.ip()), port: address.port() })
}

const SCRIPTS: [(&str, &str); 7] = [
    ("stalls.php", ""),
    ("index.php", ""),
    ("dies.php", ""),
    ("odd.php", ""),
    ("silent.php", ""),
    ("hangs.php", ""),
    ("busy.php", ""),
];

#[test]
fn a_script_is_told_everything_and_its_answer_is_cleaned() {
    let bed = bed(tcp(server()), &[("index.php", ""), ("app/info.php", "")]);
    let answer = bed.ask(
        "POST /app/info.php/more%20path?a=b%26c HTTP/1.1\r\nContent-Length: 5\r\nContent-Type: text/x\r\n\
         Cookie: a=b\r\nProxy: evil\r\nX_Real_IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6",
    );
    assert_eq!(status(&answer), 408, "the body is missing");
    let request = "POST /app/info.php/more%20path?a=b%26c HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\
                   Content-Type: text/x\r\nCookie: a=b\r\nProxy: evil\r\nX_Real_IP: 6.6.6.6\r\nConnection: close\r\n\
                   X-Forwarded-For: 6.6.6.6\r\n\r\nhello";
    let answer = bed.send(request.as_bytes());
    assert_eq!(status(&answer), 201, "{answer}");
    assert_eq!(header(&answer, "x-powered-by"), None);
    assert!(!answer.contains("secret.php"), "what a script complains of stays inside");
    for line in [
        "body=hello",
        "CONTENT_LENGTH=5",
        "CONTENT_TYPE=text/x",
        "HTTP_COOKIE=a=b",
        "HTTP_X_FORWARDED_FOR=127.0.0.1",
        "PATH_INFO=/more path",
        "QUERY_STRING=a=b%26c",
        "REMOTE_ADDR=127.0.0.1",
        "REQUEST_METHOD=POST",
        "REQUEST_URI=/app/info.php/more%20path?a=b%26c",
        "SCRIPT_NAME=/app/info.php",
        "SERVER_NAME=site.test",
    ] {
        assert!(
            body(&answer).contains(&format!("{line}\n")) || body(&answer).contains(line),
            "{line}\n{answer}"
        );
    }
    for absent in ["HTTP_PROXY", "evil", "6.6.6.6"] {
        assert!(!body(&answer).contains(absent), "{absent}\n{answer}");
    }
    let pretty = bed.ask("GET /app/pretty/path HTTP/1.1");
    assert!(body(&pretty).contains("SCRIPT_NAME=/index.php\n"), "{pretty}");
}

#[test]
fn scripts_that_fail_are_gateway_errors() {
    let scripts = SCRIPTS.map(|(name, text)| (format!("app/{name}"), text));
    let scripts: Vec<_> = scripts.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let bed = bed(tcp(server()), &scripts);
    for (target, wanted) in
        [("/app/odd.php", 201), ("/app/none.php", 404), ("/app/..%2fsecret.php", 404)]
    {
        let answer = bed.ask(&format!("GET {target} HTTP/1.1"));
        assert_eq!(status(&answer), wanted, "{target}: {answer}");
    }
    let chunked = "POST /app/index.php HTTP/1.1\r\nHost: site.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    assert_eq!(status(&bed.send(chunked.as_bytes())), 411);
}

#[test]
fn what_a_server_does_wrong_is_not_made_to_look_right() {
    let limits = Limits { upstream_time: Duration::from_secs(2), ..Limits::default() };
    let bed = start_with(&limits, |settings| {
        let root = settings.state.with_file_name("php");
        std::fs::create_dir_all(&root).unwrap();
        for (name, text) in SCRIPTS {
            std::fs::write(root.join(name), text).unwrap();
        }
        let fastcgi = Some(FastCgi::new(root));
        let route = Route::new("/", vec![tcp(server())]);
        settings.sites[0].routes = vec![Route { fastcgi, limits: limits.clone(), ..route }];
    });
    for (name, wanted) in [("odd", 502), ("silent", 502), ("hangs", 504), ("busy", 502)] {
        let answer = bed.ask(&format!("GET /{name}.php HTTP/1.1"));
        assert_eq!(status(&answer), wanted, "{name}: {answer}");
    }
    let torn = bed.ask("GET /dies.php HTTP/1.1");
    assert!(!torn.ends_with("0\r\n\r\n"), "an unclean end: {torn}");
    let start = std::time::Instant::now();
    let stalled = bed.ask("GET /stalls.php HTTP/1.1");
    assert!(!stalled.ends_with("0\r\n\r\n") && start.elapsed() < support::PATIENCE / 2);
    assert_eq!(bed.logged("upstream took too long")["http.status"], 504, "that of `hangs.php`");
    let lines = bed.log(6);
    let line = lines.iter().find(|line| line["http.target"] == "/stalls.php").unwrap();
    assert_eq!(line["reason"], "upstream took too long");
    let line = lines.iter().find(|line| line["http.target"] == "/dies.php").unwrap();
    assert_eq!(line["reason"], "upstream ended before its answer");
}

#[test]
fn files_beside_the_scripts_are_handed_out_by_the_gateway_itself() {
    let bed = start_with(&Limits::default(), |settings| {
        let root = settings.sites[0].files.as_ref().unwrap().root.clone();
        for name in ["a.php", "blog/index.php", "uploads/evil.php", "conf.inc", "uploads/photo.jpg"]
        {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "<?php secret").unwrap();
        }
        let fastcgi = FastCgi {
            files: true,
            front_controller: false,
            no_scripts: vec!["/uploads".to_owned()],
            ..FastCgi::new(root)
        };
        let route = Route::new("/", vec![tcp(server())]);
        settings.sites[0].routes = vec![Route { fastcgi: Some(fastcgi), ..route }];
    });
    for (request, wanted, words) in [
        ("GET /a.php?x=1 HTTP/1.1", 201, "SCRIPT_NAME=/a.php"),
        ("POST /a.php HTTP/1.1", 201, "REQUEST_METHOD=POST"),
        ("GET /blog/ HTTP/1.1", 201, "SCRIPT_NAME=/blog/index.php"),
        ("GET /blog?x=1 HTTP/1.1", 301, ""),
        ("GET / HTTP/1.1", 200, "<p>front</p>"),
        ("GET /1k.txt HTTP/1.1", 200, "aaaa"),
        ("GET /uploads/photo.jpg HTTP/1.1", 200, "<?php"),
        ("POST /uploads/photo.jpg HTTP/1.1", 405, ""),
        ("GET /uploads/photo.jpg/x.php HTTP/1.1", 404, ""),
        ("GET /uploads/evil.php HTTP/1.1", 404, ""),
        ("GET /none HTTP/1.1", 404, ""),
        ("GET /none.php HTTP/1.1", 404, ""),
    ] {
        let answer = bed.ask(request);
        assert_eq!(status(&answer), wanted, "{request}: {answer}");
        assert!(body(&answer).contains(words), "{request}: {answer}");
        assert!(words == "<?php" || !answer.contains("secret"), "{request}: {answer}");
        if wanted == 301 {
            assert_eq!(header(&answer, "location"), Some("/blog/?x=1"), "{answer}");
        }
    }
    let source = bed.ask("GET /conf.inc HTTP/1.1");
    assert!(status(&source) >= 400 && !source.contains("secret"), "{source}");
    let line = bed.logged("source of a program");
    assert_eq!(line["http.target"], "/conf.inc");
}

/// php-fpm as Debian has it, if it is there.
fn php() -> Option<std::path::PathBuf> {
    let names = std::fs::read_dir("/usr/sbin").ok()?;
    names.flatten().map(|entry| entry.path()).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("php-fpm"))
    })
}

#[test]
fn php_serves_a_page() {
    let Some(program) = php() else {
        println!("php-fpm is not installed: not tried");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("php.sock");
    let text = format!(
        "[global]\nerror_log = {0}/log\ndaemonize = no\n[www]\nlisten = {0}/php.sock\npm = static\npm.max_children = 2\nuser = root\ngroup = root\n",
        folder.path().display()
    );
    let config = folder.path().join("fpm.conf");
    std::fs::write(&config, text).unwrap();
    let mut child = std::process::Command::new(program)
        .args(["-F", "-R", "-n", "-y"])
        .arg(&config)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    support::until("it listens", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
    let page = "<?php header('X-A: 1'); echo 'sum ', 20 + 22, ' ', $_GET['a'], ' ', strlen(file_get_contents('php://input'));";
    let bed = bed(
        Upstream::FastCgiUnix(socket),
        &[("app/page.php", page), ("index.php", "<?php echo 'front ', $_SERVER['PATH_INFO'];")],
    );
    let answer = bed.ask("GET /app/page.php?a=b HTTP/1.1");
    let large = vec![b'x'; 300_000];
    let head = format!(
        "POST /app/page.php?a=c HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        large.len()
    );
    let posted = bed.send(&[head.as_bytes(), &large].concat());
    let front = bed.ask("GET /app/some/where HTTP/1.1");
    // An end in order ends its workers too.
    drop(std::process::Command::new("kill").arg(child.id().to_string()).status());
    drop(child.wait());
    assert!(status(&answer) == 200 && body(&answer).contains("sum 42 b 0"), "{answer}");
    assert_eq!(header(&answer, "x-powered-by"), None);
    assert!(body(&posted).contains("sum 42 c 300000"), "{posted}");
    assert!(body(&front).contains("front /app/some/where"), "{front}");
}
