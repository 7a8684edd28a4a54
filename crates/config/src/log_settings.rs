//! The access log, as far as it is configured.

use crate::ship::{Ship, ShipTo};
use std::path::PathBuf;
use std::time::Duration;

/// The access log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `None`: no access log is written.
    pub access: Option<PathBuf>,
    /// When a new file is begun. `None`: never.
    pub rotate: Option<Rotate>,
    /// Request headers to record beside the standard fields, names in lower case.
    pub headers: Vec<String>,
    /// Where its lines are sent as well.
    pub ship: Vec<Ship>,
}

impl Log {
    /// Whether requests become traces anywhere.
    pub fn makes_traces(&self) -> bool {
        self.ship.iter().any(|ship| matches!(ship.to, ShipTo::Otlp(_)))
    }
}

/// When a log's file is left for a new one; at least one of the first two is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotate {
    /// Past so many bytes.
    pub size: Option<u64>,
    /// So long after it was begun.
    pub every: Option<Duration>,
    /// How many old files stay. `None`: all.
    pub keep: Option<u32>,
}
