//! `cargo xtask bench gateway`: one core each for Burgrave and nginx, the other for client and backend.

use crate::crs;
use crate::process::{self, Running};
use crate::setup;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const BACKEND: &str = "127.0.0.1:19080";
const NGINX: &str = "127.0.0.1:19081";
const BURGRAVE: &str = "127.0.0.1:19082";
const SECONDS: u32 = 3;
const ROUNDS: usize = 3;

/// Name and path of what is asked for.
const CASES: &[(&str, &str)] =
    &[("static 1 KB", "/1k.txt"), ("static 100 KB", "/100k.txt"), ("proxied 1 KB", "/api/1k.txt")];

struct Measured {
    per_second: f64,
    cpu_micros: f64,
}

/// Runs it; with `rules` both inspect with the same rule set.
pub(crate) fn run(rules: bool) -> Result<()> {
    setup::packages(setup::BENCH)?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let scratch = tempfile::tempdir()?;
    // nginx's worker runs as another user.
    open_for_all(scratch.path())?;
    files(&scratch.path().join("web"))?;
    let _backend = nginx(scratch.path(), "backend", BACKEND, 1, false)?;
    let rival = nginx(scratch.path(), "rival", NGINX, 0, rules)?;
    let own = burgrave(scratch.path(), rules)?;
    let cases = if rules { CASES.get(2..).unwrap_or_default() } else { CASES };
    for (name, path) in cases {
        let (ours, theirs) = pair(&own, &rival, path)?;
        println!(
            "gateway {name}{}: burgrave {:.0}/s at {:.1} us of CPU, nginx {:.0}/s at {:.1} us: {:.2} x",
            if rules { " with rules" } else { "" },
            ours.per_second,
            ours.cpu_micros,
            theirs.per_second,
            theirs.cpu_micros,
            ours.per_second / theirs.per_second
        );
    }
    Ok(())
}

fn open_for_all(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn files(web: &Path) -> Result<()> {
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
    let best = |all: Vec<Measured>| {
        all.into_iter().max_by(|a, b| a.per_second.total_cmp(&b.per_second)).context("no round")
    };
    Ok((best(ours)?, best(theirs)?))
}

fn measure(server: &Running, address: &str, path: &str) -> Result<Measured> {
    let before = server.cpu_seconds();
    let seconds = SECONDS.to_string();
    let target = format!("http://{address}{path}");
    let out = process::output(
        "taskset",
        &["-c", "1", "wrk", "-t1", "-c16", "-d", &seconds, "-H", "Host: localhost", &target],
    )?;
    let used = server.cpu_seconds() - before;
    let (per_second, requests) = told(&out)?;
    Ok(Measured { per_second, cpu_micros: used * 1e6 / requests.max(1.0) })
}

/// Requests a second, and requests in all, as wrk tells them.
fn told(out: &str) -> Result<(f64, f64)> {
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let per_second = out.lines().find(|line| line.contains("Requests/sec")).and_then(number);
    let requests = out.lines().find(|line| line.contains("requests in")).and_then(number);
    anyhow::ensure!(!out.contains("Non-2xx"), "not every answer was 200:\n{out}");
    per_second.zip(requests).with_context(|| format!("wrk said:\n{out}"))
}

fn nginx(scratch: &Path, name: &str, address: &str, core: u8, rules: bool) -> Result<Running> {
    let folder = scratch.join(name);
    std::fs::create_dir_all(&folder)?;
    let inspect = if rules { modsecurity(&folder)? } else { String::new() };
    let module = if rules { "load_module modules/ngx_http_modsecurity_module.so;\n" } else { "" };
    let text = format!(
        "{module}worker_processes 1;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log {folder}/access.log;\n  sendfile on;\n  keepalive_requests 10000000;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         upstream backend {{ server {BACKEND}; keepalive 32; keepalive_requests 10000000; }}\n  \
         server {{\n    listen {address};\n    root {scratch}/web;\n    {inspect}\n    \
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

fn modsecurity(folder: &Path) -> Result<String> {
    let crs = crs::find()?;
    let [setup, rules] = &crs.include;
    let text = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 13107200\nInclude {}\nInclude {}\n",
        setup.display(),
        rules.display()
    );
    let file = folder.join("modsecurity.conf");
    std::fs::write(&file, text)?;
    Ok(format!("modsecurity on; modsecurity_rules_file {};", file.display()))
}

fn burgrave(scratch: &Path, rules: bool) -> Result<Running> {
    let rules =
        if rules { format!("[rules]\ninclude = {}\n", crs::find()?.toml()) } else { String::new() };
    let config = scratch.join("burgrave.toml");
    let text = format!(
        "state = \"{scratch}/state\"\n[[listen]]\naddress = \"{BURGRAVE}\"\n{rules}[log]\naccess = \"{scratch}/access.ndjson\"\n\
         [[site]]\nhosts = [\"localhost\"]\nfiles = {{ root = \"{scratch}/web\" }}\n[[site.route]]\npath = \"/api/\"\nupstream = [\"http://{BACKEND}\"]\n",
        scratch = scratch.display()
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(process::root().join("target/release/burgrave"));
    command.args(["run", "--threads", "1", "--config"]).arg(&config);
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
