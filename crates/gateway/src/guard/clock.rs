//! An alarm that is cheap to put off: moving it later costs nothing, the timer underneath finds out
//! when it fires.

use burgrave_sys::{Moment, last_tick, tick};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

thread_local! {
    /// A time by both clocks, the exact one a tick ahead.
    static ANCHOR: (Instant, Moment) = {
        let seen = last_tick();
        (Instant::now() + tick(), seen)
    };
}

/// Waits shorter than this are measured exactly.
const ABOUT_MIN: Duration = Duration::from_secs(1);

/// Now, to some ticks of the kernel (milliseconds, rather later than earlier): for limits of seconds that are set with
/// every request, where the exact time would cost more than what it is for.
pub(crate) fn about_now() -> Instant {
    ANCHOR.with(|(exact, seen)| *exact + (last_tick() - *seen))
}

/// A time limit that is set, put off and cleared many times.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Rings so long from now.
    pub(crate) fn after(&mut self, wait: Duration) {
        let now = if wait < ABOUT_MIN { Instant::now() } else { about_now() };
        self.due = now.checked_add(wait);
    }

    /// Rings so long from now unless it is set already.
    pub(crate) fn after_if_unset(&mut self, wait: Duration) {
        if self.due.is_none() {
            self.after(wait);
        }
    }

    /// Rings no more.
    pub(crate) fn clear(&mut self) {
        self.due = None;
    }

    /// Rings no more, and holds nothing any more.
    pub(crate) fn dismiss(&mut self) {
        *self = Self::default();
    }

    /// Whether the time has come; else the task is woken when it comes.
    pub(crate) fn rings(&mut self, context: &mut Context<'_>) -> bool {
        let Some(due) = self.due else {
            return false;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due || sleep.is_elapsed() {
            sleep.as_mut().reset(due);
        }
        loop {
            match sleep.as_mut().poll(context) {
                Poll::Pending => return false,
                Poll::Ready(()) if Instant::now() >= due => return true,
                Poll::Ready(()) => sleep.as_mut().reset(due),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    async fn wait(alarm: &mut Alarm) {
        poll_fn(|context| if alarm.rings(context) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn run(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test);
    }

    #[test]
    fn about_now_is_soon_past_now_and_not_long_after() {
        let begun = Instant::now();
        while about_now() <= begun {
            assert!(begun.elapsed() < Duration::from_secs(10), "no tick");
        }
        // A busy machine may have missed ticks; limits are of seconds.
        assert!(about_now() <= Instant::now() + ABOUT_MIN / 2);
    }

    #[test]
    fn it_rings_when_due_and_again() {
        run(async {
            let mut alarm = Alarm::default();
            for _ in 0..2 {
                let start = Instant::now();
                alarm.after(Duration::from_millis(20));
                alarm.after_if_unset(Duration::ZERO);
                wait(&mut alarm).await;
                assert!(start.elapsed() >= Duration::from_millis(20));
            }
        });
    }

    #[test]
    fn it_can_be_moved_both_ways_and_cleared() {
        run(async {
            let mut alarm = Alarm::default();
            let context = &mut Context::from_waker(std::task::Waker::noop());
            alarm.after(Duration::from_mins(1));
            assert!(!alarm.rings(context));
            let start = Instant::now();
            alarm.after(Duration::from_millis(10));
            wait(&mut alarm).await;
            assert!(start.elapsed() < Duration::from_secs(5));
            alarm.clear();
            assert!(!alarm.rings(context));
        });
    }
}
