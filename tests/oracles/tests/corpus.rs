//! Every oracle on its corpus, and on variations of it: the same ones on every run.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::indexing_slicing, reason = "tests")]

use std::path::PathBuf;

/// Variations of each file.
const VARIATIONS: usize = 3_000;
/// Bytes of a variation.
const BYTES_MAX: usize = 4_096;
/// Bytes that readers react to.
const MARKS: &[u8] = b"&=;%+\"'<>{}[]:,\\\r\n\0 -/*()|@\xff\xc0aA0";

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Numbers that look random and are the same each time (Knuth's linear congruential generator).
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below.max(1)
    }
}

fn vary(input: &[u8], other: &[u8], random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..=random(4) {
        let at = random(out.len() + 1);
        match random(6) {
            0 if !out.is_empty() => drop(out.remove(at.min(out.len() - 1))),
            1 if !out.is_empty() => {
                let at = at.min(out.len() - 1);
                out[at] = MARKS[random(MARKS.len())];
            }
            2 => out.truncate(at),
            3 => {
                let piece = out[at.min(out.len())..].to_vec();
                out.extend(piece);
            }
            4 if !other.is_empty() => {
                let from = random(other.len());
                let piece = &other[from..(from + random(24)).min(other.len())];
                out.splice(at..at, piece.iter().copied());
            }
            _ => out.insert(at, MARKS[random(MARKS.len())]),
        }
    }
    out.truncate(BYTES_MAX);
    out
}

#[test]
fn what_must_hold_holds_for_the_corpus_and_its_variations() {
    for (name, oracle) in burgrave_oracles::ALL {
        let inputs = corpus(name);
        assert!(inputs.len() >= 4, "{name}: a corpus of {} says little", inputs.len());
        let mut random = numbers(11);
        let mut count = 0;
        for input in &inputs {
            oracle(input);
            for _ in 0..VARIATIONS {
                let other = &inputs[random(inputs.len())];
                oracle(&vary(input, other, &mut random));
                count += 1;
            }
        }
        println!("{name}: {} files, {count} variations", inputs.len());
    }
}

#[test]
fn every_target_has_its_file_and_its_corpus() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (name, _) in burgrave_oracles::ALL {
        assert!(folder.join(format!("targets/{name}.rs")).is_file(), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
