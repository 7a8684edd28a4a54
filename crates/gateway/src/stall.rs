//! When an HTTP/2 connection has had its time: clients that take nothing of what they asked for, and
//! clients that ask for nothing.

use burgrave_config::Limits;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a connection is looked at.
const LOOK_TIME: Duration = Duration::from_secs(1);

/// How long a client may take nothing of an answer.
pub(crate) fn write_time(limits: &Limits) -> Duration {
    limits.body_time.saturating_mul(2)
}

/// What a connection's requests are waiting for.
#[derive(Debug)]
pub(crate) struct Stall {
    active: Cell<usize>,
    /// Requests whose client waits for us.
    ours: Cell<usize>,
    /// Whether anything went on since the last look. Looking at the clock each time would cost a request more
    /// than the rest of this.
    moved: Cell<bool>,
}

impl Stall {
    pub(crate) fn new() -> Self {
        Self { active: Cell::new(0), ours: Cell::new(0), moved: Cell::new(false) }
    }

    /// A request has come; it is our turn.
    pub(crate) fn begin(&self) {
        self.active.set(self.active.get() + 1);
        self.turn(true);
    }

    /// A request's turn has changed.
    pub(crate) fn turn(&self, ours: bool) {
        let count = self.ours.get();
        self.ours.set(if ours { count + 1 } else { count.saturating_sub(1) });
        self.moved.set(true);
    }

    /// A request is over; says how many are left.
    pub(crate) fn end(&self) -> usize {
        let left = self.active.get().saturating_sub(1);
        self.active.set(left);
        self.moved.set(true);
        left
    }

    /// Ends when the connection should.
    pub(crate) async fn watch(&self, stalled: Duration, idle: Duration) {
        let mut since = Instant::now();
        loop {
            sleep(LOOK_TIME.min(stalled).min(idle)).await;
            if self.moved.take() {
                since = Instant::now();
            }
            let limit = match (self.active.get(), self.ours.get()) {
                (0, _) => idle,
                (_, 0) => stalled,
                _ => continue,
            };
            if since.elapsed() >= limit {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_mins(1);

    async fn ends(stall: &Stall, stalled: Duration, idle: Duration) {
        timeout(LONG / 2, stall.watch(stalled, idle)).await.unwrap();
    }

    async fn stays(stall: &Stall, stalled: Duration, idle: Duration) {
        timeout(SHORT * 10, stall.watch(stalled, idle)).await.unwrap_err();
    }

    #[test]
    fn only_the_client_can_stall() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let stall = Stall::new();
            // Idle.
            ends(&stall, LONG, SHORT).await;
            // Our turn.
            stall.begin();
            stays(&stall, SHORT, SHORT).await;
            // The client takes nothing.
            stall.turn(false);
            ends(&stall, SHORT, LONG).await;
            // Idle is another limit.
            assert_eq!(stall.end(), 0);
            stays(&stall, SHORT, LONG).await;
        });
    }
}
