//! The signals that the supervisor hears.

use crate::error::Error;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often is looked for news while something is expected, and otherwise.
const SOON: Duration = Duration::from_millis(20);
const SELDOM: Duration = Duration::from_secs(1);

/// What a signal asks for.
pub(super) enum Asked {
    HandOver,
    Reopen,
    Stop,
}

pub(super) struct Signals {
    child: Signal,
    hangup: Signal,
    reopen: Signal,
    upgrade: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Hears them from now on.
    pub(super) fn new() -> Result<Self, Error> {
        let one = |kind| signal(kind).map_err(|error| Error::Runtime("signals", error));
        Ok(Self {
            child: one(SignalKind::child())?,
            hangup: one(SignalKind::hangup())?,
            reopen: one(SignalKind::user_defined1())?,
            upgrade: one(SignalKind::user_defined2())?,
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
        })
    }

    /// The next one; `None` when it is time to look for news.
    pub(super) async fn next(&mut self, waiting: bool) -> Option<Asked> {
        tokio::select! {
            _ = self.child.recv() => None,
            _ = self.hangup.recv() => Some(Asked::HandOver),
            _ = self.reopen.recv() => Some(Asked::Reopen),
            _ = self.upgrade.recv() => Some(Asked::HandOver),
            _ = self.terminate.recv() => Some(Asked::Stop),
            _ = self.interrupt.recv() => Some(Asked::Stop),
            () = tokio::time::sleep(if waiting { SOON } else { SELDOM }) => None,
        }
    }
}
