//! By what the lines of a log are read: a service's patterns, or a filter of fail2ban.

use crate::error::AgentError;
use burgrave_sys::System;
use burgrave_watch::fail2ban::{Custom, load_filter};
use burgrave_watch::{Event, Reader};
use std::path::Path;

/// Most of a file of fail2ban's configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// By what lines are read.
#[derive(Debug)]
pub enum Reading {
    /// A service's patterns.
    Service(Box<Reader>),
    /// A filter of fail2ban.
    Filter(Box<Custom>),
}

impl Reading {
    /// What a line says.
    pub fn line<'a>(&'a mut self, line: &'a [u8]) -> Option<Event<'a>> {
        match self {
            Self::Service(reader) => reader.line(line),
            Self::Filter(filter) => filter.line(line),
        }
    }
}

/// A filter of fail2ban; what it includes lies beside it.
pub fn filter(system: &dyn System, file: &Path, is_strict: bool) -> Result<Reading, AgentError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let files = |path: &str| {
        let path = folder.join(path.strip_prefix("filter.d/")?);
        String::from_utf8(system.read(&path, FILE_BYTES_MAX).ok()?).ok()
    };
    let mode = is_strict.then(|| ("mode".to_owned(), "aggressive".to_owned()));
    let loaded = load_filter(&files, name, &mode.into_iter().collect());
    loaded.map(|filter| Reading::Filter(Box::new(filter))).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        AgentError::Filter { file: file.to_path_buf(), why: all.join("; ") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_sys::Fake;

    #[test]
    fn a_filter_reads_lines_and_a_broken_one_says_why() {
        let system = Fake::new();
        system.file("/f/shop.conf", "[Definition]\nfailregex = ^denied <HOST>$\n");
        let mut reading = filter(&system, Path::new("/f/shop.conf"), false).unwrap();
        let ip = reading.line(b"denied 192.0.2.1").and_then(|event| event.ip);
        assert_eq!(ip.map(|ip| ip.to_string()).as_deref(), Some("192.0.2.1"));
        assert!(reading.line(b"welcome 192.0.2.1").is_none());
        let missing = filter(&system, Path::new("/f/none.conf"), false).unwrap_err();
        assert!(missing.to_string().contains("`/f/none.conf` cannot be run"), "{missing}");
    }
}
