//! `cargo xtask bench gateway`: one core each for Burgrave, nginx and caddy, the other for client and
//! backend. Requests over HTTP/1.1 and HTTP/2, TLS handshakes, and what an idle connection holds.
//! Not HTTP/3: neither rival speaks it in this version, and no client for it is packaged.

use super::contenders::{self, Contender, FLOOR};
use crate::process::{self, Running};
use crate::setup;
use anyhow::{Context as _, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const BACKEND: &str = "127.0.0.1:19080";
const SECONDS: u32 = 3;
const ROUNDS: usize = 4;
/// Connections that are held open, and for how long.
const IDLE: u32 = 5_000;
const IDLE_SECONDS: u32 = 20;

/// How requests are made.
#[derive(Clone, Copy)]
enum Load {
    /// HTTP/1.1 in the clear, on kept connections.
    Http1,
    /// HTTP/2 over TLS, ten at once on each connection.
    Http2,
    /// HTTP/1.1 over TLS 1.3, a connection each, none of which resumes a session.
    New,
    /// The same, and all but the first resume a session.
    Resumed,
}

/// Name, path and load of what is asked for.
const CASES: &[(&str, &str, Load)] = &[
    ("static 1 KB, h1", "/1k.txt", Load::Http1),
    ("static 100 KB, h1", "/100k.txt", Load::Http1),
    ("proxied 1 KB, h1", "/api/1k.txt", Load::Http1),
    ("static 1 KB, h2", "/1k.txt", Load::Http2),
    ("static 100 KB, h2", "/100k.txt", Load::Http2),
    ("proxied 1 KB, h2", "/api/1k.txt", Load::Http2),
    ("new TLS handshakes", "/1k.txt", Load::New),
    ("resumed TLS handshakes", "/1k.txt", Load::Resumed),
];

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
    let floor = ["build", "--release", "--package", "burgrave-gateway", "--example", "floor"];
    process::show("cargo", &floor)?;
    let scratch = tempfile::tempdir()?;
    // nginx's worker runs as another user.
    open_for_all(scratch.path())?;
    files(&scratch.path().join("web"))?;
    let _backend = backend(scratch.path())?;
    let all = contenders::start(scratch.path())?;
    for case in CASES {
        compare(&all, case)?;
    }
    for tls in [false, true] {
        idle(&all, tls)?;
    }
    Ok(())
}

/// All in turn, forwards and backwards, so that a change of the machine's mood meets each and none always comes behind
/// the same; the best round of each counts.
fn compare(all: &[Contender], (name, path, load): &(&str, &str, Load)) -> Result<()> {
    let all: Vec<_> =
        all.iter().filter(|one| one.name != FLOOR || has_floor(path, *load)).collect();
    let mut rounds: Vec<Vec<Measured>> = all.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        let mut turn: Vec<_> = all.iter().zip(&mut rounds).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for (one, found) in turn {
            found.push(measure(one, path, *load)?);
        }
    }
    let names = all.iter().map(|one| one.name);
    let best: Vec<_> = rounds.into_iter().map(best).collect::<Result<_>>()?;
    println!("gateway {name}: {}", told_of(&names.zip(best).collect::<Vec<_>>(), *load));
    Ok(())
}

/// Whether the parts alone do what is asked for.
fn has_floor(path: &str, load: Load) -> bool {
    match load {
        Load::Http1 => path != "/1k.txt",
        Load::New | Load::Resumed => true,
        Load::Http2 => path == "/100k.txt",
    }
}

/// What each did, how many times as good the first was, and the parts alone, where they were tried.
fn told_of(best: &[(&str, Measured)], load: Load) -> String {
    // A client's half of a handshake costs more than a server's: the rate is the client's, so the cost is compared.
    let times = |own: &Measured, other: &Measured| match load {
        Load::New | Load::Resumed => other.cpu_micros / own.cpu_micros,
        Load::Http1 | Load::Http2 => own.per_second / other.per_second,
    };
    let by = if matches!(load, Load::New | Load::Resumed) { " by CPU" } else { "" };
    let Some(((name, own), others)) = best.split_first() else { return String::new() };
    let mut line = format!("{name} {:.0}/s at {:.1} us of CPU", own.per_second, own.cpu_micros);
    for (name, other) in others {
        let (rate, cost, times) = (other.per_second, other.cpu_micros, times(own, other));
        line.push_str(&format!("; {name} {rate:.0}/s at {cost:.1} us: {times:.2} x{by}"));
    }
    if let Some(((FLOOR, floor), rivals)) = others.split_last() {
        // A rate may be the client's, or the backend's: what the parts cost is theirs.
        for (name, rival) in rivals {
            let times = rival.cpu_micros / floor.cpu_micros;
            line.push_str(&format!("; the parts alone are {times:.2} x {name} by CPU"));
        }
    }
    line
}

fn measure(one: &Contender, path: &str, load: Load) -> Result<Measured> {
    let seconds = SECONDS.to_string();
    let plain = format!("http://{}{path}", one.plain);
    let secure = format!("https://{}{path}", one.secure);
    let wrk = ["-c", "1", "wrk", "-t1", "-c16", "-d", &seconds, "-H", "Host: localhost"];
    cpu_bound(&one.running, || match load {
        Load::Http1 => told(&process::output("taskset", &[&wrk[..], &[&plain]].concat())?),
        Load::Resumed => {
            let close = ["-H", "Connection: close", &secure];
            told(&process::output("taskset", &[&wrk[..], &close].concat())?)
        }
        Load::New => {
            let many = ["-c", "1", "ab", "-q", "-c16", "-t", &seconds, "-n", "10000000"];
            let host = ["-f", "TLS1.3", "-H", "Host: localhost", &secure];
            told_ab(&process::output("taskset", &[&many[..], &host].concat())?)
        }
        Load::Http2 => {
            let host = ["--header", ":authority: localhost"];
            let load = ["-c", "1", "h2load", "-t1", "-c16", "-m10", "-D", &seconds];
            told_h2(&process::output("taskset", &[&load[..], &host, &[&secure]].concat())?)
        }
    })
}

/// Requests a second, and requests in all, as h2load tells them.
fn told_h2(out: &str) -> Result<(f64, f64)> {
    let numbers = |line: &str| -> Vec<f64> {
        line.split([' ', ',']).filter_map(|word| word.trim_end_matches('%').parse().ok()).collect()
    };
    let line = |start: &str| out.lines().find(|line| line.starts_with(start));
    let finished = line("finished in").map(numbers).unwrap_or_default();
    let per_second = finished.first().copied();
    let done = line("status codes:").map(numbers).unwrap_or_default();
    let (good, bad) = (done.first().copied(), done.iter().skip(1).sum::<f64>());
    anyhow::ensure!(bad.abs() < f64::EPSILON, "not every answer was 200:\n{out}");
    per_second.zip(good).with_context(|| format!("h2load said:\n{out}"))
}

/// Requests a second, and requests in all, as ab tells them.
fn told_ab(out: &str) -> Result<(f64, f64)> {
    let number = |start: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(start))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let all_good = number("Failed requests:") == Some(0.0) && !out.contains("Non-2xx");
    anyhow::ensure!(all_good, "not every answer was 200:\n{out}");
    let rate = number("Requests per second:").zip(number("Complete requests:"));
    rate.with_context(|| format!("ab said:\n{out}"))
}

/// What a connection that does nothing holds of a server's memory.
fn idle(all: &[Contender], tls: bool) -> Result<()> {
    let kind = if tls { "TLS" } else { "plain" };
    let mut found = Vec::new();
    for one in all.iter().filter(|one| one.name != FLOOR) {
        let (before, _) = one.running.footprint();
        let target = if tls {
            format!("https://{}/1k.txt", one.secure)
        } else {
            format!("http://{}/1k.txt", one.plain)
        };
        // A request each at the beginning, and none for longer than it runs.
        let (clients, time) = (IDLE.to_string(), IDLE_SECONDS.to_string());
        let mut load = Command::new("taskset")
            .args(["-c", "1", "h2load", "--h1", "-t1", "-c", &clients, "-D", &time])
            .args(["--rps", "0.02", &target])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting h2load")?;
        std::thread::sleep(Duration::from_secs(u64::from(IDLE_SECONDS) * 3 / 4));
        let (during, open) = one.running.footprint();
        load.wait()?;
        anyhow::ensure!(
            open >= usize::try_from(IDLE)?,
            "{}: {open} descriptors for {IDLE} connections",
            one.name
        );
        let bytes = during.saturating_sub(before) * 1024 / u64::from(IDLE);
        found.push((one.name, bytes));
    }
    let words: Vec<String> = found.iter().map(|(name, bytes)| format!("{name} {bytes}")).collect();
    println!("gateway {IDLE} idle {kind} connections, bytes each: {}", words.join("; "));
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

/// Requests a second, and requests in all, as wrk tells them.
pub(super) fn told(out: &str) -> Result<(f64, f64)> {
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    let per_second = out.lines().find(|line| line.contains("Requests/sec")).and_then(number);
    let requests = out.lines().find(|line| line.contains("requests in")).and_then(number);
    anyhow::ensure!(!out.contains("Non-2xx"), "not every answer was 200:\n{out}");
    per_second.zip(requests).with_context(|| format!("wrk said:\n{out}"))
}

/// What the others proxy, on the second core.
pub(super) fn backend(scratch: &Path) -> Result<Running> {
    let folder = scratch.join("backend");
    std::fs::create_dir_all(&folder)?;
    let text = format!(
        "worker_processes 1;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log {folder}/access.log;\n  sendfile on;\n  keepalive_requests 10000000;\n  \
         client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n  uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n  \
         server {{\n    listen {BACKEND};\n    root {scratch}/web;\n  }}\n}}\n",
        folder = folder.display(),
        scratch = scratch.display(),
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", "1", "nginx", "-c"]).arg(&config).stdout(Stdio::null());
    Running::start_listening(&mut command, BACKEND, Duration::from_secs(20))
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
    fn what_h2load_says() {
        let said = "finished in 3.00s, 13456.67 req/s, 14.40MB/s\nrequests: 40370 total, 40530 started, 40370 done\nstatus codes: 40370 2xx, 0 3xx, 0 4xx, 0 5xx\n";
        let (per_second, requests) = told_h2(said).unwrap();
        assert!((per_second - 13_456.67).abs() < 1e-6 && (requests - 40_370.0).abs() < 1e-6);
        for wrong in ["", "finished in 3.00s, 1 req/s\n", &said.replace("0 4xx", "7 4xx")] {
            assert!(told_h2(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_ab_says() {
        let said = "Complete requests:      5766\nFailed requests:        0\nRequests per second:    1441.40 [#/sec] (mean)\n";
        let (per_second, requests) = told_ab(said).unwrap();
        assert!((per_second - 1_441.4).abs() < 1e-6 && (requests - 5_766.0).abs() < 1e-6);
        for wrong in ["", &said.replace(" 0\n", " 3\n"), &format!("{said}Non-2xx responses: 9\n")] {
            assert!(told_ab(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_first_is_held_against_each_and_each_against_the_parts_alone() {
        let measured = |per_second, cpu_micros| Measured { per_second, cpu_micros };
        let best = [
            ("burgrave", measured(300.0, 30.0)),
            ("caddy", measured(100.0, 90.0)),
            (FLOOR, measured(350.0, 20.0)),
        ];
        assert_eq!(
            told_of(&best, Load::Http1),
            "burgrave 300/s at 30.0 us of CPU; caddy 100/s at 90.0 us: 3.00 x; the parts alone 350/s at 20.0 us: 0.86 x; \
             the parts alone are 4.50 x caddy by CPU"
        );
        assert_eq!(
            told_of(&best[..2], Load::New),
            "burgrave 300/s at 30.0 us of CPU; caddy 100/s at 90.0 us: 3.00 x by CPU"
        );
        assert!(
            told_of(&best, Load::New)
                .ends_with("0.67 x by CPU; the parts alone are 4.50 x caddy by CPU")
        );
        assert!(CASES.iter().any(|(_, path, load)| has_floor(path, *load)));
        assert!(!has_floor("/1k.txt", Load::Http2) && !has_floor("/1k.txt", Load::Http1));
    }

    #[test]
    fn the_files_have_the_sizes_that_their_names_say() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path()).unwrap();
        for (path, bytes) in [("1k.txt", 1_024), ("api/1k.txt", 1_024), ("100k.txt", 102_400)] {
            assert_eq!(std::fs::read(folder.path().join(path)).unwrap().len(), bytes, "{path}");
        }
        for (_, path, _) in CASES {
            assert!(folder.path().join(path.trim_start_matches('/')).is_file(), "{path}");
        }
    }
}
