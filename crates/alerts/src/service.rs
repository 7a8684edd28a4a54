//! The process's work: takes what was raised, lets time pass, and delivers.
//!
//! Order is everything here. What was taken is written before its file is removed; a message is written before it is
//! sent, and its end is noted as soon as it is known. So a kill between any two steps loses nothing, and the one
//! step that cannot be made twice, the sending, has the same id when it is.

use crate::channel::{Channel, Failure};
use crate::event::{Event, Spooled};
use crate::message::Message;
use crate::sent::Sent;
use crate::spool::Spool;
use crate::state::{Outcome, State};
use crate::store::{AlertError, Store};
use burgrave_config::{AlertChannel, Alerts};
use burgrave_sys::wall_clock;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// How long is waited for news of channels before the spool is looked at again.
const LOOK: Duration = Duration::from_millis(200);
/// How long a message that is on its way may take when all ends.
const LAST: Duration = Duration::from_secs(3);

/// What whoever runs it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// These are on the disk now and their rows are to be written; they may have been before, where the last
    /// process was killed.
    Taken(Vec<Event>, bool),
    /// Something for the operator.
    Notice(String),
}

struct Done {
    channel: String,
    number: u64,
    result: Result<(), Failure>,
}

struct Courier {
    name: String,
    jobs: SyncSender<(u64, Message)>,
}

/// See the module.
pub struct Service {
    rules: Alerts,
    spool: Spool,
    store: Store,
    state: State,
    couriers: Vec<Courier>,
    done: Receiver<Done>,
    /// Messages on their way, with their channels.
    under_way: BTreeSet<(String, u64)>,
    sent: Sent,
    /// Whether the disk does not have all of the state.
    is_dirty: bool,
    /// What the disk did not take, which was said.
    trouble: Option<String>,
    /// Files whose content is in the state, to be removed once that is on the disk.
    taken: Vec<(String, Vec<Event>, bool)>,
}

impl Service {
    /// Takes up what is there. `host`: what this machine is called.
    pub fn start(
        state_folder: &Path,
        rules: &Alerts,
        host: &str,
        tell: &mut dyn FnMut(Said),
    ) -> Result<Self, AlertError> {
        let spool = Spool::open(state_folder)?;
        let (store, mut state) = Store::open(state_folder)?;
        let names: Vec<&str> = rules.channels.iter().map(|channel| channel.name.as_str()).collect();
        let gone = state.retain_channels(&names);
        if gone > 0 {
            tell(Said::Notice(format!(
                "warning: {gone} message(s) to channels that are configured no more were dropped"
            )));
        }
        // Those that were removed since the state was last written.
        state.taken.retain(|name| spool.has(name));
        let has_sent = Sent::apply(state_folder, &mut state)?;
        if has_sent || gone > 0 {
            store.write(&state)?;
        }
        let sent = Sent::open(state_folder)?;
        sent.clear()?;
        let (sender, done) = channel();
        let couriers = rules
            .channels
            .iter()
            .map(|channel| courier(channel, host, Sent::open(state_folder)?, &sender));
        let couriers = couriers.collect::<Result<_, _>>()?;
        Ok(Self {
            rules: rules.clone(),
            spool,
            store,
            state,
            couriers,
            done,
            under_way: BTreeSet::new(),
            is_dirty: false,
            sent,
            trouble: None,
            taken: Vec::new(),
        })
    }

    /// Does what is to be done, and waits a moment for news.
    pub fn turn(&mut self, tell: &mut dyn FnMut(Said)) -> Result<(), AlertError> {
        let now = wall_clock().0;
        self.take(now, tell)?;
        self.is_dirty |= self.state.tick(&self.rules, now);
        self.keep(tell)?;
        self.send(now);
        self.hear(LOOK, tell);
        if self.under_way.is_empty() && !self.is_dirty && self.sent.is_long() {
            self.sent.clear()?;
        }
        Ok(())
    }

    /// Waits for what is on its way, and keeps all.
    pub fn stop(mut self, tell: &mut dyn FnMut(Said)) -> Result<(), AlertError> {
        let end = Instant::now() + LAST;
        while !self.under_way.is_empty() && Instant::now() < end {
            self.hear(LOOK, tell);
        }
        self.keep(tell)
    }

    fn take(&mut self, now: i64, tell: &mut dyn FnMut(Said)) -> Result<(), AlertError> {
        let pending = &self.taken;
        let files = self.spool.take(|name| pending.iter().any(|(known, ..)| known == name))?;
        for file in files {
            if file.odd > 0 {
                let (name, odd) = (&file.name, file.odd);
                tell(Said::Notice(format!("warning: {odd} line(s) of `{name}` are no alerts")));
            }
            let was_taken = !self.state.taken.insert(file.name.clone());
            let mut events = Vec::new();
            for one in file.all {
                match one {
                    Spooled::Event(event) => {
                        let is_news = was_taken || self.state.take(&event, now);
                        if is_news && !event.is_over {
                            events.push(event);
                        }
                    }
                    Spooled::Order(order) if !was_taken => self.state.obey(order),
                    Spooled::Order(_) => {}
                }
            }
            self.is_dirty |= !was_taken;
            self.taken.push((file.name, events, was_taken));
        }
        let dropped = self.spool.take_dropped()?;
        if dropped > 0 {
            self.state.lose(dropped, "the spool is full", now);
            self.is_dirty = true;
        }
        Ok(())
    }

    /// Writes the state where it has changed, and then removes what was taken.
    fn keep(&mut self, tell: &mut dyn FnMut(Said)) -> Result<(), AlertError> {
        if self.is_dirty {
            if let Err(error) = self.store.write(&self.state) {
                let why = error.to_string();
                if self.trouble.as_ref() != Some(&why) {
                    tell(Said::Notice(format!("warning: alerts cannot be kept: {why}")));
                }
                self.trouble = Some(why);
                return Ok(());
            }
            self.is_dirty = false;
            if self.trouble.take().is_some() {
                tell(Said::Notice("alerts are kept again".to_owned()));
            }
        }
        for (name, events, was_taken) in std::mem::take(&mut self.taken) {
            if !events.is_empty() {
                tell(Said::Taken(events, was_taken));
            }
            self.spool.remove(&name)?;
            self.state.taken.remove(&name);
        }
        Ok(())
    }

    /// Hands messages that the disk has to channels that are free.
    fn send(&mut self, now: i64) {
        if self.is_dirty {
            return;
        }
        for number in self.state.due(now) {
            let Some(message) = self.state.queue.get(&number) else { continue };
            let is_busy = self.under_way.iter().any(|(channel, _)| *channel == message.channel);
            let courier = self.couriers.iter().find(|courier| courier.name == message.channel);
            let Some(courier) = courier.filter(|_| !is_busy) else { continue };
            if courier.jobs.try_send((number, message.clone())).is_ok() {
                self.under_way.insert((message.channel.clone(), number));
            }
        }
    }

    /// Hears what became of messages, and writes it at once.
    fn hear(&mut self, wait: Duration, tell: &mut dyn FnMut(Said)) {
        let mut next = self.done.recv_timeout(wait).ok();
        while let Some(done) = next {
            self.note(done, tell);
            next = self.done.try_recv().ok();
        }
        if self.is_dirty && self.store.write(&self.state).is_ok() {
            self.is_dirty = false;
        }
    }

    fn note(&mut self, done: Done, tell: &mut dyn FnMut(Said)) {
        let Done { channel, number, result } = done;
        self.under_way.remove(&(channel.clone(), number));
        self.is_dirty = true;
        let Err(failure) = result else {
            self.state.delivered(number);
            return;
        };
        let attempts = self.state.queue.get(&number).map_or(0, |message| message.attempts);
        let outcome = self.state.failed(number, failure.parts, wall_clock().0);
        let why = failure.why;
        match outcome {
            Some(Outcome::GivenUp(0)) => {
                tell(Said::Notice(format!(
                    "warning: channel `{channel}` got no sign of life: {why}"
                )));
            }
            Some(Outcome::GivenUp(count)) => tell(Said::Notice(format!(
                "warning: channel `{channel}`: {count} alert(s) were given up: {why}"
            ))),
            // Said at first, and then now and then.
            Some(Outcome::Again) if attempts.is_power_of_two() || attempts == 0 => {
                tell(Said::Notice(format!(
                    "warning: channel `{channel}` has not taken a message, it is tried again: {why}"
                )));
            }
            Some(Outcome::Again) | None => {}
        }
    }
}

fn courier(
    config: &AlertChannel,
    host: &str,
    mut sent: Sent,
    done: &Sender<Done>,
) -> Result<Courier, AlertError> {
    let channel = Channel::new(config, host)?;
    let (jobs, work) = sync_channel::<(u64, Message)>(1);
    let (name, done) = (config.name.clone(), done.clone());
    let own = name.clone();
    let run = move || {
        while let Ok((number, message)) = work.recv() {
            let result = channel.send(&message, &mut |parts| sent.note(&message.id, Some(parts)));
            if result.is_ok() {
                sent.note(&message.id, None);
            }
            if done.send(Done { channel: own.clone(), number, result }).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("channel".to_owned())
        .spawn(run)
        .map_err(AlertError::Thread)?;
    Ok(Courier { name, jobs })
}
