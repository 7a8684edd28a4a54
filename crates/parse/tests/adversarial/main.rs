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

/// Fails when four times the input costs much more than it costs to read the input four times: both are interrupted alike on a
/// busy machine. The best of a few rounds counts, and one of a few such comparisons is enough, for a parser that is slow is
/// so each time. What is too quick to measure passes.
fn linear(what: &str, make: impl Fn(usize) -> Vec<u8>, run: impl Fn(&[u8])) {
    const SIZE: usize = 10_000;
    const TIMES: usize = 4;
    const RATIO_MAX: u32 = 3;
    let best = |size: usize, times: usize| {
        let input = make(size);
        let once = |_| {
            let began = Instant::now();
            (0..times).for_each(|_| run(&input));
            began.elapsed()
        };
        (0..3).map(once).min().unwrap()
    };
    let floor = Duration::from_millis(8);
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let (small, large) = (best(SIZE, TIMES), best(TIMES * SIZE, 1));
        if large <= small.max(floor) * RATIO_MAX {
            return;
        }
        seen.push((small, large));
    }
    panic!("{what}: {TIMES} times {SIZE}, and {}: {seen:?}", TIMES * SIZE);
}
