//! What a stranger may send as a body: each parser at its bounds, with documents made to be slow, large,
//! or read differently by two readers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod forms;
mod json;
mod multipart;
mod xml;

use std::time::{Duration, Instant};

/// Fails when four times the input costs much more than four times the time. The best of a few rounds
/// counts, and one of a few such comparisons is enough, so that a busy machine is not taken for a slow parser:
/// one that is slow is so each time. What is too quick to measure passes.
fn linear(what: &str, make: impl Fn(usize) -> Vec<u8>, run: impl Fn(&[u8])) {
    const SIZE: usize = 10_000;
    const RATIO_MAX: u32 = 12;
    let best = |size: usize| {
        let input = make(size);
        let once = |_| {
            let began = Instant::now();
            run(&input);
            began.elapsed()
        };
        (0..3).map(once).min().unwrap()
    };
    let floor = Duration::from_millis(2);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let (small, large) = (best(SIZE), best(4 * SIZE));
        if large <= small.max(floor) * RATIO_MAX {
            return;
        }
        seen.push((small, large));
    }
    panic!("{what}: for {SIZE} and for {}: {seen:?}", 4 * SIZE);
}
