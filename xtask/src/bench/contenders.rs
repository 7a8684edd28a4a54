//! The servers of `cargo xtask bench gateway`, each on one core with the same certificate and content.
//! All listen on loopback only.

use super::gateway::{BACKEND, started};
use crate::process::{self, Running};
use anyhow::Result;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A server that is running.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) plain: &'static str,
    pub(super) secure: &'static str,
    pub(super) running: Running,
}

/// The name of the one that is no server: the system calls and the TLS that none can do without, and nothing around them.
pub(super) const FLOOR: &str = "the parts alone";

/// Ours first, and last [`FLOOR`]; a rival that is not installed is told.
pub(super) fn start(scratch: &Path) -> Result<Vec<Contender>> {
    let home = scratch.display();
    process::output(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            &format!("{home}/key.pem"),
            "-out",
            &format!("{home}/cert.pem"),
        ],
    )?;
    let mut all = vec![Contender {
        name: "burgrave",
        plain: "127.0.0.1:19082",
        secure: "127.0.0.1:19083",
        running: burgrave(scratch)?,
    }];
    if process::has("nginx") {
        let running = nginx(scratch)?;
        all.push(Contender {
            name: "nginx",
            plain: "127.0.0.1:19084",
            secure: "127.0.0.1:19085",
            running,
        });
    } else {
        println!("gateway: nginx is missing");
    }
    if process::has("caddy") {
        let running = caddy(scratch)?;
        all.push(Contender {
            name: "caddy",
            plain: "127.0.0.1:19086",
            secure: "127.0.0.1:19087",
            running,
        });
    } else {
        println!("gateway: caddy is missing");
    }
    all.push(Contender {
        name: FLOOR,
        plain: "127.0.0.1:19088",
        secure: "127.0.0.1:19089",
        running: floor(scratch)?,
    });
    Ok(all)
}

fn floor(scratch: &Path) -> Result<Running> {
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(process::root().join("target/release/examples/floor"));
    command.args(["19088", "19089"]).arg(scratch).arg("19080");
    Running::start(&mut command, "ready", Duration::from_secs(30))
}

fn burgrave(scratch: &Path) -> Result<Running> {
    let home = scratch.display();
    let site = |host: &str, tls: &str| {
        format!(
            "[[site]]\nhosts = [\"{host}\"]\n{tls}files = {{ root = \"{home}/web\" }}\n\
             [[site.route]]\npath = \"/api/\"\nupstream = [\"http://{BACKEND}\"]\n"
        )
    };
    let tls = format!("tls = {{ certificate = \"{home}/cert.pem\", key = \"{home}/key.pem\" }}\n");
    let text = format!(
        "state = \"{home}/state\"\n[[listen]]\naddress = \"127.0.0.1:19082\"\nredirect = false\n\
         [[listen]]\naddress = \"127.0.0.1:19083\"\ntls = true\n[log]\naccess = \"{home}/access.ndjson\"\n\
         [limits]\nconnections_per_client = 20000\nconnections_per_network = 20000\nconnections = 20000\n{}",
        site("*", &tls)
    );
    started(&scratch.join("burgrave.toml"), &text)
}

fn nginx(scratch: &Path) -> Result<Running> {
    let folder = scratch.join("rival");
    std::fs::create_dir_all(&folder)?;
    let (home, own) = (scratch.display(), folder.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {own}/{kind};\n"))
        .concat();
    let text = format!(
        "worker_processes 1;\ndaemon off;\nmaster_process off;\npid {own}/pid;\nerror_log {own}/error.log;\nworker_rlimit_nofile 20000;\n\
         events {{ worker_connections 16000; }}\nhttp {{\naccess_log {own}/access.log;\nsendfile on;\nkeepalive_requests 10000000;\n{temporary}\
         upstream backend {{ server {BACKEND}; keepalive 32; keepalive_requests 10000000; }}\n\
         server {{\nlisten 127.0.0.1:19084;\nlisten 127.0.0.1:19085 ssl http2;\nssl_certificate {home}/cert.pem;\nssl_certificate_key {home}/key.pem;\n\
         ssl_protocols TLSv1.2 TLSv1.3;\nroot {home}/web;\n\
         location /api/ {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}\n}}\n}}\n"
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0", "nginx", "-c"]).arg(&config).stdout(Stdio::null());
    Running::start_listening(&mut command, "127.0.0.1:19085", Duration::from_secs(20))
}

fn caddy(scratch: &Path) -> Result<Running> {
    let folder = scratch.join("caddy");
    std::fs::create_dir_all(&folder)?;
    let (home, own) = (scratch.display(), folder.display());
    let site = format!(
        "root * {home}/web\nlog {{\noutput file {own}/access.log\n}}\nhandle /api/* {{\nreverse_proxy {BACKEND}\n}}\nhandle {{\nfile_server\n}}\n"
    );
    let text = format!(
        "{{\nauto_https off\nadmin off\ndefault_sni localhost\n}}\nhttp://127.0.0.1:19086, http://localhost:19086 {{\nbind 127.0.0.1\n{site}}}\n\
         https://127.0.0.1:19087, https://localhost:19087 {{\nbind 127.0.0.1\ntls {home}/cert.pem {home}/key.pem\n{site}}}\n"
    );
    let config = folder.join("Caddyfile");
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command
        .args(["-c", "0", "caddy", "run", "--adapter", "caddyfile", "--config"])
        .arg(&config)
        .env("GOMAXPROCS", "1")
        .env("HOME", &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Running::start_listening(&mut command, "127.0.0.1:19087", Duration::from_secs(20))
}
