//! As much of HTTP/2 as a flood meets: frames are read, and counted where somebody counts.

use super::{Client, LIFE};
use std::time::{Duration, Instant};

/// Frames of one kind that are taken by a server that counts, and bytes of a header.
const FRAMES_MAX: usize = 1_000;
const HEADER_BYTES_MAX: usize = 32_768;

/// Reads until the client ends it, or, `counting`, until there is too much of something.
pub fn serve(mut client: Client, counting: bool) {
    let end = Instant::now() + LIFE;
    let pause = Duration::from_secs(3);
    if client.take(24, pause).is_none() {
        return;
    }
    let (mut frames, mut header) = ([0_usize; 256], 0);
    while Instant::now() < end {
        let Some(head) = client.take(9, pause) else { return };
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let kind = head[3];
        if client.take(length, pause).is_none() {
            return;
        }
        frames[usize::from(kind)] += 1;
        header = if kind == 9 { header + length } else { 0 };
        if counting && (frames[usize::from(kind)] > FRAMES_MAX || header > HEADER_BYTES_MAX) {
            return;
        }
    }
}
