//! `cargo xtask bench small-files`: a million small files, a tenth and three tenths of them: how time and memory of a
//! backup grow, beside restic and borg in one run.

use super::backup::{Bench, Cost, Noise, Program, contenders, ratio};
use anyhow::{Context as _, Result, bail};
use std::path::Path;

/// How many files, if nothing else is said.
const FILES: u64 = 1_000_000;
/// Files of one directory.
const FOLDER: u64 = 250;
const CASES: [&str; 4] = ["first", "unchanged", "verify", "restore"];

/// Runs all on trees of a tenth, three tenths and all of so many files.
pub(crate) fn run(count: Option<&str>) -> Result<()> {
    let files = match count {
        Some(text) => text.parse::<u64>().with_context(|| format!("`{text}` is no number"))?,
        None => FILES,
    };
    if files < 1_000 {
        bail!("{files} files say nothing: take 1000 or more");
    }
    let programs = contenders()?;
    let mut own: Vec<(u64, Vec<Cost>)> = Vec::new();
    for count in [files / 10, files * 3 / 10, files] {
        let costs = measure(&programs, count)?;
        own.push((count, costs));
    }
    for line in growth(&own) {
        println!("{line}");
    }
    Ok(())
}

/// Every case of every program on so many files; our costs.
fn measure(programs: &[Program], count: u64) -> Result<Vec<Cost>> {
    let scratch = tempfile::tempdir()?;
    let bench = Bench { top: scratch.path().to_path_buf(), last: "unchanged" };
    generate(&bench.top.join("tree"), count)?;
    for program in programs {
        bench.prepare(*program)?;
    }
    let mut own = Vec::new();
    for case in CASES {
        let mut costs = Vec::new();
        for program in programs {
            let cost = bench.measure(*program, case)?;
            println!(
                "small-files {count} {case}: {} {:.1} s, {:.0} MB of memory",
                program.name(),
                cost.seconds,
                cost.megabytes
            );
            if *program == Program::Burgrave {
                own.push(cost);
            }
            costs.push((*program, cost));
        }
        println!("{}", ratio(&format!("{count} files, {case}"), &costs));
    }
    Ok(own)
}

/// What a file costs in the largest tree, beside what it costs in the smallest one.
fn growth(own: &[(u64, Vec<Cost>)]) -> Vec<String> {
    let (Some((few, first)), Some((many, last))) = (own.first(), own.last()) else {
        return Vec::new();
    };
    let each = |cost: &Cost, count: u64| {
        cost.seconds * 1e6 / f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    };
    CASES
        .iter()
        .zip(first.iter().zip(last))
        .map(|(case, (small, large))| {
            format!(
                "small-files growth, {case}: {:.1} us a file among {few}, {:.1} among {many} ({:.2} x); memory {:.2} x",
                each(small, *few),
                each(large, *many),
                each(large, *many) / each(small, *few).max(0.001),
                large.megabytes / small.megabytes.max(0.001),
            )
        })
        .collect()
}

/// Files of 200 to 2,000 bytes without a pattern.
fn generate(top: &Path, count: u64) -> Result<()> {
    let mut noise = Noise(0x51ce_b00c_1234_5677);
    for number in 0..count {
        let folder = top.join(format!("d{}", number / FOLDER));
        if number.is_multiple_of(FOLDER) {
            std::fs::create_dir_all(&folder)?;
        }
        let size = noise.within(200, 2_000);
        std::fs::write(folder.join(format!("f{number}")), noise.fill(size, false))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_by_the_file() {
        let costs = |seconds, megabytes| vec![Cost { seconds, megabytes }; CASES.len()];
        let lines = growth(&[(1_000, costs(1.0, 50.0)), (10_000, costs(20.0, 100.0))]);
        assert_eq!(lines.len(), CASES.len());
        assert_eq!(
            lines.first().map(String::as_str),
            Some(
                "small-files growth, first: 1000.0 us a file among 1000, 2000.0 among 10000 (2.00 x); memory 2.00 x"
            )
        );
        assert!(growth(&[]).is_empty());
        for odd in ["ten", "10"] {
            assert!(run(Some(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn files_are_small_and_as_many_as_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        generate(dir.path(), 600).unwrap();
        let mut sizes = Vec::new();
        for folder in std::fs::read_dir(dir.path()).unwrap() {
            for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                sizes.push(file.unwrap().metadata().unwrap().len());
            }
        }
        assert_eq!(sizes.len(), 600);
        assert!(sizes.iter().all(|size| (200..2_000).contains(size)));
    }
}
