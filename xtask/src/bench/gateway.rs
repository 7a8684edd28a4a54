//! `cargo xtask bench gateway`: one core each for Burgrave and nginx, the other for client and backend.

use crate::process::{self, Running};
use crate::setup;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const BACKEND: &str = "127.0.0.1:19080";
const NGINX: &str = "127.0.0.1:19081";
const BURGRAVE: &str = "127.0.0.1:19082";
const SECONDS: u32 = 3;
const ROUNDS: usize = 3;

/// Name and path of what is asked for.
const CASES: &[(&str, &str)] =
    &[("static 1 KB", "/1k.txt"), ("static 100 KB", "/100k.txt"), ("proxied 1 KB", "/api/1k.txt")];

/// What a server did under load.
pub(super) struct Measured {
    pub(super) per_second: f64,
    /// A request.
    pub(super) cpu_micros: f64,
}

/// Runs it.
pub(crate) fn run() -> Result<()> {
    setup::packages(setup::BENCH)?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let scratch = tempfile::tempdir()?;
    // nginx's worker runs as another user.
    open_for_all(scratch.path())?;
    files(&scratch.path().join("web"))?;
    let _backend = nginx(scratch.path(), "backend", BACKEND, 1)?;
    let rival = nginx(scratch.path(), "rival", NGINX, 0)?;
    let own = burgrave(scratch.path())?;
    for (name, path) in CASES {
        let (ours, theirs) = pair(&own, &rival, path)?;
        println!(
            "gateway {name}: burgrave {:.0}/s at {:.1} us of CPU, nginx {:.0}/s at {:.1} us: {:.2} x",
            ours.per_second,
            ours.cpu_micros,
            theirs.per_second,
            theirs.cpu_micros,
            ours.per_second / theirs.per_second
        );
    }
    Ok(())
}

pub(super) fn open_for_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

pub(super) fn files(web: &Path) -> Result<()> {
    std::fs::create_dir_all(web.join("api"))?;
    let text = "0123456789abcdef".repeat(64);
    std::fs::write(web.join("1k.txt"), &text)?;
    std::fs::write(web.join("api/1k.txt"), &text)?;
    std::fs::write(web.join("100k.txt"), text.repeat(100))?;
    Ok(())
}

/// The two in turn, so that a change of the machine's mood meets both; the best round of each counts.
fn pair(own: &Running, rival: &Running, path: &str) -> Result<(Measured, Measured)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(measure(own, BURGRAVE, path)?);
        theirs.push(measure(rival, NGINX, path)?);
    }
    Ok((best(ours)?, best(theirs)?))
}

/// The round with the most requests.
pub(super) fn best(all: Vec<Measured>) -> Result<Measured> {
    all.into_iter().max_by(|a, b| a.per_second.total_cmp(&b.per_second)).context("no round")
}

/// A load and what it cost the server.
pub(super) fn cpu_bound(
    server: &Running,
    load: impl FnOnce() -> Result<(f64, f64)>,
) -> Result<Measured> {
    let before = server.cpu_seconds();
    let (per_second, requests) = load()?;
    let used = server.cpu_seconds() - before;
    Ok(Measured { per_second, cpu_micros: used * 1e6 / requests.max(1.0) })
}

fn measure(server: &Running, address: &str, path: &str) -> Result<Measured> {
    let seconds = SECONDS.to_string();
    let target = format!("http://{address}{path}");
    cpu_bound(server, || {
        let arguments =
            ["-c", "1", "wrk", "-t1", "-c16", "-d", &seconds, "-H", "Host: localhost", &target];
        told(&process::output("taskset", &arguments)?)
    })
}

/// Requests a second, and requests in all, as wrk tells them.
pub(super) fn told(out: &str) -> Result<(f64, f64)> {
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let per_second = out.lines().find(|line| line.contains("Requests/sec")).and_then(number);
    let requests = out.lines().find(|line| line.contains("requests in")).and_then(number);
    anyhow::ensure!(!out.contains("Non-2xx"), "not every answer was 200:\n{out}");
    per_second.zip(requests).with_context(|| format!("wrk said:\n{out}"))
}

pub(super) fn nginx(scratch: &Path, name: &str, address: &str, core: u8) -> Result<Running> {
    let folder = scratch.join(name);
    std::fs::create_dir_all(&folder)?;
    let text = format!(
        "worker_processes 1;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log {folder}/access.log;\n  sendfile on;\n  keepalive_requests 10000000;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         upstream backend {{ server {BACKEND}; keepalive 32; keepalive_requests 10000000; }}\n  \
         server {{\n    listen {address};\n    root {scratch}/web;\n    \
         location /api/ {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}\n  }}\n}}\n",
        folder = folder.display(),
        scratch = scratch.display(),
    )
    // The backend serves what the others proxy.
    .replace("location /api/ { proxy_pass", if name == "backend" { "location /none/ { proxy_pass" } else { "location /api/ { proxy_pass" });
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "nginx", "-c"]).arg(&config).stdout(Stdio::null());
    Running::start_listening(&mut command, address, Duration::from_secs(20))
}

fn burgrave(scratch: &Path) -> Result<Running> {
    let config = scratch.join("burgrave.toml");
    let text = format!(
        "state = \"{scratch}/state\"\n[[listen]]\naddress = \"{BURGRAVE}\"\n[log]\naccess = \"{scratch}/access.ndjson\"\n\
         [[site]]\nhosts = [\"localhost\"]\nfiles = {{ root = \"{scratch}/web\" }}\n[[site.route]]\npath = \"/api/\"\nupstream = [\"http://{BACKEND}\"]\n",
        scratch = scratch.display()
    );
    started(&config, &text)
}

/// Burgrave with this configuration, on one core.
pub(super) fn started(config: &Path, text: &str) -> Result<Running> {
    std::fs::write(config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(process::root().join("target/release/burgrave"));
    command.args(["run", "--threads", "1", "--config"]).arg(config);
    Running::start(&mut command, "ready", Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says() {
        let said =
            "Running 3s test\n  61234 requests in 3.00s, 71 MB read\nRequests/sec: 20411.33\n";
        let (per_second, requests) = told(said).unwrap();
        assert!((per_second - 20_411.33).abs() < 1e-6 && (requests - 61_234.0).abs() < 1e-6);
        for wrong in [
            "",
            "Requests/sec: 5\n",
            "  10 requests in 3s\n",
            "10 requests in 3s\nNon-2xx or 3xx responses: 10\nRequests/sec: 5\n",
        ] {
            assert!(told(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_files_have_the_sizes_that_their_names_say() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path()).unwrap();
        for (path, bytes) in [("1k.txt", 1_024), ("api/1k.txt", 1_024), ("100k.txt", 102_400)] {
            assert_eq!(std::fs::read(folder.path().join(path)).unwrap().len(), bytes, "{path}");
        }
        for (_, path) in CASES {
            assert!(folder.path().join(path.trim_start_matches('/')).is_file(), "{path}");
        }
    }
}
