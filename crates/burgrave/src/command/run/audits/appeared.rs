//! What begins to listen, and what begins to run as its owner: looked for between two audits.
//!
//! Sockets are listed every other second, and programs looked at only when that list is another. Files are walked by a
//! thread of its own, which rests a hundred times as long as it walked.

use crate::event::{Event, raise};
use burgrave_audit::appeared::{Appearance, Remembered, listening, privileged, sockets};
use burgrave_audit::facts::{Blind, Seen};
use burgrave_audit::{Facts, Ground};
use burgrave_config::Settings;
use burgrave_sys::{
    Access, Live, SysError, make_own_directory, monotonic, read_own, replace_own, wall_clock,
};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the sockets.
const SOCKETS: Duration = Duration::from_secs(2);
/// Between two looks at programs: where the list of sockets is another, and in any case.
const PROGRAMS_APART: Duration = Duration::from_secs(4);
const PROGRAMS: Duration = Duration::from_hours(1);
/// Between two times that what is known is written down, where nothing is new.
const KEEP: Duration = Duration::from_hours(1);
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
    /// When programs were looked at, too.
    looked_whole: Option<Duration>,
    /// When what is known was written down.
    kept: Option<Duration>,
    walking: Option<JoinHandle<Walked>>,
    walk_at: Duration,
    /// What was last said to be wrong with a look, and still is.
    troubles: BTreeMap<&'static str, String>,
}

impl Appeared {
    /// With what was kept; what makes no sense is learned anew, which is raised.
    pub(super) fn of(settings: &Settings) -> Self {
        let file = settings.state.join("audit/appeared.json");
        let (known, odd) = match read_own(&file, KEPT_BYTES_MAX) {
            Ok(bytes) => match Remembered::parse(&bytes) {
                Some(known) => (known, None),
                None => (Remembered::default(), Some("makes no sense".to_owned())),
            },
            Err(SysError::Missing(_)) => (Remembered::default(), None),
            Err(error) => {
                let why = format!("cannot be read ({})", burgrave_sys::chain(&error));
                (Remembered::default(), Some(why))
            }
        };
        if let Some(why) = odd {
            let path = file.display();
            let text =
                format!("`{path}` {why}: what listens and what runs as its owner is learned anew");
            raise(settings, &Event::Trouble(text));
        }
        Self {
            settings: settings.clone(),
            file,
            known,
            listed: Vec::new(),
            looked: None,
            looked_whole: None,
            kept: None,
            walking: None,
            walk_at: Duration::ZERO,
            troubles: BTreeMap::new(),
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
                let broke = |_panic| (Err(Blind::new("/", "the walk broke off")), WALKS);
                let (files, took) = walked.unwrap_or_else(broke);
                self.walk_at = now + WALKS.max(took.saturating_mul(REST));
                has_news |=
                    self.take("files", files, Remembered::runs_as_owner, Event::RunsAsOwner);
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
            Err(blind) => return self.blind("sockets", &blind.why),
        };
        // What comes and goes again between two looks is seen with the next audit.
        let now = monotonic().0;
        let since = self.looked_whole.map(|last| now.saturating_sub(last));
        let is_same = listed == self.listed;
        if since.is_some_and(|since| since < if is_same { PROGRAMS } else { PROGRAMS_APART }) {
            return false;
        }
        let seen = listening(&facts);
        if seen.is_ok() {
            self.listed = listed;
        }
        self.looked_whole = Some(now);
        self.take("sockets", seen, Remembered::listens, Event::Listens)
    }

    fn take(
        &mut self,
        what: &'static str,
        seen: Seen<Vec<Appearance>>,
        remember: fn(&mut Remembered, u64, Vec<Appearance>) -> Vec<Appearance>,
        event: fn(Appearance) -> Event,
    ) -> bool {
        let seen = match seen {
            Ok(seen) => seen,
            Err(blind) => return self.blind(what, &blind.why),
        };
        self.troubles.remove(what);
        let now = u64::try_from(wall_clock().seconds()).unwrap_or(0);
        let before = self.known.count();
        let mut new = remember(&mut self.known, now, seen);
        let rest = new.split_off(new.len().min(RAISED_MAX)).len();
        let has_news = !new.is_empty();
        for own in new {
            raise(&self.settings, &event(own));
        }
        if rest > 0 {
            raise(&self.settings, &Event::Trouble(format!("{rest} more of the kind are new")));
        }
        // When something was seen last may be an hour old on the disk: it counts by the week.
        let is_old = self.kept.is_none_or(|kept| monotonic().0.saturating_sub(kept) >= KEEP);
        if has_news || is_old || self.known.count() != before {
            self.keep();
        }
        has_news
    }

    fn keep(&mut self) {
        let folder = self.settings.state.join("audit");
        let kept = make_own_directory(&folder)
            .and_then(|()| replace_own(&self.file, &self.known.text(), Access::Owner));
        match kept {
            Ok(()) => {
                self.kept = Some(monotonic().0);
                self.troubles.remove("the state");
            }
            Err(error) => {
                self.blind("the state", &burgrave_sys::chain(&error));
            }
        }
    }

    /// Raises what is wrong, once while it lasts.
    fn blind(&mut self, what: &'static str, why: &str) -> bool {
        if self.troubles.get(what).is_none_or(|last| last != why) {
            let text = format!("what begins to listen or to run as its owner is not seen: {why}");
            raise(&self.settings, &Event::Trouble(text));
            self.troubles.insert(what, why.to_owned());
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
