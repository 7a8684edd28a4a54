//! The process that exchanges decisions: takes those of engines of `CrowdSec`, and answers its bouncers. It reads and writes
//! the file of bans, from which the agent puts them into the kernel; the agent itself reaches no network for it.

use super::super::raise::{self, Raiser};
use super::super::{Exit, record};
use super::agent::{banned, wrote};
use super::confinement;
use super::serve::READY;
use crate::error::Error;
use crate::{load, output};
use burgrave_agent::{Home, Journal, Shield};
use burgrave_config::Settings;
use burgrave_decisions::{DecisionsError, Heard, Server, Source};
use burgrave_firewall::Desired;
use burgrave_ledger::Scribe;
use burgrave_model::Topic;
use burgrave_sys::{Channel, Live, confine, make_own_directory, wall_clock};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two looks at the machine's own addresses.
const SHIELD: Duration = Duration::from_mins(1);

/// What a thread tells: an engine's name with what was heard, or why it ended.
type Word = Result<(String, Heard), DecisionsError>;

/// Exchanges until the supervisor is gone.
pub(super) fn run(config: &Path) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let settings = load::settings(&Live, config)?;
    let server = settings.bans.bouncers.as_ref();
    let server = server.map(|from| Server::open(from, &settings.state)).transpose()?;
    let sources: Result<Vec<_>, _> = settings.bans.crowdsec.iter().map(Source::open).collect();
    let sources = sources?;
    for folder in confinement::agent_folders(&settings) {
        make_own_directory(&folder).map_err(Error::Confine)?;
    }
    for part in confine(&confinement::of_decisions(&settings)).map_err(Error::Confine)? {
        output::notice(&format!("warning: decisions are exchanged without {part}"));
    }
    let raiser = Arc::new(
        Raiser::start(&settings).map_err(|error| Error::Runtime("the alerts' thread", error))?,
    );
    let told = Arc::clone(&raiser);
    let scribe = Scribe::start(&settings.state, move |said| wrote(&said, &told))
        .map_err(|error| Error::Runtime("the ledger's thread", error))?;
    let (sender, words) = channel();
    if let Some(server) = server {
        let sender = sender.clone();
        // It ends only when it cannot go on, which ends this process.
        std::thread::spawn(move || {
            let ended = server.run().map(|never| match never {});
            drop(sender.send(ended));
        });
    }
    for source in sources {
        let (settings, sender) = (settings.clone(), sender.clone());
        std::thread::spawn(move || {
            if let Err(error) = follow(source, &settings, &sender) {
                drop(sender.send(Err(error)));
            }
        });
    }
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    while !supervisor.is_closed() {
        match words.recv_timeout(PAUSE) {
            Ok(word) => {
                let (engine, heard) = word?;
                if let Heard::Taken(ban) = &heard {
                    scribe.add(record::banned(ban, None));
                }
                if let Some(event) = alert(&engine, &heard) {
                    raiser.add(event);
                }
                output::notice(&text(&engine, &heard));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
    Ok(Exit::Clean)
}

/// Takes an engine's decisions for as long as somebody listens.
fn follow(
    mut source: Source,
    settings: &Settings,
    sender: &Sender<Word>,
) -> Result<(), DecisionsError> {
    let mut journal = Journal::open(&Home::open(&settings.state)?)?;
    let allowed = Desired::of(settings).never;
    let of = || Shield::of(&Live, &allowed, None);
    let (mut shield, mut looked) = (of(), Instant::now());
    let name = source.name().to_owned();
    loop {
        if looked.elapsed() >= SHIELD {
            (shield, looked) = (of(), Instant::now());
        }
        let clock = || u64::try_from(wall_clock().seconds()).unwrap_or(0);
        let mut is_heard = true;
        let is_dry = settings.bans.dry_run;
        source.turn(&mut journal, &shield, (&clock, Instant::now()), is_dry, &mut |heard| {
            is_heard &= sender.send(Ok((name.clone(), heard))).is_ok();
        })?;
        if !is_heard {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

fn text(engine: &str, heard: &Heard) -> String {
    match heard {
        Heard::Taken(ban) => format!("{}, by `{engine}`", banned(ban)),
        Heard::Freed(target) => format!("unbanned {target}, by `{engine}`"),
        Heard::Spared(target, why) => format!("not banned: {target} is, or holds, {why}"),
        Heard::Left(count) => format!(
            "{count} decision(s) of `{engine}` are no bans of addresses or networks, or too many: they are left out"
        ),
        Heard::Dry(count) => {
            format!("dry run: would have banned {count} address(es) and network(s), by `{engine}`")
        }
        Heard::Away(why) => format!("warning: {}: {why}", away(engine)),
        Heard::Back => format!("`{engine}` answers again"),
    }
}

fn away(engine: &str) -> String {
    format!("no decisions come from `{engine}`")
}

fn alert(engine: &str, heard: &Heard) -> Option<raise::Event> {
    match heard {
        Heard::Away(why) => Some(raise::event(Topic::AgentTrouble, engine, &away(engine), why)),
        Heard::Back => Some(raise::over(Topic::AgentTrouble, engine, &text(engine, heard))),
        Heard::Taken(_) | Heard::Freed(_) | Heard::Spared(..) | Heard::Left(_) | Heard::Dry(_) => {
            None
        }
    }
}
