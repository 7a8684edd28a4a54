//! `cargo xtask bench backup`: first backup, unchanged, one percent changed and restore of the same generated tree,
//! beside restic and borg in one run, with the peak of memory of each.

use crate::{process, setup};
use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const GIGABYTE: u64 = 1_000_000_000;
/// What is generated, if nothing else is said.
const BYTES: u64 = 2 * GIGABYTE;
const PASSWORD: &str = "bench";

/// How long a command took and how much memory it had at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) megabytes: f64,
}

/// Runs all on a tree of so many gigabytes.
pub(crate) fn run(gigabytes: Option<&str>) -> Result<()> {
    let bytes = match gigabytes {
        Some(text) => {
            text.parse::<u64>().with_context(|| format!("`{text}` is no number"))? * GIGABYTE
        }
        None => BYTES,
    };
    let programs = contenders()?;
    let scratch = tempfile::tempdir()?;
    let bench = Bench { top: scratch.path().to_path_buf(), last: "1 % changed" };
    let files = generate(&bench.top.join("tree"), bytes)?;
    println!("backup: {files} files, {} MB, half of them text", bytes / 1_000_000);
    for program in &programs {
        bench.prepare(*program)?;
    }
    for case in ["first", "unchanged", "1 % changed", "restore"] {
        if case == "1 % changed" {
            change(&bench.top.join("tree"), bytes / 100)?;
        }
        let mut costs = Vec::new();
        for program in &programs {
            let cost = bench.measure(*program, case)?;
            println!(
                "backup {case}: {} {:.2} s, {:.0} MB of memory",
                program.name(),
                cost.seconds,
                cost.megabytes
            );
            costs.push((*program, cost));
        }
        println!("{}", ratio(case, &costs));
    }
    Ok(())
}

/// Ours, built, and the rivals that are there.
pub(super) fn contenders() -> Result<Vec<Program>> {
    if let Err(error) = setup::packages(&["borgbackup", "restic", "time"]) {
        println!("backup: a rival may be missing: {error}");
    }
    process::show("cargo", &["build", "--release", "--package", "burgrave"])?;
    let all = [Program::Burgrave, Program::Borg, Program::Restic];
    Ok(all.into_iter().filter(|program| program.is_there()).collect())
}

/// Ours beside the faster of the others.
pub(super) fn ratio(case: &str, costs: &[(Program, Cost)]) -> String {
    let own = costs.iter().find(|(program, _)| *program == Program::Burgrave);
    let others = costs.iter().filter(|(program, _)| *program != Program::Burgrave);
    let best = others.min_by(|(_, a), (_, b)| a.seconds.total_cmp(&b.seconds));
    match (own, best) {
        (Some((_, own)), Some((program, best))) => {
            let ratio = own.seconds / best.seconds.max(0.001);
            format!("backup {case}: {ratio:.2} x the time of {}, the faster one", program.name())
        }
        _ => format!("backup {case}: no rival is installed, so there is no ratio"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Burgrave,
    Borg,
    Restic,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Burgrave => "burgrave",
            Self::Borg => "borg",
            Self::Restic => "restic",
        }
    }

    fn is_there(self) -> bool {
        let there = self == Self::Burgrave || process::has(self.name());
        if !there {
            println!("backup: {} is MISSING: it is not compared with", self.name());
        }
        there
    }
}

pub(super) struct Bench {
    pub(super) top: PathBuf,
    /// The case whose archive is restored.
    pub(super) last: &'static str,
}

impl Bench {
    fn path(&self, name: &str) -> String {
        self.top.join(name).display().to_string()
    }

    fn command(&self, program: Program, case: &str) -> Vec<String> {
        let (tree, restored) = (self.path("tree"), self.path("restored"));
        let own = process::root().join("target/release/burgrave").display().to_string();
        let (config, borg, restic) =
            (self.path("burgrave.toml"), self.path("borg"), self.path("restic"));
        let words: &[&str] = match (program, case) {
            (Program::Burgrave, "restore") => {
                &[&own, "backup", "restore", "bench", "--to", &restored, "--config", &config]
            }
            (Program::Burgrave, "verify") => {
                &[&own, "backup", "verify", "bench", "--config", &config]
            }
            (Program::Burgrave, _) => &[&own, "backup", "run", "bench", "--config", &config],
            (Program::Borg, "init") => &["borg", "init", "--encryption=repokey", &borg],
            (Program::Borg, "verify") => &["borg", "check", "--verify-data", &borg],
            (Program::Borg, "restore") => &["borg", "extract", &format!("{borg}::{}", self.last)],
            (Program::Borg, case) => &["borg", "create", &format!("{borg}::{case}"), &tree],
            (Program::Restic, "init") => &["restic", "--quiet", "--repo", &restic, "init"],
            (Program::Restic, "verify") => {
                &["restic", "--quiet", "--repo", &restic, "check", "--read-data"]
            }
            (Program::Restic, "restore") => &[
                "restic", "--quiet", "--repo", &restic, "restore", "latest", "--target", &restored,
            ],
            (Program::Restic, _) => &["restic", "--quiet", "--repo", &restic, "backup", &tree],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }

    pub(super) fn prepare(&self, program: Program) -> Result<()> {
        if program == Program::Burgrave {
            let key = self.top.join("key");
            let text = format!(
                "state = {:?}\n[[backup]]\nname = \"bench\"\nsource = {{ paths = [{:?}] }}\nrepository = {:?}\nkey = {:?}\n",
                self.path("state"),
                self.path("tree"),
                self.path("burgrave"),
                self.path("key"),
            );
            std::fs::write(self.top.join("burgrave.toml"), text)?;
            std::fs::write(&key, PASSWORD)?;
            std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            return Ok(());
        }
        self.timed(&self.command(program, "init")).map(drop)
    }

    pub(super) fn measure(&self, program: Program, case: &str) -> Result<Cost> {
        let restored = self.top.join("restored");
        if restored.exists() {
            std::fs::remove_dir_all(&restored)?;
        }
        std::fs::create_dir(&restored)?;
        // What the one before has left to be written must not count for this one.
        process::output("sync", &[])?;
        let cost = self.timed(&self.command(program, case))?;
        if case == "restore" {
            let tree = self.top.join("tree");
            let below = tree.strip_prefix("/").unwrap_or(&tree);
            let same =
                Command::new("diff").arg("-r").arg(&tree).arg(restored.join(below)).output()?;
            if !same.status.success() {
                bail!("what {} has restored is not what there was", program.name());
            }
        }
        Ok(cost)
    }

    fn timed(&self, words: &[String]) -> Result<Cost> {
        let report = self.top.join("time");
        let output = Command::new("/usr/bin/time")
            .args(["-f", "%e %M", "-o"])
            .arg(&report)
            .args(words)
            .current_dir(if self.top.join("restored").exists() {
                self.top.join("restored")
            } else {
                self.top.clone()
            })
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("BORG_PASSPHRASE", PASSWORD)
            .env("RESTIC_CACHE_DIR", self.top.join("restic-cache"))
            .env("BORG_BASE_DIR", self.top.join("borg-base"))
            .stdin(Stdio::null())
            .output()
            .context("running `/usr/bin/time`")?;
        if !output.status.success() {
            let said: String = output.stderr.iter().map(|&byte| char::from(byte)).collect();
            bail!("`{}` failed: {said}", words.join(" "));
        }
        cost(&std::fs::read_to_string(report)?)
    }
}

/// Seconds and kilobytes.
fn cost(text: &str) -> Result<Cost> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(seconds)), Some(Ok(kilobytes))) => {
            Ok(Cost { seconds, megabytes: kilobytes / 1_000.0 })
        }
        _ => bail!("no times: `{text}`"),
    }
}

/// A generator of bytes, the same on every machine.
pub(super) struct Noise(pub(super) u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    /// Bytes without a pattern, or words.
    pub(super) fn fill(&mut self, bytes: u64, is_text: bool) -> Vec<u8> {
        let wanted = usize::try_from(bytes).unwrap_or(0);
        let mut content = Vec::with_capacity(wanted + 16);
        while content.len() < wanted {
            let number = self.next();
            if is_text {
                // A word of 4,096, and a space.
                let word = (number >> 20) % 4096;
                let letters = 3 + word % 6;
                content.extend(
                    (0..letters).map(|at| b'a' + u8::try_from((word >> at) % 26).unwrap_or(0)),
                );
                content.push(b' ');
            } else {
                content.extend_from_slice(&number.to_le_bytes());
            }
        }
        content.truncate(wanted);
        content
    }
}

/// Small, middle and large files, half of them text; how many.
fn generate(top: &Path, bytes: u64) -> Result<u64> {
    let mut noise = Noise(0x1234_5678_9abc_def1);
    let (mut files, mut written) = (0_u64, 0_u64);
    while written < bytes {
        let folder = top.join(format!("d{}", files % 50)).join(format!("e{}", files % 17));
        std::fs::create_dir_all(&folder)?;
        let size = match noise.next() % 1000 {
            0..=899 => noise.within(200, 60_000),
            900..=994 => noise.within(100_000, 3_000_000),
            _ => noise.within(10_000_000, 60_000_000),
        };
        let content = noise.fill(size, files.is_multiple_of(2));
        std::fs::write(folder.join(format!("f{files}")), content)?;
        (files, written) = (files + 1, written + size);
    }
    Ok(files)
}

/// Appends to files until those that were touched have so many bytes.
fn change(top: &Path, bytes: u64) -> Result<()> {
    let mut left = bytes;
    for number in (3_u64..).step_by(7) {
        let path = top
            .join(format!("d{}", number % 50))
            .join(format!("e{}", number % 17))
            .join(format!("f{number}"));
        let Ok(facts) = std::fs::metadata(&path) else { return Ok(()) };
        if facts.len() > 3_000_000 {
            continue;
        }
        let mut content = std::fs::read(&path)?;
        content.extend_from_slice(b"changed");
        std::fs::write(&path, content)?;
        left = left.saturating_sub(facts.len());
        if left == 0 {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_the_same_every_time() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let counts = [one.path(), two.path()].map(|top| generate(top, 3_000_000).unwrap());
        assert_eq!(counts[0], counts[1]);
        let same = Command::new("diff").arg("-r").args([one.path(), two.path()]).status().unwrap();
        assert!(same.success() && counts[0] > 5);
        change(one.path(), 50_000).unwrap();
        let same = Command::new("diff").arg("-rq").args([one.path(), two.path()]).output().unwrap();
        assert!(!same.status.success());
    }

    #[test]
    fn ours_is_beside_the_faster_one_or_says_that_there_is_none() {
        let cost = |seconds| Cost { seconds, megabytes: 1.0 };
        let all = [
            (Program::Burgrave, cost(1.0)),
            (Program::Borg, cost(4.0)),
            (Program::Restic, cost(2.0)),
        ];
        assert_eq!(ratio("first", &all), "backup first: 0.50 x the time of restic, the faster one");
        assert!(ratio("first", &all[..1]).contains("no rival"));
        assert_eq!(super::cost("1.50 2000\n").unwrap(), Cost { seconds: 1.5, megabytes: 2.0 });
        assert!(super::cost("x").is_err());
    }
}
