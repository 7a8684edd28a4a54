//! The supervisor: keeps a gateway, an agent and a keeper of certificates running, and replaces them when it is
//! asked to.
//!
//! It holds the listening sockets, so that no connection is refused while gateways come and go, and
//! opens the logs, which a gateway has no right to. It reads nothing that a stranger has sent.

use super::super::Exit;
use super::GRACE;
use super::keeper::{Keeper, Kind, Leaving};
use super::recorder::Recorder;
use super::serve::{ACCESS, AUDIT, LEFT, READY, SERVED};
use super::signals::{Asked, Signals};
use super::sockets::{Sockets, Ways};
use crate::error::Error;
use crate::{load, output};
use burgrave_config::{Rotate, Settings};
use burgrave_sys::{
    Access, Appender, Ask, Channel, Live, UnixTime, ask_to_end, channel, rotate_own, wall_clock,
};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How often is looked whether all have ended.
const SOON: Duration = Duration::from_millis(20);
/// How long a gateway that ends at once is left alone before the next, at first and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A gateway that ran for so long has not failed at its start.
const SETTLED: Duration = Duration::from_mins(1);
/// Gateways that may be ending; past it the oldest is killed.
const ENDING_MAX: usize = 8;
/// When certificates that were not taken are tried again.
const OWED: Duration = Duration::from_mins(1);

/// A gateway's process.
struct Process {
    child: Child,
    channel: Channel,
    started: Instant,
    ready: bool,
    left: bool,
    /// The fingerprint of the certificates that it has read.
    served: String,
    logs: Vec<KeptLog>,
    /// Where datagrams for its connections are put once another reads them.
    ways: Ways,
}

/// A log that this process keeps for the gateway.
struct KeptLog {
    word: &'static [u8],
    path: PathBuf,
    file: Option<Appender>,
    /// Whether it cannot be opened, which was said.
    trouble: bool,
}

impl KeptLog {
    /// Gives an access log that is large or old enough another name. The gateway goes on in it until the
    /// next one is open.
    fn rotate(&mut self, rotate: Option<&Rotate>) {
        let (Some(rotate), Some(file), true) = (rotate, &self.file, self.word == ACCESS) else {
            return;
        };
        let now = wall_clock();
        let keep = rotate.keep.map(|keep| usize::try_from(keep).unwrap_or(usize::MAX));
        let rotated = file.age().and_then(|age| {
            if file.in_place() && is_due(rotate, age, now) {
                rotate_own(&self.path, now, keep)?;
            }
            Ok(())
        });
        if let Err(error) = rotated
            && !std::mem::replace(&mut self.trouble, true)
        {
            output::error(&error);
        }
    }
}

/// Whether a file of this size, made then, is to be left.
fn is_due(rotate: &Rotate, (bytes, made): (u64, Option<UnixTime>), now: UnixTime) -> bool {
    let large = rotate.size.is_some_and(|size| bytes > size);
    let old = rotate.every.zip(made).is_some_and(|(every, made)| {
        u128::try_from(now.0.saturating_sub(made.0)).is_ok_and(|age| age >= every.as_micros())
    });
    bytes > 0 && (large || old)
}

struct Supervisor<'a> {
    config: &'a Path,
    program: PathBuf,
    threads: usize,
    sockets: Sockets,
    /// When the access log is rotated.
    rotate: Option<Rotate>,
    serving: Option<Process>,
    /// The next one, which is not ready yet.
    coming: Option<Process>,
    ending: Vec<Process>,
    /// The processes that begin anew with each configuration.
    beside: Vec<Keeper>,
    certificates: Keeper,
    /// Whether the next gateway is there for its certificates alone.
    renewing: bool,
    /// The settings of the gateway that serves, as far as they could be read.
    taken: Settings,
    /// When certificates are tried again that were not taken.
    owed: Option<Instant>,
    recorder: Recorder,
    pause: Duration,
    /// When a gateway that failed is started again.
    again: Option<Instant>,
    /// Whether no gateway has been ready yet.
    first: bool,
    /// Whether one that was replaced may still accept.
    replacing: bool,
}

/// Runs until a signal ends it.
pub(super) fn run(config: &Path, threads: usize) -> Result<Exit, Error> {
    let program = std::env::current_exe().map_err(|error| Error::Runtime("the gateway", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Runtime("signals", error))?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let settings = to_run(config)?;
    let mut supervisor = Supervisor {
        config,
        program,
        threads,
        sockets: Sockets::activated()?,
        rotate: settings.log.rotate.clone(),
        serving: None,
        coming: None,
        ending: Vec::new(),
        beside: Kind::BESIDE.map(Keeper::new).into(),
        certificates: Keeper::new(Kind::Certificates),
        renewing: false,
        taken: settings.clone(),
        owed: None,
        recorder: Recorder::start(&settings)?,
        pause: PAUSE,
        again: None,
        first: true,
        replacing: false,
    };
    supervisor.sockets.open(&settings, threads)?;
    supervisor.serving = Some(supervisor.start()?);
    supervisor.configure(&settings);
    loop {
        let asked = runtime.block_on(signals.next(supervisor.is_waiting()));
        match asked {
            Some(Asked::HandOver) => supervisor.hand_over(false),
            Some(Asked::Reopen) => supervisor.keep_logs(true),
            Some(Asked::Stop) => return Ok(supervisor.stop()),
            None => {}
        }
        if let Some(exit) = supervisor.look() {
            return Ok(exit);
        }
    }
}

impl Supervisor<'_> {
    /// Gives the processes beside the gateway a configuration.
    fn configure(&mut self, settings: &Settings) {
        for keeper in &mut self.beside {
            keeper.configure(&self.program, self.config, settings);
        }
        match Recorder::start(settings) {
            Ok(recorder) => self.recorder = recorder,
            Err(error) => output::error(&error),
        }
    }

    fn is_waiting(&self) -> bool {
        let starting = self.serving.as_ref().is_some_and(|process| !process.ready);
        starting
            || self.beside.iter().chain([&self.certificates]).any(Keeper::is_waiting)
            || self.coming.is_some()
            || self.again.is_some()
            || self.replacing
    }

    #[expect(clippy::disallowed_methods, reason = "this program again, not a tool of the machine")]
    fn start(&self) -> Result<Process, Error> {
        let (own, childs) = channel().map_err(Error::Sockets)?;
        let ways = self.sockets.ways()?;
        let others = self.serving.iter().chain(&self.coming).chain(&self.ending);
        let earlier: Vec<&Ways> = others.map(|process| &process.ways).collect();
        self.sockets.inherited(&ways, &earlier, true)?;
        let child = Command::new(&self.program)
            .args(["run", "--gateway", "--threads", &self.threads.to_string(), "--config"])
            .arg(self.config)
            .envs(self.sockets.variables(&ways, &earlier))
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_PID")
            .stdin(childs.into_stdio())
            .spawn();
        self.sockets.inherited(&ways, &earlier, false)?;
        let child = child.map_err(|error| Error::Runtime("the gateway", error))?;
        let started = Instant::now();
        let (ready, left, served, logs) = (false, false, String::new(), Vec::new());
        Ok(Process { child, channel: own, started, ready, left, served, logs, ways })
    }

    /// Begins to replace the gateway by a new one, with the configuration as it is now. `renewing`: for its
    /// certificates alone.
    fn hand_over(&mut self, renewing: bool) {
        self.renewing = renewing;
        if let Some(early) = self.coming.take() {
            // What it was started with is old already.
            end(&early, Ask::Now);
            self.ending.push(early);
            self.renewing = false;
        }
        let begun = to_run(self.config)
            .and_then(|settings| self.sockets.open(&settings, self.threads).map(|()| settings))
            .and_then(|settings| Ok((self.start()?, settings)));
        match begun {
            Ok((process, settings)) => {
                self.coming = Some(process);
                // A configuration that was changed meanwhile is taken by everybody, or by nobody.
                self.renewing &= settings == self.taken;
                if !self.renewing {
                    self.configure(&settings);
                }
            }
            Err(error) => {
                output::error(&error);
                self.not_taken();
            }
        }
    }

    /// Looks at everything once; says how to end when nothing can go on.
    fn look(&mut self) -> Option<Exit> {
        self.serving.iter_mut().chain(&mut self.coming).for_each(hear);
        self.keep_logs(false);
        self.leave();
        self.beside.iter_mut().for_each(Keeper::look);
        self.look_at_certificates();
        if self.coming.as_mut().is_some_and(has_ended) {
            self.coming = None;
            self.not_taken();
        } else if self.coming.as_ref().is_some_and(|process| process.ready) {
            self.replace();
        }
        if let Some(process) = &mut self.serving
            && let Ok(Some(status)) = process.child.try_wait()
        {
            if !process.ready && self.first {
                // What is wrong was said.
                return Some(Exit::Unproven);
            }
            let started = process.started;
            self.serving = None;
            self.plan_restart(status, started);
        }
        if self.first && self.serving.as_ref().is_some_and(|process| process.ready) {
            self.first = false;
            // An authority that is asked for one asks back at once: somebody must be there to answer.
            self.keep_certificates();
        }
        self.restart();
        None
    }

    /// Starts, replaces or ends the process that keeps certificates, by the configuration in force.
    fn keep_certificates(&mut self) {
        if let (Ok(settings), Some(process)) = (to_run(self.config), &self.serving) {
            self.certificates.serves(&process.served);
            self.certificates.configure(&self.program, self.config, &settings);
        }
    }

    /// Serves new certificates when there are any.
    fn look_at_certificates(&mut self) {
        if let Some(process) = &self.serving {
            self.certificates.serves(&process.served);
        }
        self.certificates.look();
        for told in self.certificates.take_told() {
            self.recorder.certificate(&told);
        }
        let owed = self.owed.is_some_and(|at| Instant::now() >= at);
        if self.certificates.take_reload() || owed {
            self.owed = None;
            self.hand_over(true);
        }
    }

    fn not_taken(&mut self) {
        if self.renewing {
            self.owed = Some(Instant::now() + OWED);
            output::notice(
                "certificates not taken: those before stay in force, tried again in 1 min",
            );
        } else {
            output::notice("configuration not taken: the last good one stays in force");
        }
    }

    /// Looks at those that are ending; a new configuration is in force when nobody accepts under the
    /// old one any more.
    fn leave(&mut self) {
        self.ending.iter_mut().for_each(hear);
        let left = |process: &mut Process| process.left || has_ended(process);
        if self.replacing && self.ending.iter_mut().all(left) {
            self.replacing = false;
            output::notice(if self.renewing {
                "certificates taken"
            } else {
                "configuration taken"
            });
        }
        self.ending.retain_mut(|process| !has_ended(process));
    }

    fn replace(&mut self) {
        let old = std::mem::replace(&mut self.serving, self.coming.take());
        if let Some(old) = old {
            end(&old, Ask::HandOver);
            self.ending.push(old);
        }
        while self.ending.len() > ENDING_MAX {
            let mut oldest = self.ending.remove(0);
            output::notice("a gateway that takes too long to end was killed");
            end(&oldest, Ask::Now);
            drop(oldest.child.wait());
        }
        if let Ok(settings) = to_run(self.config) {
            self.sockets.retain(&settings);
            self.rotate.clone_from(&settings.log.rotate);
            self.taken = settings;
        }
        if !self.renewing {
            self.owed = None;
            self.keep_certificates();
        }
        self.replacing = true;
    }

    fn plan_restart(&mut self, status: ExitStatus, started: Instant) {
        if started.elapsed() > SETTLED {
            self.pause = PAUSE;
        }
        output::notice(&format!("the gateway has ended ({status}): it is started again"));
        self.recorder.gateway_ended(status);
        self.again = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    fn restart(&mut self) {
        if self.again.is_none_or(|at| Instant::now() < at) {
            return;
        }
        match self.start() {
            Ok(process) => {
                self.serving = Some(process);
                self.again = None;
            }
            Err(error) => {
                output::error(&error);
                self.again = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(PAUSE_MAX);
            }
        }
    }

    /// Opens logs that were rotated away, or all when asked to, and hands them over.
    fn keep_logs(&mut self, asked: bool) {
        let Some(process) = self.serving.as_mut().filter(|process| process.ready) else { return };
        for log in &mut process.logs {
            log.rotate(self.rotate.as_ref());
            if !asked && log.file.as_ref().is_some_and(Appender::in_place) {
                continue;
            }
            let opened = Appender::open(&log.path, Access::Group).and_then(|file| {
                let message = [log.word, log.path.as_os_str().as_encoded_bytes()].concat();
                process.channel.send(&message, Some(file.descriptor()))?;
                Ok(file)
            });
            // Said once while it lasts; the gateway goes on in the old file.
            match opened {
                Ok(file) => (log.file, log.trouble) = (Some(file), false),
                Err(error) => {
                    if !std::mem::replace(&mut log.trouble, true) {
                        output::error(&error);
                    }
                }
            }
        }
    }

    /// Ends all gateways, which let requests finish.
    fn stop(mut self) -> Exit {
        let mut beside: Vec<Leaving> = self.beside.iter_mut().map(Keeper::stop).collect();
        beside.push(self.certificates.stop());
        let all = self.serving.take().into_iter().chain(self.coming.take()).chain(self.ending);
        let mut all: Vec<_> = all.collect();
        for process in &all {
            end(process, Ask::Finish);
        }
        let deadline = Instant::now() + GRACE + Duration::from_secs(5);
        while Instant::now() < deadline {
            all.retain_mut(|process| !has_ended(process));
            if all.is_empty() {
                beside.into_iter().for_each(Leaving::wait);
                return Exit::Clean;
            }
            std::thread::sleep(SOON);
        }
        for mut process in all {
            end(&process, Ask::Now);
            drop(process.child.wait());
        }
        beside.into_iter().for_each(Leaving::wait);
        Exit::Clean
    }
}

/// What a gateway has said.
fn hear(process: &mut Process) {
    while let Ok(Some(message)) = process.channel.receive(false) {
        process.ready |= message.bytes == READY;
        process.left |= message.bytes == LEFT;
        if let Some(served) = message.bytes.strip_prefix(SERVED) {
            process.served = served.iter().map(|byte| char::from(*byte)).collect();
        }
        for word in [ACCESS, AUDIT] {
            if let Some(path) = message.bytes.strip_prefix(word) {
                let path = PathBuf::from(OsStr::from_bytes(path));
                process.logs.push(KeptLog { word, path, file: None, trouble: false });
            }
        }
    }
}

/// The settings.
fn to_run(config: &Path) -> Result<Settings, Error> {
    let settings = load::settings(&Live, config)?;
    if settings.listeners.is_empty() && settings.streams.is_empty() {
        let why = "the configuration has no [[listen]], so there is nothing to serve: `burgrave backup schedule` does \
                   the backups of a machine that has nothing else";
        return Err(Error::Backup(why.to_owned()));
    }
    Ok(settings)
}

fn has_ended(process: &mut Process) -> bool {
    matches!(process.child.try_wait(), Ok(Some(_)))
}

/// One that has ended already needs no telling.
fn end(process: &Process, how: Ask) {
    drop(ask_to_end(&process.child, how));
}
