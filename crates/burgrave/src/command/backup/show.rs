//! Numbers, lists and progress as people read them.

use crate::cli::Format;
use crate::error::Error;
use crate::output;
use burgrave_sys::{Moment, monotonic};
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::Duration;

/// Lines of one kind that are shown as text.
const LINES_MAX: usize = 100;

/// Bytes in the largest unit that leaves a number of one or more.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale: u64 = 1;
    while unit + 1 < UNITS.len() && count / scale >= 1024 {
        scale = scale.saturating_mul(1024);
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if scale == 1 {
        return format!("{count} {name}");
    }
    let tenths = count / (scale / 10).max(1);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A time to the tenth of a second.
pub(super) fn time(took: Duration) -> String {
    format!("{}.{} s", took.as_secs(), took.subsec_millis() / 100)
}

/// Lines, the first of them; each begins with a word.
pub(super) fn lines(word: &str, lines: &[String], count: u64) -> String {
    let mut text = String::new();
    for line in lines.iter().take(LINES_MAX) {
        text.push_str(&format!("{word}{line}\n"));
    }
    let shown = u64::try_from(lines.len().min(LINES_MAX)).unwrap_or(u64::MAX);
    if count > shown {
        text.push_str(&format!("{word}… and {} more\n", count - shown));
    }
    text
}

/// Text or JSON, as asked for.
pub(super) fn result(format: Format, text: &str, json: &Value) -> Result<(), Error> {
    match format {
        Format::Text => output::text(text),
        Format::Json => output::text(&format!("{json}\n")),
    }
}

/// How often it is shown where it stands: to somebody who looks, and as an event for programs.
const SHOWN: Duration = Duration::from_millis(200);
const TOLD: Duration = Duration::from_secs(30);

/// Where something stands that takes its time: a line that is written over in a terminal, events otherwise.
pub(super) struct Progress {
    is_terminal: bool,
    last: Mutex<Option<Moment>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        // What is done soon is no event.
        let last = if is_terminal { None } else { Some(monotonic()) };
        Self { is_terminal, last: Mutex::new(last) }
    }

    /// Shows where it stands, a few times a second or twice a minute.
    pub(super) fn tell(&self, line: impl FnOnce() -> String) {
        if let Some(text) = self.due(monotonic(), line) {
            // Where nobody reads it nothing is lost.
            drop(write!(std::io::stderr(), "{text}"));
        }
    }

    /// What is to be written now.
    fn due(&self, now: Moment, line: impl FnOnce() -> String) -> Option<String> {
        let mut last = self.last.try_lock().ok()?;
        let every = if self.is_terminal { SHOWN } else { TOLD };
        if last.is_some_and(|last| now - last < every) {
            return None;
        }
        *last = Some(now);
        Some(if self.is_terminal {
            format!("\r\x1b[K{}", line())
        } else {
            format!("event: {}\n", json!({ "event": "backup.progress", "text": line() }))
        })
    }

    /// Of how much, as a bar.
    pub(super) fn bar(&self, done: u64, of: u64) {
        self.tell(|| {
            let percent = done.saturating_mul(100).checked_div(of).unwrap_or(100).min(100);
            let filled = usize::try_from(percent / 4).unwrap_or(0);
            let (full, empty) = ("#".repeat(filled), ".".repeat(25_usize.saturating_sub(filled)));
            format!("[{full}{empty}] {percent} %  {} of {}", bytes(done), bytes(of))
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_a_line_and_programs_have_events() {
        let at = |millis: u64| Moment(Duration::from_millis(millis));
        let line = || "7 files".to_owned();
        let shown = Progress { is_terminal: true, last: Mutex::new(None) };
        assert_eq!(shown.due(at(0), line).as_deref(), Some("\r\x1b[K7 files"));
        assert_eq!(shown.due(at(199), line), None);
        assert!(shown.due(at(200), line).is_some());
        let told = Progress { is_terminal: false, last: Mutex::new(Some(at(0))) };
        assert_eq!(told.due(at(29_999), line), None);
        let event = "event: {\"event\":\"backup.progress\",\"text\":\"7 files\"}\n";
        assert_eq!(told.due(at(30_000), line).as_deref(), Some(event));
        assert_eq!(told.due(at(30_001), line), None);
    }

    #[test]
    fn numbers_are_short() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(time(Duration::from_millis(1_250)), "1.2 s");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let all: Vec<String> = (0..150).map(|number| number.to_string()).collect();
        let text = lines("- ", &all, 200);
        assert!(text.starts_with("- 0\n") && text.ends_with("- … and 100 more\n"), "{text}");
        assert_eq!(lines("- ", &[], 0), "");
    }
}
