//! Ports for programs that take a number and cannot say which one they were given.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below where the kernel takes the ports of clients from (`ip_local_port_range`), so that no connection of another test can
/// have it before the program does, and above what services usually have.
const RANGE: std::ops::Range<u16> = 12_000..30_000;

/// A port of loopback that nobody has just now and that this process was not given before.
pub fn free_port() -> u16 {
    static STEPS: AtomicU16 = AtomicU16::new(0);
    let length = RANGE.end - RANGE.start;
    // Processes that run beside each other begin in other places.
    let own = std::process::id().wrapping_mul(0x9E37_79B1) >> 16;
    for _ in 0..length {
        let step = u32::from(STEPS.fetch_add(1, Ordering::Relaxed));
        let port = RANGE.start + u16::try_from((own + step) % u32::from(length)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {RANGE:?} is free");
}
