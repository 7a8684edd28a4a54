//! `burgrave run`: the gateway in the foreground.

use super::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_config::Settings;
use burgrave_gateway::Gateway;
use burgrave_sys::Live;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(30);

/// Serves until a signal ends it.
pub(super) fn run(config: &Path, threads: Option<usize>) -> Result<Exit, Error> {
    let system = Live;
    let settings = to_run(config)?;
    let rules = load::rules(&system, &settings)?;
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let count = rules.as_ref().map(|rules| rules.len());
    let signatures = rules.as_ref().map(|rules| rules.signatures().join(", ")).unwrap_or_default();
    for warning in rules.iter().flat_map(|rules| rules.warnings()) {
        output::notice(&format!("warning: {warning}"));
    }
    // Before anything is ready to be signalled.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| Error::Runtime("signals", error))?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let mut gateway = Gateway::start(settings, rules, threads).map_err(Error::Gateway)?;
    for address in gateway.addresses() {
        output::notice(&format!("listening on {address}"));
    }
    match count {
        Some(count) => output::notice(&format!("inspecting with {count} rules ({signatures})")),
        None => output::notice("no [rules] section: requests are not inspected"),
    }
    output::notice("ready");
    loop {
        match runtime.block_on(signals.next()) {
            Asked::Reload => reload(&mut gateway, config),
            Asked::Reopen => gateway.reopen_log(),
            Asked::Stop => break,
        }
    }
    output::notice("stopping: requests have 30 s to finish");
    gateway.shutdown(GRACE);
    output::notice("stopped");
    Ok(Exit::Clean)
}

/// The settings, if everything in them is acted on.
fn to_run(config: &Path) -> Result<Settings, Error> {
    let settings = load::settings(&Live, config)?;
    if settings.watch.is_empty() { Ok(settings) } else { Err(Error::WatchNotYet) }
}

/// Takes the configuration again; with an error in it everything goes on as before.
fn reload(gateway: &mut Gateway, config: &Path) {
    let system = Live;
    let taken = to_run(config).and_then(|settings| {
        let rules = load::rules(&system, &settings)?;
        gateway.reload(settings, rules).map_err(Error::Gateway)
    });
    match taken {
        Ok(()) => output::notice("configuration taken"),
        Err(error) => {
            output::error(&error);
            output::notice("configuration not taken: the last good one stays in force");
        }
    }
}

/// What a signal asks for.
enum Asked {
    Reload,
    Reopen,
    Stop,
}

struct Signals {
    hangup: tokio::signal::unix::Signal,
    user: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let one = |kind| signal(kind).map_err(|error| Error::Runtime("signals", error));
        Ok(Self {
            hangup: one(SignalKind::hangup())?,
            user: one(SignalKind::user_defined1())?,
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.user.recv() => Asked::Reopen,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
        }
    }
}
