//! A log that is followed, and what is told of it: that it cannot be read, and that it has gone silent.
//!
//! Who stops a log is as much of a finding as who writes to it; so silence is told, once while it lasts.

use crate::origin::Origin;
use crate::reading::Reading;
use crate::watcher::Told;
use std::time::{Duration, Instant};

/// A log with what reads it.
pub(crate) struct Followed {
    pub(crate) source: Origin,
    pub(crate) reading: Reading,
    /// Its detectors' place.
    pub(crate) detectors: usize,
    state: State,
}

/// How it does.
struct State {
    is_troubled: bool,
    /// When it was last heard of, and how long it may be silent.
    heard: Instant,
    silent_after: Duration,
    is_silent: bool,
}

impl Followed {
    /// One that is heard from now on.
    pub(crate) fn new(
        source: Origin,
        reading: Reading,
        detectors: usize,
        silent_after: Duration,
    ) -> Self {
        let heard = Instant::now();
        let state = State { is_troubled: false, heard, silent_after, is_silent: false };
        Self { source, reading, detectors, state }
    }

    fn name(&self) -> String {
        self.source.name().unwrap_or_default()
    }

    /// It was read, or why it could not be.
    pub(crate) fn read(&mut self, read: Result<(), String>, tell: &mut dyn FnMut(Told)) {
        let name = self.name();
        self.state.read(name, read).into_iter().for_each(tell);
    }

    /// Whether it had a new line just now.
    pub(crate) fn silence(&mut self, has_lines: bool, now: Instant, tell: &mut dyn FnMut(Told)) {
        let name = || self.source.name().unwrap_or_default();
        self.state.silence(name, has_lines, now).into_iter().for_each(tell);
    }
}

impl State {
    fn read(&mut self, name: String, read: Result<(), String>) -> Option<Told> {
        let was_troubled = std::mem::replace(&mut self.is_troubled, read.is_err());
        match read {
            Err(why) if !was_troubled => Some(Told::Unreadable(name, why)),
            Ok(()) if was_troubled => Some(Told::Better(name)),
            Ok(()) | Err(_) => None,
        }
    }

    fn silence(
        &mut self,
        name: impl FnOnce() -> String,
        has_lines: bool,
        now: Instant,
    ) -> Option<Told> {
        if has_lines {
            self.heard = now;
            return std::mem::take(&mut self.is_silent).then(|| Told::Heard(name()));
        }
        let silent = now.saturating_duration_since(self.heard);
        if self.is_silent || silent < self.silent_after {
            return None;
        }
        self.is_silent = true;
        Some(Told::Silent(name(), silent.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_and_silence_are_told_once_and_their_ends_too() {
        let start = Instant::now();
        let silent_after = Duration::from_mins(1);
        let mut state = State { is_troubled: false, heard: start, silent_after, is_silent: false };
        let name = || "log".to_owned();
        let bad = || Err("gone".to_owned());
        assert_eq!(state.read(name(), Ok(())), None);
        assert_eq!(state.read(name(), bad()), Some(Told::Unreadable(name(), "gone".to_owned())));
        assert_eq!(state.read(name(), bad()), None);
        assert_eq!(state.read(name(), Ok(())), Some(Told::Better(name())));
        let mut at =
            |secs, has_lines| state.silence(name, has_lines, start + Duration::from_secs(secs));
        assert_eq!(at(59, false), None);
        assert_eq!(at(60, false), Some(Told::Silent(name(), 60)));
        assert_eq!(at(90, false), None);
        assert_eq!(at(100, true), Some(Told::Heard(name())));
        assert_eq!(at(159, false), None);
        assert_eq!(at(160, false), Some(Told::Silent(name(), 60)));
    }
}
