//! Folders that are watched: what changes in them is compared with what was accepted, and raised.
//!
//! Invariants: a change is raised once a turn and path; no more than a number of them is raised a minute, and the rest
//! is counted; folders that come are watched with what they hold.

use crate::command::baseline;
use crate::event::{Event, raise};
use crate::load;
use burgrave_audit::baseline::{Baseline, Difference, What, folders};
use burgrave_audit::{Facts, Ground};
use burgrave_config::Settings;
use burgrave_sys::{
    Happening, Kind, Live, Observer, Step, System as _, UnixTime, WalkLimits, monotonic,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Folders that are watched at most.
const FOLDERS_MAX: usize = 60_000;
const LIMITS: WalkLimits = WalkLimits { entries_max: 500_000, depth_max: 64 };
/// After the first news so long for others of the same path: a rewritten file is several.
const TOGETHER: Duration = Duration::from_millis(150);
/// Changes that are raised one by one in a minute.
const RAISED_MAX: usize = 100;
const MINUTE: Duration = Duration::from_mins(1);

pub(super) struct Folders {
    observer: Observer,
    settings: Settings,
    accepted: Option<Baseline>,
    /// By which another baseline is known.
    stamp: Option<(u64, UnixTime)>,
    top: Vec<PathBuf>,
    /// What was raised already, so that it is raised once.
    told: Vec<Difference>,
    window: Duration,
    raised: usize,
    left: usize,
}

impl Folders {
    /// Those of the accepted baseline, else `/etc` and the web roots.
    pub(super) fn of(settings: &Settings) -> Result<Self, String> {
        let stamp = baseline::stamp(&settings.state);
        let accepted = baseline::kept(&settings.state, None).map_err(|blind| blind.why)?;
        let top = if let Some(accepted) = &accepted {
            accepted.folders.clone()
        } else {
            let mut facts = Facts::new(&Live, Ground::Running);
            facts.served = load::roots(settings);
            folders(&facts).map_err(|blind| blind.why)?
        };
        let observer = Observer::new(FOLDERS_MAX).map_err(|error| error.to_string())?;
        let settings = settings.clone();
        let (told, window) = (Vec::new(), monotonic().0);
        let mut out =
            Self { observer, settings, accepted, stamp, top, told, window, raised: 0, left: 0 };
        for folder in out.top.clone() {
            out.add(&folder)?;
        }
        Ok(out)
    }

    pub(super) fn count(&self) -> usize {
        self.observer.folders()
    }

    /// Watches a folder and all below it; says what is in it.
    fn add(&mut self, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let mut below = vec![folder.to_owned()];
        let mut files = Vec::new();
        // Watched first, looked at then: what comes in between is told twice rather than not.
        if self.observer.add(folder).is_err() {
            return Ok(files);
        }
        let walked = Live.walk(folder, LIMITS, &mut |path, metadata| {
            if metadata.kind == Kind::Directory {
                below.push(path.to_owned());
            }
            files.push(path.to_owned());
            Step::Into
        });
        for folder in below.iter().skip(1) {
            // One that is gone again is no trouble; too many are.
            if let Err(error @ burgrave_sys::SysError::TooLarge { .. }) = self.observer.add(folder)
            {
                return Err(error.to_string());
            }
        }
        match walked {
            Ok(walked) if walked.cut => Err(format!("`{}` holds too much", folder.display())),
            Ok(_) | Err(_) => Ok(files),
        }
    }

    /// Waits for changes and raises them; whether there were any.
    pub(super) fn turn(&mut self, time_max: Duration) -> bool {
        let mut events = match self.observer.wait(time_max) {
            Ok(events) => events,
            Err(error) => {
                raise(
                    &self.settings,
                    &Event::Trouble(format!("folders cannot be watched: {error}")),
                );
                std::thread::sleep(time_max);
                return false;
            }
        };
        self.tell_left();
        if events.is_empty() {
            return false;
        }
        std::thread::sleep(TOGETHER);
        events.extend(self.observer.wait(Duration::ZERO).unwrap_or_default());
        // Somebody may have accepted what is there meanwhile.
        let stamp = baseline::stamp(&self.settings.state);
        if stamp != self.stamp
            && let Ok(accepted) = baseline::kept(&self.settings.state, None)
        {
            self.stamp = stamp;
            self.accepted = accepted;
            self.told.clear();
        }
        let mut paths = BTreeSet::new();
        for event in events {
            match event.what {
                Happening::Lost => raise(&self.settings, &Event::Trouble(
                    "more changed at once than the kernel tells: `burgrave baseline check` looks at all".to_owned(),
                )),
                Happening::MadeFolder => {
                    paths.extend(self.add(&event.path).unwrap_or_else(|why| {
                        raise(&self.settings, &Event::Trouble(format!("a new folder is not watched: {why}")));
                        Vec::new()
                    }));
                    paths.insert(event.path);
                }
                Happening::Made | Happening::Written | Happening::Attributes | Happening::Gone => {
                    paths.insert(event.path);
                }
            }
        }
        let facts = Facts::new(&Live, Ground::Running);
        let mut changed = false;
        for path in paths {
            changed |= self.changed(&facts, &path);
        }
        changed
    }

    /// Raises a change that is one; whether it was.
    fn changed(&mut self, facts: &Facts<'_>, path: &Path) -> bool {
        let difference = match &self.accepted {
            Some(accepted) if !accepted.covers(path) => return false,
            Some(accepted) => accepted.look(facts, path),
            None => Some(Difference { path: path.to_owned(), what: vec![What::Content] }),
        };
        let known = self.told.iter().position(|told| told.path == path);
        let Some(difference) = difference else {
            // As it was accepted again.
            if let Some(at) = known {
                self.told.swap_remove(at);
            }
            return known.is_some();
        };
        if self.accepted.is_none() {
            self.raise(&Event::Touched(difference.shown_path()));
            return true;
        }
        if known.and_then(|at| self.told.get(at)) == Some(&difference)
            && !difference.what.contains(&What::Content)
        {
            return false;
        }
        if let Some(at) = known {
            self.told.swap_remove(at);
        }
        if self.told.len() < RAISED_MAX * 10 {
            self.told.push(difference.clone());
        }
        self.raise(&Event::Changed(difference));
        true
    }

    fn raise(&mut self, event: &Event) {
        if self.raised < RAISED_MAX {
            self.raised += 1;
            raise(&self.settings, event);
        } else {
            self.left += 1;
        }
    }

    /// Counts anew every minute, and tells what was not told.
    fn tell_left(&mut self) {
        let now = monotonic().0;
        if now.saturating_sub(self.window) >= MINUTE {
            self.window = now;
            self.raised = 0;
            if self.left > 0 {
                raise(&self.settings, &Event::More(std::mem::take(&mut self.left)));
            }
        }
    }
}
