//! What begins to listen, and what begins to run as its owner: looked for between two audits.
//!
//! Sockets are listed every other second, and programs looked at only when that list is another. Files are walked by a
//! thread of its own, which rests a hundred times as long as it walked.

use crate::event::{Event, raise};
use burgrave_audit::appeared::{Appearance, Remembered, listening, privileged, sockets};
use burgrave_audit::facts::Seen;
use burgrave_audit::{Facts, Ground};
use burgrave_config::Settings;
use burgrave_sys::{
    Access, Live, make_own_directory, monotonic, read_own, replace_own, wall_clock,
};
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the sockets.
const SOCKETS: Duration = Duration::from_secs(2);
/// Between two walks at least, and how many times as long as the last one took.
const WALKS: Duration = Duration::from_mins(1);
const REST: u32 = 100;
const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// News that are raised one by one in a look; the rest is counted.
const RAISED_MAX: usize = 100;

type Walked = (Seen<Vec<Appearance>>, Duration);

pub(super) struct Appeared {
    settings: Settings,
    file: PathBuf,
    known: Remembered,
    listed: Vec<(&'static str, IpAddr, u16)>,
    looked: Option<Duration>,
    walking: Option<JoinHandle<Walked>>,
    walk_at: Duration,
    /// What was last said to be wrong, and still is.
    trouble: Option<String>,
}

impl Appeared {
    /// With what was kept; what makes no sense is learned anew, which is raised.
    pub(super) fn of(settings: &Settings) -> Self {
        let file = settings.state.join("audit/appeared.json");
        let kept = read_own(&file, KEPT_BYTES_MAX);
        let known = kept.as_ref().ok().and_then(|bytes| Remembered::parse(bytes));
        if kept.is_ok() && known.is_none() {
            let path = file.display();
            let text = format!(
                "`{path}` makes no sense: what listens and what runs as its owner is learned anew"
            );
            raise(settings, &Event::Trouble(text));
        }
        Self {
            settings: settings.clone(),
            file,
            known: known.unwrap_or_default(),
            listed: Vec::new(),
            looked: None,
            walking: None,
            walk_at: Duration::ZERO,
            trouble: None,
        }
    }

    /// Looks at what is due. Whether anything is new.
    pub(super) fn turn(&mut self) -> bool {
        let now = monotonic().0;
        let mut has_news = false;
        if self.looked.is_none_or(|looked| now.saturating_sub(looked) >= SOCKETS) {
            self.looked = Some(now);
            has_news |= self.look();
        }
        match self.walking.take() {
            Some(walking) if walking.is_finished() => {
                let walked = walking.join();
                let (files, took) = walked.unwrap_or_else(|_panic| (Ok(Vec::new()), WALKS));
                self.walk_at = now + WALKS.max(took.saturating_mul(REST));
                has_news |= self.take(files, Remembered::runs_as_owner, Event::RunsAsOwner);
            }
            Some(walking) => self.walking = Some(walking),
            None if now >= self.walk_at => self.walking = Some(std::thread::spawn(walk)),
            None => {}
        }
        has_news
    }

    fn look(&mut self) -> bool {
        let facts = Facts::new(&Live, Ground::Running);
        let listed = match sockets(&facts) {
            Ok(listed) => listed,
            Err(blind) => return self.blind(&blind.why),
        };
        // What comes and goes again between two looks with the same list is seen with the next audit.
        if std::mem::replace(&mut self.listed, listed) == self.listed {
            return false;
        }
        let seen = listening(&facts);
        self.take(seen, Remembered::listens, Event::Listens)
    }

    fn take(
        &mut self,
        seen: Seen<Vec<Appearance>>,
        remember: fn(&mut Remembered, u64, Vec<Appearance>) -> Vec<Appearance>,
        event: fn(Appearance) -> Event,
    ) -> bool {
        let seen = match seen {
            Ok(seen) => seen,
            Err(blind) => return self.blind(&blind.why),
        };
        let now = u64::try_from(wall_clock().seconds()).unwrap_or(0);
        let before = self.known.clone();
        let mut new = remember(&mut self.known, now, seen);
        let rest = new.split_off(new.len().min(RAISED_MAX)).len();
        let has_news = !new.is_empty();
        for own in new {
            raise(&self.settings, &event(own));
        }
        if rest > 0 {
            raise(&self.settings, &Event::Trouble(format!("{rest} more of the kind are new")));
        }
        if self.known != before {
            self.keep();
        }
        has_news
    }

    fn keep(&mut self) {
        let folder = self.settings.state.join("audit");
        let kept = make_own_directory(&folder)
            .and_then(|()| replace_own(&self.file, &self.known.text(), Access::Owner));
        match kept {
            Ok(()) => self.trouble = None,
            Err(error) => {
                self.blind(&burgrave_sys::chain(&error));
            }
        }
    }

    /// Raises what is wrong, once while it lasts.
    fn blind(&mut self, why: &str) -> bool {
        if self.trouble.as_deref() != Some(why) {
            let text = format!("what begins to listen or to run as its owner is not seen: {why}");
            raise(&self.settings, &Event::Trouble(text));
            self.trouble = Some(why.to_owned());
        }
        false
    }
}

fn walk() -> Walked {
    let begun = monotonic().0;
    let facts = Facts::new(&Live, Ground::Running);
    let seen = privileged(&facts);
    (seen, monotonic().0.saturating_sub(begun))
}
