//! Keeps a process beside the gateway running, where the configuration has anything for it to do: the agent, and those that
//! keep certificates, do backups, ship logs, audit and tell people.
//!
//! Invariants: there is at most one of a kind; it ends when this process does, because its channel is closed
//! then; an agent without the right to change the kernel's tables is left out, and that is said.

use super::agent::UNABLE;
use super::certificates::{RELOAD, SERVED_VARIABLE};
use super::recorder::Certificate;
use super::serve::READY;
use crate::error::Error;
use crate::output;
use burgrave_certificates::Service;
use burgrave_config::Settings;
use burgrave_sys::{Ask, Channel, ask_to_end, channel};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long one that ends at once is left alone before the next, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// One that ran for so long has not failed at its start.
const SETTLED: Duration = Duration::from_mins(1);
/// How long it may take to end when it is no longer wanted.
const GRACE: Duration = Duration::from_secs(5);

/// What is kept of what it tells until somebody looks.
const TOLD_MAX: usize = 1_000;

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Follows logs and bans.
    Agent,
    /// Fetches certificates and watches them.
    Certificates,
    /// Does backups when they are due.
    Backups,
    /// Sends the access log elsewhere.
    Shipping,
    /// Audits the machine when that is due.
    Audits,
    /// Tells people.
    Alerts,
    /// Shares bans with other machines.
    Share,
    /// Takes decisions of engines, and answers bouncers.
    Decisions,
}

impl Kind {
    /// Those that begin anew with each configuration, whoever tells people first; certificates are a matter of their own.
    pub(super) const BESIDE: [Self; 7] = [
        Self::Alerts,
        Self::Agent,
        Self::Share,
        Self::Decisions,
        Self::Backups,
        Self::Shipping,
        Self::Audits,
    ];

    /// As people are told.
    const fn name(self) -> &'static str {
        match self {
            Self::Agent => "the agent",
            Self::Certificates => "the keeper of certificates",
            Self::Backups => "the backups' process",
            Self::Shipping => "the shipping of logs",
            Self::Audits => "the audits' process",
            Self::Alerts => "the alerts' process",
            Self::Share => "the sharing of bans",
            Self::Decisions => "the exchange of decisions",
        }
    }

    /// As the program is told.
    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Agent => &["run", "--agent", "--config"],
            Self::Certificates => &["run", "--certificates", "--config"],
            Self::Audits => &["run", "--audits", "--config"],
            Self::Backups => &["backup", "schedule", "--child", "--config"],
            Self::Shipping => &["run", "--shipping", "--config"],
            Self::Alerts => &["run", "--alerts", "--config"],
            Self::Share => &["run", "--share", "--config"],
            Self::Decisions => &["run", "--decisions", "--config"],
        }
    }

    fn has_work(self, settings: &Settings) -> bool {
        match self {
            // Whoever takes bans from elsewhere leaves the kernel to it.
            Self::Agent => {
                let bans = &settings.bans;
                let takes = !bans.crowdsec.is_empty() || bans.share.is_some();
                !settings.watch.is_empty()
                    || settings.firewall.is_some()
                    || takes
                    || !bans.lists.is_empty()
            }
            Self::Certificates => Service::is_wanted(settings),
            Self::Audits => settings.audit.is_some(),
            Self::Share => settings.bans.share.is_some(),
            Self::Decisions => {
                settings.bans.bouncers.is_some() || !settings.bans.crowdsec.is_empty()
            }
            Self::Alerts => !settings.alerts.channels.is_empty(),
            Self::Backups => settings.backups.iter().any(|job| {
                job.every.is_some() || job.verify.every.is_some() || job.drill.every.is_some()
            }),
            Self::Shipping => !settings.log.ship.is_empty(),
        }
    }
}

/// A process, if there is to be one.
pub(super) struct Keeper {
    kind: Kind,
    /// Whether the gateway is to read certificates anew.
    reload: bool,
    /// What it tells of certificates, to be recorded.
    told: Vec<Certificate>,
    /// The fingerprint of the certificates that the gateway has read.
    served: String,
    wanted: Option<(PathBuf, PathBuf)>,
    running: Option<Running>,
    again: Option<Instant>,
    pause: Duration,
}

struct Running {
    child: Child,
    channel: Channel,
    started: Instant,
    is_ready: bool,
    is_unable: bool,
}

/// One that was told to end.
pub(super) struct Leaving(Option<Child>);

impl Keeper {
    /// None yet.
    pub(super) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            reload: false,
            told: Vec::new(),
            served: String::new(),
            wanted: None,
            running: None,
            again: None,
            pause: PAUSE,
        }
    }

    /// What the gateway serves now.
    pub(super) fn serves(&mut self, served: &str) {
        if self.served != served {
            served.clone_into(&mut self.served);
        }
    }

    /// Whether the gateway is to read certificates anew; asked for once.
    pub(super) fn take_reload(&mut self) -> bool {
        std::mem::take(&mut self.reload)
    }

    /// What it has told of certificates since this was last asked.
    pub(super) fn take_told(&mut self) -> Vec<Certificate> {
        std::mem::take(&mut self.told)
    }

    /// Starts, replaces or ends it by a new configuration.
    pub(super) fn configure(&mut self, program: &Path, config: &Path, settings: &Settings) {
        // One at a time: the next one begins where this one has stopped reading.
        self.stop().wait();
        let has_work = self.kind.has_work(settings);
        self.wanted = has_work.then(|| (program.to_path_buf(), config.to_path_buf()));
        self.pause = PAUSE;
        self.again = has_work.then(Instant::now);
        self.look();
    }

    /// Whether news are expected.
    pub(super) fn is_waiting(&self) -> bool {
        self.again.is_some() || self.running.as_ref().is_some_and(|running| !running.is_ready)
    }

    /// Looks at it once, and starts it when it is time to.
    pub(super) fn look(&mut self) {
        if let Some(running) = &mut self.running {
            while let Ok(Some(message)) = running.channel.receive(false) {
                running.is_ready |= message.bytes == READY;
                running.is_unable |= message.bytes == UNABLE;
                self.reload |= message.bytes == RELOAD;
                let told = Certificate::parse(&message.bytes);
                self.told.extend(told.filter(|_| self.told.len() < TOLD_MAX));
            }
            if let Ok(Some(status)) = running.child.try_wait() {
                let (was_settled, is_unable) =
                    (running.started.elapsed() > SETTLED, running.is_unable);
                self.running = None;
                if is_unable {
                    self.wanted = None;
                    output::notice(
                        "nothing is banned: the agent is left out, everything else runs",
                    );
                    return;
                }
                let name = self.kind.name();
                output::notice(&format!("{name} has ended ({status}): it is started again"));
                self.pause = if was_settled { PAUSE } else { (self.pause * 2).min(PAUSE_MAX) };
                self.again = Some(Instant::now() + self.pause);
            }
        }
        if self.again.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.again = None;
        let Some((program, config)) = &self.wanted else { return };
        match start(self.kind, &self.served, program, config) {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                output::error(&error);
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                self.again = Some(Instant::now() + self.pause);
            }
        }
    }

    /// Tells it to end: its channel is closed.
    pub(super) fn stop(&mut self) -> Leaving {
        self.again = None;
        Leaving(self.running.take().map(|running| running.child))
    }
}

impl Leaving {
    /// Waits until it has ended.
    pub(super) fn wait(self) {
        let Some(mut child) = self.0 else { return };
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // One that has ended already needs no telling.
        drop(ask_to_end(&child, Ask::Now));
        drop(child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "this program again, not a tool of the machine")]
fn start(kind: Kind, served: &str, program: &Path, config: &Path) -> Result<Running, Error> {
    let (own, childs) = channel().map_err(Error::Sockets)?;
    let child = Command::new(program)
        .args(kind.arguments())
        .arg(config)
        .env(SERVED_VARIABLE, served)
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_PID")
        .stdin(childs.into_stdio())
        .spawn()
        .map_err(|error| Error::Runtime(kind.name(), error))?;
    Ok(Running { child, channel: own, started: Instant::now(), is_ready: false, is_unable: false })
}
