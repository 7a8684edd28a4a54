//! `cargo xtask bench soak`: mixed traffic with a reload every ten seconds, and what of it failed.

use super::gateway::{BACKEND, backend, files, open_for_all};
use crate::process::{self, Running};
use crate::setup;
use anyhow::{Context as _, Result, bail};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PLAIN: &str = "127.0.0.1:19084";
const SECURE: &str = "127.0.0.1:19085";
/// How long without a word.
const SECONDS: u64 = 600;
const RELOAD: Duration = Duration::from_secs(10);
/// A reload leaves the old gateway for a while; memory is compared at moments of the same kind.
const SAMPLE: Duration = Duration::from_mins(1);

/// What is asked for all the time: a name, connections, a header, the address.
const LOADS: [(&str, &str, &str, &str, &str); 4] = [
    ("static, kept", "8", "X-A: b", "http", "/1k.txt"),
    ("proxied, kept", "8", "X-A: b", "http", "/api/1k.txt"),
    ("static, new connections", "4", "Connection: close", "http", "/100k.txt"),
    ("static over TLS, new connections", "2", "Connection: close", "https", "/1k.txt"),
];

/// Runs it; an error if a request failed.
pub(crate) fn run(seconds: Option<&str>) -> Result<()> {
    setup::packages(setup::BENCH)?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let seconds = seconds.map_or(Ok(SECONDS), str::parse).context("a number of seconds")?;
    let scratch = tempfile::tempdir()?;
    open_for_all(scratch.path())?;
    files(&scratch.path().join("web"))?;
    let _backend = backend(scratch.path())?;
    let config = scratch.path().join("burgrave.toml");
    let site = |host: &str, rest: &str| {
        format!(
            "[[site]]\nhosts = [\"{host}\"]\nfiles = {{ root = \"{0}/web\" }}\n{rest}[[site.route]]\npath = \"/api/\"\nupstream = [\"http://{BACKEND}\"]\n",
            scratch.path().display()
        )
    };
    let text = format!(
        "state = \"{0}/state\"\n[log]\naccess = \"{0}/access.ndjson\"\n[[listen]]\naddress = \"{PLAIN}\"\nredirect = false\n\
         [[listen]]\naddress = \"{SECURE}\"\ntls = true\n{1}",
        scratch.path().display(),
        site("localhost", "tls = \"self-signed\"\n")
    );
    std::fs::write(&config, text)?;
    let mut command = Command::new(process::root().join("target/release/burgrave"));
    command.args(["run", "--config"]).arg(&config);
    let server = Running::start(&mut command, "ready", Duration::from_secs(30))?;
    let loads: Vec<_> = LOADS.iter().map(|load| start(load, seconds)).collect::<Result<_>>()?;
    let samples = reload(&server, Duration::from_secs(seconds));
    let mut failed = 0;
    for ((name, ..), load) in LOADS.iter().zip(loads) {
        let output = load.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (requests, errors) = told(&said).with_context(|| format!("wrk said:\n{said}"))?;
        println!("soak {name}: {requests} requests, {errors} failed");
        failed += errors;
    }
    for (at, (memory, open)) in &samples {
        println!("soak after {at} s: {memory} KiB resident, {open} descriptors, all processes");
    }
    if failed > 0 {
        bail!("{failed} requests failed");
    }
    Ok(())
}

fn start(load: &(&str, &str, &str, &str, &str), seconds: u64) -> Result<Child> {
    let (_, connections, header, scheme, path) = load;
    let address = if *scheme == "https" { SECURE } else { PLAIN };
    Command::new("wrk")
        .args(["-t1", "-c", connections, "-d", &format!("{seconds}s"), "--timeout", "10s"])
        .args(["-H", "Host: localhost", "-H", header, &format!("{scheme}://{address}{path}")])
        .stdout(Stdio::piped())
        .spawn()
        .context("starting wrk")
}

/// Reloads until the time is over; what the server took at each minute, before its next reload.
fn reload(server: &Running, time: Duration) -> Vec<(u64, (u64, usize))> {
    let begun = Instant::now();
    let (mut samples, mut next) = (Vec::new(), RELOAD);
    while begun.elapsed() < time {
        std::thread::sleep(Duration::from_millis(200));
        if begun.elapsed() < next {
            continue;
        }
        if next.as_secs().is_multiple_of(SAMPLE.as_secs()) {
            samples.push((begun.elapsed().as_secs(), server.footprint()));
        }
        // One that has ended is noticed by its loads.
        drop(Command::new("kill").args(["-HUP", &server.id().to_string()]).status());
        next += RELOAD;
    }
    samples
}

/// Requests, and those that failed in any way.
fn told(out: &str) -> Option<(u64, u64)> {
    let line = out.lines().find(|line| line.contains("requests in"))?;
    let requests = line.split_whitespace().next()?.parse().ok()?;
    let numbers = |line: &str| -> u64 {
        line.split(|letter: char| !letter.is_ascii_digit())
            .filter_map(|word| word.parse::<u64>().ok())
            .sum()
    };
    let errors = out.lines().filter(|line| line.contains("Socket errors"));
    let odd = out.lines().filter_map(|line| line.trim().strip_prefix("Non-2xx or 3xx responses:"));
    Some((requests, errors.map(numbers).sum::<u64>() + odd.map(numbers).sum::<u64>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_counts() {
        for (text, wanted) in [
            ("  100 requests in 3.00s, 1MB read\n", Some((100, 0))),
            (
                "  100 requests in 3s\n  Socket errors: connect 1, read 2, write 3, timeout 4\n",
                Some((100, 10)),
            ),
            ("  100 requests in 3s\n  Non-2xx or 3xx responses: 7\n", Some((100, 7))),
            ("nothing", None),
        ] {
            assert_eq!(told(text), wanted, "{text}");
        }
    }
}
