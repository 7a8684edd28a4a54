//! `cargo xtask bench engine`: the rule engine in process beside libmodsecurity, the same rules and the
//! same four requests, and ours once more with requests of which each has other numbers.

use crate::crs;
use crate::process;
use crate::setup;
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::Path;

const ROUNDS: &str = "40";
/// Paranoia levels.
const LEVELS: [&str; 3] = ["1", "2", "4"];

/// Minimum and median microseconds of a transaction.
type Times = BTreeMap<String, (f64, f64)>;

/// Runs both and prints a ratio a workload, of the minima.
pub(crate) fn run() -> Result<()> {
    setup::packages(&["libmodsecurity-dev"])?;
    let crs = crs::find()?;
    let build =
        ["build", "--release", "--package", "burgrave-conformance", "--bin", "engine-bench"];
    process::show("cargo", &build)?;
    let program = process::root().join("target/release/engine-bench").display().to_string();
    let scratch = tempfile::tempdir()?;
    let requests = scratch.path().join("requests");
    std::fs::create_dir(&requests)?;
    process::output(&program, &["--workloads", &requests.display().to_string()])?;
    let [setup, rules] = crs.include.each_ref().map(|path| path.display().to_string());
    for level in LEVELS {
        let ours = process::output(&program, &[level, &setup, &rules])?;
        let theirs = rival(scratch.path(), &requests, level, [&setup, &rules])?;
        println!("engine, paranoia {level}, rules: {}", crs.name);
        for (who, out) in [("burgrave", &ours), ("libmodsecurity", &theirs)] {
            println!("engine, paranoia {level}, {who}: {}", around(out));
        }
        let theirs = times(&theirs, "", " ");
        compare("", level, &times(&ours, ": ", " / "), &theirs)?;
        // libmodsecurity remembers nothing of a request, so that its times are the same.
        let anew = process::output(&program, &["--new-values", level, &setup, &rules])?;
        compare(" with new values", level, &times(&anew, ": ", " / "), &theirs)?;
    }
    Ok(())
}

/// Prints the times of both and how many times the first is faster.
fn compare(which: &str, level: &str, ours: &Times, theirs: &Times) -> Result<()> {
    for (name, (minimum, median)) in ours {
        let (rival_minimum, rival_median) =
            theirs.get(name).with_context(|| format!("libmodsecurity did not time `{name}`"))?;
        println!(
            "engine {name}{which}, paranoia {level}: burgrave {minimum:.0} / {median:.0} us, libmodsecurity \
             {rival_minimum:.0} / {rival_median:.0} us (minimum / median): {:.1} x",
            rival_minimum / minimum
        );
    }
    Ok(())
}

fn rival(
    scratch: &Path,
    requests: &Path,
    level: &str,
    [setup, rules]: [&str; 2],
) -> Result<String> {
    let source = process::root().join("xtask/src/bench/modsecurity.c").display().to_string();
    let program = scratch.join("modsecurity").display().to_string();
    process::show("cc", &["-O2", "-o", &program, &source, "-lmodsecurity"])?;
    let conf = scratch.join("rules.conf");
    let text = format!(
        "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 13107200\nSecAuditEngine Off\n\
         SecRule REQUEST_HEADERS:Content-Type \"^application/json\" \"id:200001,phase:1,pass,nolog,t:none,ctl:requestBodyProcessor=JSON\"\n\
         Include {setup}\nSecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level={level}\"\nInclude {rules}\n"
    );
    std::fs::write(&conf, text)?;
    let out = process::output(
        &program,
        &[&conf.display().to_string(), &requests.display().to_string(), ROUNDS],
    )?;
    Ok(out.replace('-', " "))
}

/// What a program says of all of it, before the times and after them.
fn around(out: &str) -> String {
    let mut lines = out.lines();
    [lines.next(), lines.next_back()].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Reads `name: minimum / median us` and `name minimum median verdict`.
fn times(text: &str, after_name: &str, between: &str) -> Times {
    let line = |line: &str| {
        let at = match after_name {
            "" => line.rmatch_indices(' ').nth(2)?.0,
            mark => line.find(mark)?,
        };
        let (name, rest) = line.split_at_checked(at)?;
        let (minimum, median) = rest.get(after_name.len()..)?.trim_start().split_once(between)?;
        let median = median.split(' ').next()?;
        Some((name.to_owned(), (minimum.parse().ok()?, median.parse().ok()?)))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{around, times};

    #[test]
    fn both_outputs_are_read() {
        let out = "load 3 rules: 20 ms\nsmall GET: 12.5 / 13.0 us\nmemory at most 28.1 MB\n";
        assert_eq!(around(out), "load 3 rules: 20 ms; memory at most 28.1 MB");
        let ours = times(out, ": ", " / ");
        assert_eq!(ours.get("small GET"), Some(&(12.5, 13.0)));
        assert_eq!(ours.len(), 1, "the line about loading is none");
        let out = "load: 20 ms\nsmall GET 1900.5 2000.0 passed\n4 KB form 9.0 9.5 blocked\nmemory at most 9.5 MB\n";
        let theirs = times(out, "", " ");
        assert_eq!(theirs.len(), 2, "what is said of all of it is none of them");
        assert_eq!(theirs.get("small GET"), Some(&(1900.5, 2000.0)));
        assert_eq!(theirs.get("4 KB form"), Some(&(9.0, 9.5)));
    }
}
