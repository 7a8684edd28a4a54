//! `cargo xtask bench gateway --rules`: requests a second with the rule set, beside nginx with
//! libmodsecurity and the same files, and beside Burgrave without rules, in one run; one core for the
//! server, the other for client and backend. All traffic is on loopback, and every load has its end.

use super::gateway::{Measured, best, cpu_bound, open_for_all, started, told};
use crate::process::{self, Running};
use crate::{crs, setup};
use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const BACKEND: &str = "127.0.0.1:19090";
const NGINX: &str = "127.0.0.1:19091";
const RULES: &str = "127.0.0.1:19092";
const SHIPPED: &str = "127.0.0.1:19093";
const PLAIN: &str = "127.0.0.1:19094";
const SECONDS: &str = "1";
/// Short ones by turns: what slows this machine down slows all of them down.
const ROUNDS: usize = 12;

/// Requests of the engine's bench by the names of their files, and whether each has other numbers than those before it:
/// what is remembered of strings helps less then.
const CASES: &[(&str, &str, bool)] = &[
    ("small GET", "small-GET", false),
    ("1 KB JSON", "1-KB-JSON", false),
    ("1 KB JSON with its own numbers each", "1-KB-JSON", true),
];
/// Requests that differ, before they come again: more values than anybody remembers.
const OWN_REQUESTS: &str = "4096";

/// Burgrave by what it is told of rules.
const ALONE: &str = "decode = false\nprofile = \"none\"\nextra = false\n";

pub(super) fn run() -> Result<()> {
    setup::packages(setup::BENCH)?;
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let build =
        ["build", "--release", "--package", "burgrave-conformance", "--bin", "engine-bench"];
    process::show("cargo", &build)?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    open_for_all(folder)?;
    let program = process::root().join("target/release/engine-bench").display().to_string();
    process::output(&program, &["--workloads", &folder.display().to_string()])?;
    let crs = crs::find()?;
    println!("gateway with rules, paranoia 1: {}", crs.name);
    let _backend = nginx(
        folder,
        "backend",
        BACKEND,
        1,
        "",
        &format!("return 200 '{}';", "0123456789abcdef".repeat(64)),
    )?;
    let inspect = modsecurity(folder, &crs)?;
    let rival = nginx(
        folder,
        "rival",
        NGINX,
        0,
        &inspect,
        "proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection \"\";",
    )?;
    let include = format!("[rules]\ninclude = {}\n", crs.toml());
    let rules = burgrave(folder, "rules", RULES, &format!("{include}{ALONE}"))?;
    let shipped = burgrave(folder, "shipped", SHIPPED, &include)?;
    let plain = burgrave(folder, "plain", PLAIN, "")?;
    for (name, file, varies) in CASES {
        let script = script(folder, file, *varies)?;
        let servers = [(&rules, RULES), (&shipped, SHIPPED), (&plain, PLAIN), (&rival, NGINX)];
        let mut all = servers.map(|_| Vec::new());
        for round in 0..ROUNDS {
            // Forwards and backwards, so that none comes after the slow one each time.
            let mut order: Vec<usize> = (0..servers.len()).collect();
            order.rotate_left(round % servers.len());
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                if let (Some((server, address)), Some(found)) = (servers.get(at), all.get_mut(at)) {
                    found.push(measure(server, address, &script)?);
                }
            }
        }
        let [ours, _, plain, _] = &all;
        let by_turns = median_percent(ours, plain);
        let [ours, shipped, plain, theirs] = all.map(best);
        show(name, &ours?, &shipped?, &plain?, &theirs?);
        println!(
            "gateway {name} with rules: {by_turns:.0} % of burgrave without rules in the median of {ROUNDS} rounds by turns"
        );
    }
    Ok(())
}

/// What the first reach of the second in the same round, in the median of all rounds: a round is too short for the machine
/// to change much within it, where the best of each may be from different ones.
fn median_percent(ours: &[Measured], theirs: &[Measured]) -> f64 {
    let mut all: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| 100.0 * ours.per_second / theirs.per_second)
        .collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

fn show(name: &str, ours: &Measured, shipped: &Measured, plain: &Measured, theirs: &Measured) {
    println!(
        "gateway {name} with rules: burgrave {:.0}/s at {:.1} us of CPU, nginx + libmodsecurity {:.0}/s at {:.1} us: {:.1} x; \
         {:.0} % of burgrave without rules ({:.0}/s at {:.1} us); as shipped, with the layer of ours, {:.0}/s at {:.1} us",
        ours.per_second,
        ours.cpu_micros,
        theirs.per_second,
        theirs.cpu_micros,
        ours.per_second / theirs.per_second,
        100.0 * ours.per_second / plain.per_second,
        plain.per_second,
        plain.cpu_micros,
        shipped.per_second,
        shipped.cpu_micros,
    );
}

/// A raw request as a script for wrk.
fn script(folder: &Path, file: &str, varies: bool) -> Result<PathBuf> {
    let raw = std::fs::read(folder.join(file))?;
    let text = String::from_utf8(raw).context("the workload is text")?;
    let path = folder.join(format!("{file}.lua"));
    std::fs::write(&path, lua(&text, varies).context("the workload is a request")?)?;
    Ok(path)
}

fn lua(raw: &str, varies: bool) -> Option<String> {
    let (head, body) = raw.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let fields: Vec<String> = lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        .map(|(name, value)| format!("[{}]={}", quoted(name), quoted(value)))
        .collect();
    let body = if body.is_empty() { "nil".to_owned() } else { quoted(body) };
    let start = format!("{}, {}, {{{}}}", quoted(method), quoted(path), fields.join(", "));
    Some(if varies {
        format!(
            "local all, at, digit = {{}}, 0, function() return math.random(1, 9) end\n\
             for i = 1, {OWN_REQUESTS} do all[i] = wrk.format({start}, ({body}):gsub(\"%d\", digit)) end\n\
             request = function() at = at % {OWN_REQUESTS} + 1; return all[at] end\n"
        )
    } else {
        format!("local one = wrk.format({start}, {body})\nrequest = function() return one end\n")
    })
}

/// As a string of Lua.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn measure(server: &Running, address: &str, script: &Path) -> Result<Measured> {
    let target = format!("http://{address}/");
    let script = script.display().to_string();
    cpu_bound(server, || {
        let arguments = ["-c", "1", "wrk", "-t1", "-c16", "-d", SECONDS, "-s", &script, &target];
        told(&process::output("taskset", &arguments)?)
    })
}

fn nginx(
    scratch: &Path,
    name: &str,
    address: &str,
    core: u8,
    inspect: &str,
    answer: &str,
) -> Result<Running> {
    let folder = scratch.join(name);
    std::fs::create_dir_all(&folder)?;
    let module = if inspect.is_empty() {
        ""
    } else {
        "load_module modules/ngx_http_modsecurity_module.so;\n"
    };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    let text = format!(
        "{module}worker_processes 1;\ndaemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\naccess_log {folder}/access.log;\nkeepalive_requests 10000000;\n{temporary}\
         upstream backend {{ server {BACKEND}; keepalive 32; keepalive_requests 10000000; }}\n\
         server {{ listen {address}; client_max_body_size 20m; {inspect}\nlocation / {{ {answer} }} }}\n}}\n",
        folder = folder.display(),
    );
    let config = folder.join("nginx.conf");
    std::fs::write(&config, text)?;
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), "nginx", "-c"]).arg(&config).stdout(Stdio::null());
    Running::start_listening(&mut command, address, Duration::from_secs(20))
}

fn modsecurity(folder: &Path, crs: &crs::Crs) -> Result<String> {
    let [setup, rules] = &crs.include;
    let text = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 13107200\nSecAuditEngine Off\n\
         SecRule REQUEST_HEADERS:Content-Type \"^application/json\" \"id:200001,phase:1,pass,nolog,t:none,ctl:requestBodyProcessor=JSON\"\n\
         Include {}\nInclude {}\n",
        setup.display(),
        rules.display()
    );
    let file = folder.join("modsecurity.conf");
    std::fs::write(&file, text)?;
    Ok(format!("modsecurity on; modsecurity_rules_file {};", file.display()))
}

fn burgrave(scratch: &Path, name: &str, address: &str, rules: &str) -> Result<Running> {
    let folder = scratch.join(name);
    std::fs::create_dir_all(&folder)?;
    let config = folder.join("burgrave.toml");
    let text = format!(
        "state = \"{folder}/state\"\n[[listen]]\naddress = \"{address}\"\n{rules}[log]\naccess = \"{folder}/access.ndjson\"\n\
         [[site]]\nhosts = [\"*\"]\n[[site.route]]\npath = \"/\"\nupstream = [\"http://{BACKEND}\"]\n",
        folder = folder.display()
    );
    started(&config, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_compared_each_by_itself() {
        let rounds = |all: [f64; 3]| all.map(|per_second| Measured { per_second, cpu_micros: 1.0 });
        let percent = median_percent(&rounds([40.0, 10.0, 90.0]), &rounds([100.0, 20.0, 100.0]));
        assert!((percent - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_request_becomes_a_script() {
        let raw =
            "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nC: \"q\"\r\n\r\n{\"a\":\"b\"}";
        let script = lua(raw, false).unwrap();
        assert_eq!(
            script,
            "local one = wrk.format(\"POST\", \"/a?b\", {[\"Host\"]=\"x\", [\"C\"]=\"\\\"q\\\"\"}, \"{\\\"a\\\":\\\"b\\\"}\")\nrequest = function() return one end\n"
        );
        assert!(lua("GET / HTTP/1.1\r\n\r\n", false).unwrap().contains(", nil)"));
        assert_eq!(lua("GET", false), None);
        let script = lua(raw, true).unwrap();
        assert!(script.contains("(\"{\\\"a\\\":\\\"b\\\"}\"):gsub(\"%d\", digit)"), "{script}");
    }
}
