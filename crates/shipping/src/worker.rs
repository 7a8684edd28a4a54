//! One collector and the log, read for it: what is new goes out, and where reading ended is kept when it has arrived.

use crate::deliver::{Collector, open};
use crate::error::ShippingError;
use burgrave_config::{Settings, Ship};
use burgrave_follow::{Position, Source};
use burgrave_sys::{Access, Changes, SysError, chain, make_own_directory, read_own, replace_own};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Looked at the latest after so long, whatever the news say.
const LOOK: Duration = Duration::from_millis(200);
/// Between two attempts at a collector that is away, at first and at most.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Where reading has ended is written as often as this, and at the end.
const KEEP: Duration = Duration::from_secs(1);
const POSITION_BYTES_MAX: u64 = 64 * 1024;

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A collector, by name, that takes no lines, or for which the log cannot be read, and why; said once while it lasts.
    Trouble(String, String),
    /// It is over.
    Better(String),
}

/// Where it is kept how far each collector is.
pub fn folder(settings: &Settings) -> PathBuf {
    settings.state.join("shipping")
}

/// What is kept of a collector.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    to: String,
    /// `None`: there was no file yet, and its first line is the first that is sent.
    position: Option<Position>,
}

/// A collector at work.
pub struct Shipper {
    name: String,
    source: Source,
    changes: Changes,
    collector: Box<dyn Collector>,
    /// Read and not delivered yet: at most what the source gives in a turn.
    batch: Vec<Vec<u8>>,
    file: PathBuf,
    /// `None`: nothing was read yet, and the first line of the file is the first that is sent.
    kept: Option<Position>,
    kept_at: Instant,
    /// What was last said to be wrong, and still is.
    trouble: Option<String>,
}

impl Shipper {
    /// Begins where it ended; one that is new begins with the first line of the file as it is now.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read; a kept position that is none; a folder that cannot be made.
    pub fn new(settings: &Settings, ship: &Ship, log: &Path) -> Result<Self, ShippingError> {
        let collector = open(ship)?;
        Self::with(settings, ship, log, collector)
    }

    fn with(
        settings: &Settings,
        ship: &Ship,
        log: &Path,
        collector: Box<dyn Collector>,
    ) -> Result<Self, ShippingError> {
        let folder = folder(settings);
        make_own_directory(&folder)?;
        let file = folder.join(format!("{}.json", file_name(&ship.name)));
        let kept = position(&file, &ship.name)?;
        let source = match &kept {
            Some(position) => Source::open(log, Some(position)),
            None => Source::beginning(log),
        };
        let changes = Changes::new()?;
        source.watch(&changes);
        let own = Self {
            name: ship.name.clone(),
            source,
            changes,
            collector,
            batch: Vec::new(),
            file,
            kept,
            kept_at: Instant::now(),
            trouble: None,
        };
        Ok(own)
    }

    /// Works until it is told to end.
    pub fn run(mut self, is_over: &AtomicBool, tell: &dyn Fn(Told)) {
        let mut pause = PAUSE;
        while !is_over.load(Ordering::Relaxed) {
            match self.turn() {
                Ok(is_more) => {
                    pause = PAUSE;
                    self.hear(None, tell);
                    // Who cannot wait for news looks again after a while.
                    if !is_more && self.changes.wait(None::<&std::fs::File>, LOOK).is_err() {
                        std::thread::sleep(LOOK);
                    }
                }
                Err(error) => {
                    self.hear(Some(error), tell);
                    rest(pause, is_over);
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        if let Err(error) = self.keep() {
            self.hear(Some(error), tell);
        }
    }

    /// Reads what is new and hands it over. Whether there may be more at once.
    fn turn(&mut self) -> Result<bool, ShippingError> {
        let mut is_more = false;
        if self.kept.is_none() && self.batch.is_empty() {
            // Where it began is on the disk before anything is read: the file may get another name meanwhile.
            self.source.find();
            self.keep()?;
        }
        if self.batch.is_empty() {
            let batch = &mut self.batch;
            is_more = self.source.read(&self.changes, |line, _| batch.push(line.to_vec()))?;
        }
        if !self.batch.is_empty() {
            let name = || self.name.clone();
            let taken = self.collector.deliver(&self.batch);
            taken.map_err(|cause| ShippingError::Away { name: name(), cause })?;
            self.batch.clear();
        }
        if self.kept_at.elapsed() >= KEEP {
            self.keep()?;
        }
        Ok(is_more)
    }

    /// Writes down where reading has ended, unless something of it was not delivered.
    fn keep(&mut self) -> Result<(), ShippingError> {
        self.kept_at = Instant::now();
        let position = self.source.position();
        if !self.batch.is_empty() || self.kept == position {
            return Ok(());
        }
        let kept = Kept { to: self.name.clone(), position };
        let text = serde_json::to_vec(&kept)
            .map_err(|error| ShippingError::Position(self.file.clone(), error))?;
        replace_own(&self.file, &text, Access::Owner)?;
        self.kept = kept.position;
        Ok(())
    }

    fn hear(&mut self, error: Option<ShippingError>, tell: &dyn Fn(Told)) {
        let trouble = error.map(|error| chain(&error));
        if let Some(text) = trouble.as_ref().filter(|_| trouble != self.trouble) {
            tell(Told::Trouble(self.name.clone(), text.clone()));
        } else if trouble.is_none() && self.trouble.is_some() {
            tell(Told::Better(self.name.clone()));
        }
        self.trouble = trouble;
    }
}

fn rest(time: Duration, is_over: &AtomicBool) {
    let end = Instant::now() + time;
    while Instant::now() < end && !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK.min(time));
    }
}

/// A collector's name as one of a file. Two names that become the same are told apart by what is in the file.
fn file_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    name.chars().map(plain).take(200).collect()
}

fn position(file: &Path, name: &str) -> Result<Option<Position>, ShippingError> {
    let text = match read_own(file, POSITION_BYTES_MAX) {
        Ok(text) => text,
        Err(SysError::Missing(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kept: Kept = serde_json::from_slice(&text)
        .map_err(|error| ShippingError::Position(file.to_path_buf(), error))?;
    Ok(kept.position.filter(|_| kept.to == name))
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
