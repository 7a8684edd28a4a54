//! Decisions of an engine, taken as bans.
//!
//! What it holds is remembered as it tells it, and compared with what is in force here at each turn: so a decision takes
//! over when a ban of our own ends before it does. Once an hour all is asked for anew, whatever got lost between.

use crate::decision::Decision;
use crate::error::DecisionsError;
use crate::key::ApiKey;
use burgrave_agent::{Ban, Book, ENGINE, Entry, Journal, Shield, TAKEN_MAX};
use burgrave_client::{Address, Client, Patience, Request, Trust};
use burgrave_config::Engine;
use burgrave_watch::Target;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// An answer of the engine.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long it may take in all.
const ANSWER_TIME: Duration = Duration::from_mins(2);
/// Decisions that are held.
const HELD_MAX: usize = 200_000;
/// Of one address or network; those that end last.
const OF_ONE_MAX: usize = 8;
/// How often all is asked for.
const WHOLE: Duration = Duration::from_hours(1);
const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(5), idle: Duration::from_secs(30) };
/// Clocks may differ by so much, and the engine rounds.
const SLACK_SECS: u64 = 1;

/// What people are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Somebody was banned by a decision.
    Taken(Ban),
    /// Somebody was let in because the engine did.
    Freed(Target),
    /// Somebody would have been banned, and may not.
    Spared(Target, &'static str),
    /// Decisions that are none of ours to carry out, such as captchas; said when their number grows.
    Left(usize),
    /// So many decisions, and nobody is banned for them: it is a dry run.
    Dry(usize),
    /// The engine does not answer as it should; said once while it lasts.
    Away(String),
    /// It does again.
    Back,
}

/// What the engine answers. Both must be there: anything else is no answer of an engine, and not an empty one.
#[derive(Debug, Deserialize)]
struct Stream {
    new: List,
    deleted: List,
}

/// Decisions, or `null`; no more are kept than may be.
#[derive(Debug, Default)]
struct List {
    all: Vec<Decision>,
    /// How many there were beyond that.
    more: usize,
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // Not as an option, which a field that is missing would be as well.
        from.deserialize_any(Listed)
    }
}

struct Listed;

impl<'de> Visitor<'de> for Listed {
    type Value = List;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of decisions, or null")
    }

    fn visit_unit<E>(self) -> Result<List, E> {
        Ok(List::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List, A::Error> {
        let mut list = List::default();
        while list.all.len() < HELD_MAX {
            match from.next_element()? {
                Some(one) => list.all.push(one),
                None => return Ok(list),
            }
        }
        while from.next_element::<IgnoredAny>()?.is_some() {
            list.more += 1;
        }
        Ok(list)
    }
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All that the engine holds, for the first time.
    Begin,
    /// All that it holds.
    Whole,
    /// What has changed since.
    News,
}

/// A decision that the engine holds.
#[derive(Clone, Debug)]
struct Held {
    id: i64,
    until: u64,
    reason: String,
    /// When it was heard of. `None`: it was there when this process began, and may be older than a hand that let in.
    seen: Option<u64>,
}

/// Decisions of an engine.
#[derive(Debug)]
pub struct Source {
    name: String,
    every: Duration,
    path: String,
    client: Client,
    key: ApiKey,
    held: HashMap<Target, Vec<Held>>,
    /// When all was asked for last.
    whole: Option<Instant>,
    due: Option<Instant>,
    is_away: bool,
    spared: HashSet<Target>,
    left: usize,
    /// For whom there was no room.
    crowded: usize,
    dry: usize,
}

pub(crate) fn client(engine: &Engine) -> Result<(Client, ApiKey), DecisionsError> {
    let key = ApiKey::read(&engine.key_file)?;
    let trust = Trust { ca: engine.ca.clone(), own: None };
    let tls = engine.address.is_secure.then(|| trust.load()).transpose();
    let tls = tls.map_err(|error| DecisionsError::Client(engine.name.clone(), error))?;
    let address = Address { host: engine.address.host.clone(), port: engine.address.port };
    Ok((Client::new(address, tls, PATIENCE), key))
}

impl Source {
    /// Reads the key.
    ///
    /// # Errors
    ///
    /// The key or the authorities cannot be used.
    pub fn open(engine: &Engine) -> Result<Self, DecisionsError> {
        let (client, key) = client(engine)?;
        Ok(Self {
            name: engine.name.clone(),
            every: engine.every,
            path: engine.address.path.clone(),
            client,
            key,
            held: HashMap::new(),
            whole: None,
            due: None,
            is_away: false,
            spared: HashSet::new(),
            left: 0,
            crowded: 0,
            dry: 0,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the engine when that is due, and carries out what it has decided.
    ///
    /// # Errors
    ///
    /// The file of bans cannot be read or written. That the engine is away is told, and no error.
    pub fn turn(
        &mut self,
        journal: &mut Journal,
        shield: &Shield,
        (clock, at): (&dyn Fn() -> u64, Instant),
        is_dry: bool,
        tell: &mut dyn FnMut(Heard),
    ) -> Result<(), DecisionsError> {
        if self.due.is_some_and(|due| at < due) {
            return Ok(());
        }
        self.due = Some(at + self.every);
        let is_whole = self.is_away || self.whole.is_none_or(|whole| at - whole >= WHOLE);
        let asked = self.ask(is_whole);
        // An answer may take its time, and what it says counts from when it is there.
        let now = clock();
        match asked {
            Ok(stream) => {
                if std::mem::take(&mut self.is_away) {
                    tell(Heard::Back);
                }
                let part = match (is_whole, self.whole) {
                    (false, _) => Part::News,
                    (true, None) => Part::Begin,
                    (true, Some(_)) => Part::Whole,
                };
                if is_whole {
                    self.whole = Some(at);
                }
                self.merge(stream, part, now, tell);
            }
            Err(why) => {
                if !std::mem::replace(&mut self.is_away, true) {
                    tell(Heard::Away(why));
                }
            }
        }
        // Before the engine was heard once nothing is known of what it holds.
        if self.whole.is_none() {
            return Ok(());
        }
        if is_dry {
            let count = self.held.len();
            if std::mem::replace(&mut self.dry, count) != count {
                tell(Heard::Dry(count));
            }
            return Ok(());
        }
        self.settle(journal, shield, now, tell)
    }

    fn ask(&self, is_whole: bool) -> Result<Stream, String> {
        let request = Request {
            method: "GET",
            target: format!("{}/v1/decisions/stream?startup={is_whole}", self.path),
            headers: vec![
                ("x-api-key", self.key.reveal().to_owned()),
                ("accept", "application/json".to_owned()),
                ("user-agent", "burgrave".to_owned()),
            ],
            body: &[],
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = self
            .client
            .attempt_within(&request, ANSWER_TIME)
            .map_err(|error| burgrave_sys::chain(&error))?;
        if answer.status != 200 {
            return Err(answer.words());
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| format!("its answer is no list of decisions: {error}"))
    }

    /// Takes what the engine has told.
    fn merge(&mut self, stream: Stream, part: Part, now: u64, tell: &mut dyn FnMut(Heard)) {
        let is_whole = part != Part::News;
        let before = if is_whole { std::mem::take(&mut self.held) } else { HashMap::new() };
        // Of a whole list what is over does not matter: what is not in it is not held.
        for decision in stream.deleted.all.iter().filter(|_| !is_whole) {
            let Some(target) = decision.target() else { continue };
            if let Some(all) = self.held.get_mut(&target) {
                all.retain(|held| decision.id != 0 && held.id != decision.id);
                if all.is_empty() {
                    self.held.remove(&target);
                }
            }
        }
        let mut left = stream.new.more;
        for decision in stream.new.all {
            let is_full = self.held.len() >= HELD_MAX;
            let (Some(target), Some(secs)) = (decision.target(), decision.secs()) else {
                left += 1;
                continue;
            };
            if is_full && !self.held.contains_key(&target) {
                left += 1;
                continue;
            }
            let known = before.get(&target).into_iter().flatten();
            let known = known.into_iter().find(|held| held.id == decision.id);
            let seen = known.map_or((part != Part::Begin).then_some(now), |held| held.seen);
            let until = now.saturating_add(secs);
            let all = self.held.entry(target).or_default();
            all.retain(|held| held.id != decision.id);
            let reason = decision.scenario.chars().take(64).collect();
            all.push(Held { id: decision.id, until, reason, seen });
            if all.len() > OF_ONE_MAX {
                let first = all.iter().enumerate().min_by_key(|(_, held)| held.until);
                first.map(|(place, _)| place).into_iter().for_each(|place| drop(all.remove(place)));
            }
        }
        let left = if is_whole { left } else { self.left + left };
        if left > self.left {
            tell(Heard::Left(left));
        }
        self.left = left;
    }

    /// Brings what is in force here in step with what the engine holds.
    fn settle(
        &mut self,
        journal: &mut Journal,
        shield: &Shield,
        now: u64,
        tell: &mut dyn FnMut(Heard),
    ) -> Result<(), DecisionsError> {
        let (held, mut told) = (&self.held, Vec::new());
        let (name, spared) = (format!("{ENGINE}{}", self.name), &mut self.spared);
        let mut crowded = 0;
        journal.decide(now, |book| {
            let is_own = |ban: &Ban| ban.origin.as_ref() == Some(&name);
            let mut entries: Vec<Entry> = Vec::new();
            for ban in book.all(now).filter(|ban| is_own(ban) && !held.contains_key(&ban.target)) {
                told.push(Heard::Freed(ban.target));
                let origin = Some(name.clone());
                entries.push(Entry { origin, ..Entry::unban(ban.target, now) });
            }
            let mut room = TAKEN_MAX.saturating_sub(book.len());
            for (target, all) in held {
                let Some(longest) = all.iter().max_by_key(|held| held.until) else { continue };
                let before = book.active(*target, now);
                let is_longer = |ban: &Ban| longest.until > ban.until.saturating_add(SLACK_SECS);
                let is_wanted = match before {
                    Some(ban) => is_own(ban) && is_longer(ban),
                    None => longest.until > now && !is_freed(book, *target, all),
                };
                if !is_wanted {
                    continue;
                }
                if let Some(why) = shield.reason(*target) {
                    if spared.len() < HELD_MAX && spared.insert(*target) {
                        told.push(Heard::Spared(*target, why));
                    }
                    continue;
                }
                if before.is_none() {
                    let Some(rest) = room.checked_sub(1) else {
                        crowded += 1;
                        continue;
                    };
                    room = rest;
                }
                let ban = Ban {
                    origin: Some(name.clone()),
                    ..Ban::by_hand(*target, now, longest.until - now, &longest.reason)
                };
                entries.push(ban.entry());
                if before.is_none() {
                    told.push(Heard::Taken(ban));
                }
            }
            entries
        })?;
        // Once it is written, and not before.
        told.into_iter().for_each(&mut *tell);
        if std::mem::replace(&mut self.crowded, crowded) < crowded {
            tell(Heard::Left(crowded));
        }
        self.held.retain(|_, all| all.iter().any(|held| held.until > now));
        Ok(())
    }
}

/// Whether somebody was let in by hand since the engine has decided.
fn is_freed(book: &Book, target: Target, all: &[Held]) -> bool {
    let Some(freed) = book.let_in_by_hand(target) else { return false };
    all.iter().all(|held| held.seen.is_none_or(|seen| seen <= freed))
}

#[cfg(test)]
mod tests;
