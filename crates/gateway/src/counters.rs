//! What the gateway counts about itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections admitted.
    pub connections: u64,
    /// Requests whose header was understood, and those that were refused before.
    pub requests: u64,
    /// Requests and connections that were refused, blocked or limited.
    pub refused: u64,
    /// Lines of the access log that could not be written.
    pub log_lines_lost: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    connections: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self, log_lines_lost: u64) -> Counts {
        Counts {
            connections: self.connections.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            log_lines_lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_its_number() {
        let counters = Counters::default();
        counters.connection();
        counters.request();
        counters.request();
        counters.refuse();
        let wanted = Counts { connections: 1, requests: 2, refused: 1, log_lines_lost: 9 };
        assert_eq!(counters.counts(9), wanted);
    }
}
