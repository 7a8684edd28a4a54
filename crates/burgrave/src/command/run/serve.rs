//! The gateway's process, as the supervisor starts it.

use super::super::Exit;
use super::{GRACE, PATIENCE, confinement, sockets};
use crate::error::Error;
use crate::{load, output};
use burgrave_gateway::{Gateway, Keeper, LogKind, Prepared};
use burgrave_seclang::RuleSet;
use burgrave_sys::{Appender, Channel, Live, confine};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the gateway tells the supervisor when it serves.
pub(in crate::command) const READY: &[u8] = b"ready";
/// What it tells it when it accepts no more.
pub(super) const LEFT: &[u8] = b"left";
/// With the fingerprint of the certificates that it has read, what it tells it before.
pub(super) const SERVED: &[u8] = b"served:";
/// With a log's path, likewise.
pub(super) const ACCESS: &[u8] = b"access:";
pub(super) const AUDIT: &[u8] = b"audit:";

/// Serves until a signal, or the end of the supervisor, ends it.
pub(super) fn run(config: &Path, threads: usize) -> Result<Exit, Error> {
    let supervisor = Channel::of_child().ok_or(Error::NoSupervisor)?;
    let system = Live;
    let settings = load::settings(&system, config)?;
    let rules = load::rules(&system, &settings)?;
    let said = rules.as_deref().map_or_else(
        || "no [rules] section: requests are not inspected".to_owned(),
        |rules: &RuleSet| {
            let signatures = rules.signatures().join(", ");
            format!("inspecting with {} rules ({signatures})", rules.len())
        },
    );
    for warning in rules.iter().flat_map(|rules| rules.warnings()) {
        output::notice(&format!("warning: {warning}"));
    }
    let account = burgrave_sys::is_root()
        .then(|| confinement::account(&system, settings.user.as_deref()))
        .transpose()?;
    let keep = confinement::of(&settings, account.as_ref().map(|(_, ids)| *ids));
    let logs = settings.log.access.clone();
    burgrave_certificates::check(&settings).map_err(Error::Certificates)?;
    for site in burgrave_gateway::waiting(&settings) {
        output::notice(&format!(
            "warning: `{site}` is served with a self-signed certificate until one is fetched"
        ));
    }
    let served = [SERVED, burgrave_certificates::fingerprint(&settings).as_bytes()].concat();
    supervisor.send(&served, None).map_err(Error::Sockets)?;
    let prepared = Gateway::prepare(settings, rules, threads, sockets::handed()?);
    let prepared = prepared.map_err(Error::Gateway)?;
    tell_logs(&supervisor, logs, &prepared)?;
    let missing = confine(&keep).map_err(Error::Confine)?;
    for part in missing {
        output::notice(&format!("warning: the gateway runs without {part}"));
    }
    if let Some((name, _)) = account {
        output::notice(&format!("the gateway runs as `{name}`"));
    }
    serve(prepared, supervisor, &said)
}

fn tell_logs(
    supervisor: &Channel,
    access: Option<PathBuf>,
    prepared: &Prepared,
) -> Result<(), Error> {
    for (word, path) in [(ACCESS, access), (AUDIT, prepared.audit_log())] {
        let Some(path) = path else { continue };
        let message = [word, path.as_os_str().as_encoded_bytes()].concat();
        supervisor.send(&message, None).map_err(Error::Sockets)?;
    }
    Ok(())
}

fn serve(prepared: Prepared, supervisor: Channel, said: &str) -> Result<Exit, Error> {
    // Before anything is ready to be signalled.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| Error::Runtime("signals", error))?;
    let (sender, logs) = unbounded_channel();
    let supervisor = Arc::new(supervisor);
    let mut orders = runtime.block_on(async { Orders::new(Arc::clone(&supervisor), logs) })?;
    let gateway = prepared.start(Keeper::Other).map_err(Error::Gateway)?;
    for address in gateway.addresses() {
        output::notice(&format!("listening on {address}"));
    }
    output::notice(said);
    supervisor.send(READY, None).map_err(Error::Sockets)?;
    output::notice("ready");
    std::thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(move || listen(&supervisor, &sender))
        .map_err(|error| Error::Runtime("the supervisor's channel", error))?;
    loop {
        match runtime.block_on(orders.next()) {
            Order::Log(kind, file) => gateway.take_log(kind, file),
            Order::HandOver => {
                gateway.hand_over(PATIENCE);
                // A supervisor that is gone needs no telling.
                drop(orders.supervisor.send(LEFT, None));
                gateway.shutdown(GRACE);
                return Ok(Exit::Clean);
            }
            Order::Stop => break,
        }
    }
    output::notice("stopping: requests have 30 s to finish");
    gateway.shutdown(GRACE);
    output::notice("stopped");
    Ok(Exit::Clean)
}

/// Passes on what the supervisor hands over, until it is gone.
fn listen(supervisor: &Channel, sender: &UnboundedSender<(LogKind, Appender)>) {
    while let Ok(Some(message)) = supervisor.receive(true) {
        let Some(file) = message.descriptor else { continue };
        let kinds = [(ACCESS, LogKind::Access), (AUDIT, LogKind::Audit)];
        let named = kinds.iter().find_map(|(word, kind)| {
            let path = message.bytes.strip_prefix(*word)?;
            Some((*kind, PathBuf::from(OsStr::from_bytes(path))))
        });
        let Some((kind, path)) = named else { continue };
        match Appender::of(&path, file) {
            Ok(file) => drop(sender.send((kind, file))),
            Err(error) => output::error(&error),
        }
    }
}

/// What is asked of the gateway.
enum Order {
    Log(LogKind, Appender),
    HandOver,
    Stop,
}

struct Orders {
    supervisor: Arc<Channel>,
    logs: UnboundedReceiver<(LogKind, Appender)>,
    hangup: Signal,
    quit: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Orders {
    fn new(
        supervisor: Arc<Channel>,
        logs: UnboundedReceiver<(LogKind, Appender)>,
    ) -> Result<Self, Error> {
        let one = |kind| signal(kind).map_err(|error| Error::Runtime("signals", error));
        Ok(Self {
            supervisor,
            logs,
            hangup: one(SignalKind::hangup())?,
            quit: one(SignalKind::quit())?,
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Order {
        loop {
            return tokio::select! {
                log = self.logs.recv() => match log {
                    Some((kind, file)) => Order::Log(kind, file),
                    // The supervisor is gone.
                    None => Order::Stop,
                },
                // A terminal that goes away; the supervisor decides.
                _ = self.hangup.recv() => continue,
                _ = self.quit.recv() => Order::HandOver,
                _ = self.terminate.recv() => Order::Stop,
                _ = self.interrupt.recv() => Order::Stop,
            };
        }
    }
}
