//! The gateway as its caller holds it: started, given new configurations, stopped.

use crate::accept::Admissions;
use crate::access::users::Checkers;
use crate::bind::{Bound, Handed, bind};
use crate::challenge::Challenges;
use crate::counters::{Counters, Counts};
use crate::error::GatewayError;
use crate::inspect::{Compiled, RuleSource};
use crate::limit::Buckets;
use crate::log::writer::{self, Keeper};
use crate::plan::{Plan, Purpose};
use crate::tls;
use crate::worker::{self, Command, Shared};
use arc_swap::ArcSwap;
use burgrave_config::Settings;
use burgrave_seclang::RuleSet;
use burgrave_sys::Appender;
use rustls::server::ProducesTickets;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A running gateway. Dropped without [`Gateway::shutdown`], it cuts everything off.
pub struct Gateway {
    shared: Shared,
    ticketer: Arc<dyn ProducesTickets>,
    loops: Vec<(UnboundedSender<Command>, JoinHandle<()>)>,
    /// Configured and real address of each listener.
    addresses: BTreeMap<SocketAddr, SocketAddr>,
    access: Log,
    audit: Log,
}

/// A log's file, and the thread that writes it.
struct Log {
    path: Option<PathBuf>,
    sink: writer::Sink,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    fn start(
        words: &'static writer::Words,
        file: Opened,
        keeper: writer::Keeper,
    ) -> Result<Self, GatewayError> {
        let path = file.as_ref().map(|(path, _)| path.clone());
        let (sink, thread) = writer::start(words, file, keeper).map_err(GatewayError::Runtime)?;
        Ok(Self { path, sink, thread: Some(thread) })
    }

    /// Another file, opened and not yet written to; `None`: the same as before.
    fn opened(&self, path: Option<&PathBuf>) -> Result<Option<Opened>, GatewayError> {
        if path == self.path.as_ref() {
            return Ok(None);
        }
        writer::open(path).map(Some).map_err(GatewayError::Log)
    }

    fn change(&mut self, file: Option<Opened>) {
        if let Some(file) = file {
            self.path = file.as_ref().map(|(path, _)| path.clone());
            self.sink.change(file);
        }
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.sink.end();
            drop(thread.join());
        }
    }
}

/// A log's file; `None`: nothing is to be written.
type Opened = Option<(PathBuf, Appender)>;

impl Gateway {
    /// Starts `threads` event loops (at least one) with these settings and rules. Returns when all
    /// listeners are bound.
    pub fn start(
        settings: Settings,
        rules: Option<Arc<RuleSet>>,
        threads: usize,
    ) -> Result<Self, GatewayError> {
        Self::start_with(settings, rules.map(compiled), threads)
    }

    /// Opens, reads and binds all that is needed, and starts no thread yet: so that the process can
    /// give up its rights in between.
    pub fn prepare(
        settings: Settings,
        rules: Option<Arc<RuleSet>>,
        threads: usize,
        handed: Handed,
    ) -> Result<Prepared, GatewayError> {
        Prepared::new(settings, rules.map(compiled), threads, handed)
    }

    /// Looks at everything that a start would open or load, and changes and binds nothing.
    pub fn check(settings: Settings) -> Result<(), GatewayError> {
        Plan::new(settings, None, &tls::ticketer()?, Purpose::Check).map(drop)
    }

    pub(crate) fn start_with(
        settings: Settings,
        rules: Option<Arc<dyn RuleSource>>,
        threads: usize,
    ) -> Result<Self, GatewayError> {
        Prepared::new(settings, rules, threads, Handed::default())?.start(writer::Keeper::Own)
    }

    fn run(prepared: Prepared, keeper: writer::Keeper) -> Result<Self, GatewayError> {
        let Prepared { plan, ticketer, bound, access, audit, threads } = prepared;
        let access = Log::start(&writer::ACCESS, access, keeper)?;
        let audit = Log::start(&writer::AUDIT, audit, keeper)?;
        let shared = Shared {
            index: 0,
            plan: Arc::new(ArcSwap::from_pointee(plan)),
            counters: Arc::new(Counters::default()),
            admissions: Admissions::new(),
            buckets: Arc::new(Buckets::new()),
            checkers: Checkers::new(),
            lists: Arc::default(),
            challenges: Challenges::new(burgrave_sys::seed().map_err(GatewayError::Seed)?),
            sink: access.sink.clone(),
            audit: audit.sink.clone(),
        };
        let loops = (0..threads).map(|index| start_loop(&shared, index)).collect();
        let mut gateway =
            Self { shared, ticketer, loops: Vec::new(), addresses: BTreeMap::new(), access, audit };
        gateway.loops = Result::<Vec<_>, _>::from_iter::<Vec<_>>(loops)?;
        gateway.listen(bound)?;
        Ok(gateway)
    }

    /// Lets time pass for the questions and passes of `challenge`, so that a rehearsal need not wait for their ends.
    pub fn advance_challenges(&self, time: Duration) {
        self.shared.challenges.advance(time);
    }

    /// Takes a new configuration. New addresses are bound before old ones are given up; on an error
    /// everything goes on as before. Requests that are under way end under the old configuration.
    pub fn reload(
        &mut self,
        settings: Settings,
        rules: Option<Arc<RuleSet>>,
    ) -> Result<(), GatewayError> {
        let plan = Plan::new(settings, rules.map(compiled), &self.ticketer, Purpose::Serve)?;
        let none = &mut Handed::default();
        let bound = bind(&plan.settings, &self.addresses, self.loops.len(), none)?;
        let access = self.access.opened(plan.settings.log.access.as_ref())?;
        let audit = self.audit.opened(plan.audit_log().as_ref())?;
        self.access.change(access);
        self.audit.change(audit);
        let wanted = plan.settings.addresses();
        self.shared.plan.store(Arc::new(plan));
        self.listen(bound)?;
        let old: Vec<_> =
            self.addresses.keys().filter(|address| !wanted.contains(address)).copied().collect();
        for address in old {
            self.addresses.remove(&address);
            for (sender, _) in &self.loops {
                sender.send(Command::Leave(address)).ok().ok_or(GatewayError::Gone)?;
            }
        }
        Ok(())
    }

    /// Stops accepting in favour of another process on the same sockets; when this returns no new
    /// connection comes here. Requests finish, and kept connections get one more answer each, for at
    /// most `patience`, so that no client loses a request. [`Self::shutdown`] is to follow.
    pub fn hand_over(&self, patience: Duration) {
        let (sender, left) = std::sync::mpsc::channel();
        for (commands, _) in &self.loops {
            // One that has ended already needs no telling.
            drop(commands.send(Command::Drain(patience, sender.clone())));
        }
        drop(sender);
        // Ends when every loop has answered or ended.
        while left.recv().is_ok() {}
    }

    /// Another file for a log, opened by whoever keeps it.
    pub fn take_log(&self, which: LogKind, file: Appender) {
        let log = match which {
            LogKind::Access => &self.access,
            LogKind::Audit => &self.audit,
        };
        log.sink.change(Some((file.path().to_path_buf(), file)));
    }

    /// Stops accepting, lets requests finish for at most `grace`, writes the rest of the log.
    pub fn shutdown(mut self, grace: Duration) {
        self.end(grace);
    }

    /// The addresses that are really listened on; a configured port 0 has become a port here.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.values().copied().collect()
    }

    /// The address that a configured one has become.
    pub fn address_of(&self, configured: SocketAddr) -> Option<SocketAddr> {
        self.addresses.get(&configured).copied()
    }

    /// Numbers since the start.
    pub fn counts(&self) -> Counts {
        self.shared.counters.counts(self.access.sink.lost())
    }

    /// Opens the logs again, after they were rotated.
    pub fn reopen_log(&self) {
        self.access.sink.reopen();
        self.audit.sink.reopen();
    }

    fn listen(&mut self, bound: Vec<Bound>) -> Result<(), GatewayError> {
        for Bound { configured, real, sockets, quic } in bound {
            self.addresses.insert(configured, real);
            for ((sender, _), socket) in self.loops.iter().cycle().zip(sockets) {
                let command = Command::Listen(configured, socket);
                sender.send(command).ok().ok_or(GatewayError::Gone)?;
            }
            for ((sender, _), socket) in self.loops.iter().zip(quic) {
                let command = Command::ListenQuic(configured, socket);
                sender.send(command).ok().ok_or(GatewayError::Gone)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, grace: Duration) {
        for (sender, _) in &self.loops {
            // One that has ended already needs no telling.
            drop(sender.send(Command::End(grace)));
        }
        for (_, thread) in self.loops.drain(..) {
            drop(thread.join());
        }
        self.access.end();
        self.audit.end();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gateway")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

fn compiled(rules: Arc<RuleSet>) -> Arc<dyn RuleSource> {
    Arc::new(Compiled::new(rules))
}

fn start_loop(
    shared: &Shared,
    index: usize,
) -> Result<(UnboundedSender<Command>, JoinHandle<()>), GatewayError> {
    let seed = burgrave_sys::seed().map_err(GatewayError::Seed)?;
    let (sender, receiver) = unbounded_channel();
    let shared = Shared { index, ..shared.clone() };
    let (ready, started) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name(format!("gateway {index}"))
        .spawn(move || run_loop(shared, seed, receiver, &ready))
        .map_err(GatewayError::Runtime)?;
    match started.recv() {
        Ok(Ok(())) => Ok((sender, thread)),
        Ok(Err(error)) => Err(GatewayError::Runtime(error)),
        Err(_ended) => Err(GatewayError::Gone),
    }
}

fn run_loop(
    shared: Shared,
    seed: [u8; 32],
    commands: UnboundedReceiver<Command>,
    ready: &std::sync::mpsc::SyncSender<std::io::Result<()>>,
) {
    match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => {
            drop(ready.send(Ok(())));
            runtime.block_on(worker::run(shared, seed, commands));
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

/// Which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// One line a request.
    Access,
    /// The rule engine's.
    Audit,
}

/// A gateway that has all that it needs and has not started.
pub struct Prepared {
    plan: Plan,
    ticketer: Arc<dyn ProducesTickets>,
    bound: Vec<Bound>,
    access: Opened,
    audit: Opened,
    threads: usize,
}

impl Prepared {
    fn new(
        settings: Settings,
        rules: Option<Arc<dyn RuleSource>>,
        threads: usize,
        mut handed: Handed,
    ) -> Result<Self, GatewayError> {
        let (ticketer, threads) = (tls::ticketer()?, threads.max(1));
        let plan = Plan::new(settings, rules, &ticketer, Purpose::Serve)?;
        let bound = bind(&plan.settings, &BTreeMap::new(), threads, &mut handed)?;
        let access = writer::open(plan.settings.log.access.as_ref()).map_err(GatewayError::Log)?;
        let audit = writer::open(plan.audit_log().as_ref()).map_err(GatewayError::Log)?;
        Ok(Self { plan, ticketer, bound, access, audit, threads })
    }

    /// The file for audit records, where the rules make any.
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.audit.as_ref().map(|(path, _)| path.clone())
    }

    /// Starts the event loops; `keeper` opens the logs anew when they were rotated.
    pub fn start(self, keeper: Keeper) -> Result<Gateway, GatewayError> {
        Gateway::run(self, keeper)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Prepared").field("threads", &self.threads).finish_non_exhaustive()
    }
}
