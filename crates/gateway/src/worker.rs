//! One event loop: its listeners, its connections, and what they share without a lock.

use crate::accept::{Admission, Admissions, Displace, Full, Seat};
use crate::access::users::{Checkers, SignedIn};
use crate::challenge::Challenges;
use crate::connection;
use crate::counters::Counters;
use crate::files::cache::Cache;
use crate::http3;
use crate::limit::Buckets;
use crate::lists::Lists;
use crate::load::Load;
use crate::log::buffer::Buffer;
use crate::log::writer::{Sink, say};
use crate::metrics;
use crate::plan::Plan;
use crate::proxy_protocol;
use crate::streams;
use crate::upstream::{Pool, check_upstreams};
use arc_swap::ArcSwap;
use burgrave_config::Upstream;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, spawn_local, yield_now};
use tokio::time::{sleep, timeout};

/// How long to wait before accepting again when the system is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often kept connections to upstreams are looked through for old ones.
const SWEEP_TIME: Duration = Duration::from_secs(5);
/// Requests between two sweeps of an event loop that is quiet.
const QUIET_MAX: u64 = 500;
/// Turns of the event loop after which what a new connection had sent has been read.
const LOOK_TURNS: usize = 2;
/// Connections of load balancers that have not named their client yet.
const ANNOUNCED_MAX: usize = 4096;
/// Most upstreams whose connections are kept through reloads.
const POOLS_MAX: usize = 1024;

/// What all event loops share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// Which of the event loops.
    pub(crate) index: usize,
    pub(crate) plan: Arc<ArcSwap<Plan>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) admissions: Arc<Admissions>,
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) checkers: Arc<Checkers>,
    pub(crate) challenges: Challenges,
    pub(crate) lists: Arc<Lists>,
    pub(crate) sink: Sink,
    pub(crate) audit: Sink,
}

/// What the gateway tells an event loop.
#[derive(Debug)]
pub(crate) enum Command {
    /// Serve a listener; the first address is the configured one.
    Listen(SocketAddr, std::net::TcpListener),
    /// Speak HTTP/3 there too.
    ListenQuic(SocketAddr, http3::QuicSocket),
    /// Give a listener up.
    Leave(SocketAddr),
    /// Stop accepting, and say so; connections get one more answer each, for so long at most. Then
    /// comes an end.
    Drain(Duration, std::sync::mpsc::Sender<()>),
    /// Stop accepting, let requests finish for so long, then end.
    End(Duration),
}

/// See the module.
pub(crate) struct Worker {
    plan: Arc<ArcSwap<Plan>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) admissions: Arc<Admissions>,
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) checkers: Arc<Checkers>,
    pub(crate) signed_in: SignedIn,
    pub(crate) challenges: Challenges,
    pub(crate) load: Load,
    /// QUIC handshakes under way.
    pub(crate) handshakes: Cell<usize>,
    /// Connections whose client is not known yet.
    announced: Cell<usize>,
    sink: Sink,
    pub(crate) log: Rc<Buffer>,
    pub(crate) audit: Rc<Buffer>,
    pub(crate) files: Cache,
    pub(crate) lists: Arc<Lists>,
    pools: RefCell<HashMap<Upstream, Rc<Pool>>>,
    ids: Cell<[u64; 2]>,
    connections: Cell<usize>,
    quiet: Notify,
    draining: Cell<bool>,
    ending: watch::Sender<bool>,
}

impl Worker {
    fn new(shared: Shared, seed: [u8; 32]) -> Rc<Self> {
        let word = |at: usize| {
            let bytes = seed.get(at..at + 8).and_then(|part| part.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        Rc::new(Self {
            plan: shared.plan,
            counters: shared.counters,
            admissions: shared.admissions,
            buckets: shared.buckets,
            checkers: shared.checkers,
            signed_in: SignedIn::new(seed),
            challenges: shared.challenges,
            load: Load::default(),
            handshakes: Cell::new(0),
            announced: Cell::new(0),
            sink: shared.sink.clone(),
            log: Buffer::new(shared.sink),
            audit: Buffer::new(shared.audit),
            files: Cache::default(),
            lists: shared.lists,
            pools: RefCell::default(),
            ids: Cell::new([word(0), word(8)]),
            connections: Cell::new(0),
            quiet: Notify::new(),
            draining: Cell::new(false),
            ending: watch::Sender::new(false),
        })
    }

    /// The configuration in force.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// Tells when the event loop is about to end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Whether it is.
    pub(crate) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// A new request's id: 32 hexadecimal digits. Unique; who has seen one may guess the next, so it protects
    /// nothing.
    pub(crate) fn next_id(&self) -> String {
        let [low, high] = self.ids.get();
        self.ids.set([low.wrapping_add(0x9e37_79b9_7f4a_7c15), high.wrapping_add(1)]);
        let (left, right) = (mix(low), mix(low ^ high.rotate_left(32)));
        crate::log::json::hex_text(&(u128::from(left) << 64 | u128::from(right)).to_be_bytes())
    }

    /// The kept connections of an upstream that is verified in this way.
    pub(crate) fn pool(
        &self,
        upstream: &Upstream,
        verify: Option<&Arc<rustls::ClientConfig>>,
    ) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(pool) = pools.get(upstream)
            && pool.verifies_by(verify)
        {
            return Rc::clone(pool);
        }
        if pools.len() >= POOLS_MAX {
            pools.clear();
        }
        let pool = Pool::new(upstream, verify.cloned());
        pools.insert(upstream.clone(), Rc::clone(&pool));
        pool
    }

    /// Lines of the access log that were lost.
    pub(crate) fn log_lines_lost(&self) -> u64 {
        self.sink.lost()
    }

    /// Whether connections should end after their next answer.
    pub(crate) fn draining(&self) -> bool {
        self.draining.get()
    }

    async fn drain(&self, patience: Duration) {
        self.draining.set(true);
        // An end is sent right after, and waits until then.
        drop(timeout(patience, self.quiet()).await);
    }

    /// Ends when no connection is left.
    async fn quiet(&self) {
        while self.connections.get() > 0 {
            self.quiet.notified().await;
        }
    }

    fn left(&self) {
        self.connections.set(self.connections.get().saturating_sub(1));
        if self.connections.get() == 0 {
            self.quiet.notify_waiters();
        }
    }
}

/// The finalizer of `SplitMix64`.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The event loop, until it is told to end.
pub(crate) async fn run(
    shared: Shared,
    seed: [u8; 32],
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let first = shared.index == 0;
    let worker = Worker::new(shared, seed);
    let measured = Rc::clone(&worker);
    let measure = spawn_local(async move { measured.load.measure().await });
    // Ends with this event loop.
    let checks = first.then(|| spawn_local(check_upstreams(Rc::clone(&worker))));
    let mut listeners: HashMap<SocketAddr, JoinHandle<()>> = HashMap::new();
    let mut quic = Quic::default();
    let mut grace = Duration::ZERO;
    let mut quiet = Quiet::default();
    loop {
        let Ok(command) = timeout(SWEEP_TIME, commands.recv()).await else {
            worker.pools.borrow().values().for_each(|pool| pool.sweep());
            quiet.look(&worker);
            continue;
        };
        let Some(command) = command else { break };
        match command {
            Command::Listen(address, listener) => {
                let Ok(listener) = TcpListener::from_std(listener) else { continue };
                let task = spawn_local(accept(Rc::clone(&worker), address, listener));
                if let Some(old) = listeners.insert(address, task) {
                    old.abort();
                }
            }
            Command::ListenQuic(address, socket) => quic.listen(&worker, address, socket),
            Command::Leave(address) => {
                quic.leave(address);
                if let Some(task) = listeners.remove(&address) {
                    task.abort();
                }
            }
            Command::Drain(patience, left) => {
                for (_, task) in listeners.drain() {
                    task.abort();
                    // It ends by that, and closes its socket.
                    drop(task.await);
                }
                quic.retire();
                left.send(()).ok();
                drop(left);
                worker.drain(patience).await;
            }
            Command::End(time) => {
                grace = time;
                break;
            }
        }
    }
    for (_, task) in listeners {
        task.abort();
    }
    for task in checks.into_iter().chain([measure]) {
        task.abort();
    }
    worker.ending.send_replace(true);
    // Past the grace what is left is cut off.
    drop(timeout(grace, worker.quiet()).await);
    worker.log.flush();
    worker.audit.flush();
}

/// Whether it has become quiet after there was much to do: then free memory is given back, once.
#[derive(Default)]
struct Quiet {
    seen: u64,
    busy: bool,
}

impl Quiet {
    fn look(&mut self, worker: &Worker) {
        let [_, begun] = worker.ids.get();
        let fresh = begun.wrapping_sub(std::mem::replace(&mut self.seen, begun));
        if fresh > QUIET_MAX {
            self.busy = true;
        } else if std::mem::take(&mut self.busy) {
            burgrave_sys::give_back_memory();
        }
    }
}

/// The sockets of HTTP/3. Their connections go on when nobody accepts any more.
#[derive(Default)]
struct Quic(HashMap<SocketAddr, (quinn::Endpoint, Arc<http3::Shared>, JoinHandle<()>)>);

impl Quic {
    fn listen(&mut self, worker: &Rc<Worker>, address: SocketAddr, socket: http3::QuicSocket) {
        let Some(server) = worker.plan().quic.clone() else { return };
        let (endpoint, shared) = match http3::endpoint(socket, &server) {
            Ok(made) => made,
            Err(error) => return say(&format!("http/3 is not spoken on {address}: {error}")),
        };
        let task = spawn_local(http3::accept(Rc::clone(worker), address, endpoint.clone()));
        self.0.insert(address, (endpoint, shared, task));
    }

    fn leave(&mut self, address: SocketAddr) {
        if let Some((endpoint, _, task)) = self.0.remove(&address) {
            task.abort();
            endpoint.set_server_config(None);
        }
    }

    /// Leaves the sockets to another process.
    fn retire(&self) {
        for (endpoint, shared, task) in self.0.values() {
            task.abort();
            endpoint.set_server_config(None);
            shared.retire();
        }
    }
}

/// Where a connection has come in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    /// The listener's address as configured.
    pub(crate) configured: SocketAddr,
    /// The address that its connections are made to, where there is only one.
    pub(crate) own: Option<SocketAddr>,
}

async fn accept(worker: Rc<Worker>, configured: SocketAddr, listener: TcpListener) {
    let own = listener.local_addr().ok().filter(|own| !own.ip().is_unspecified());
    let door = Door { configured, own };
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let plan = worker.plan();
        let named = plan.listener(configured).is_some_and(|listen| {
            listen.proxy_protocol.iter().any(|network| network.contains(address.ip()))
        });
        if named {
            announce(&worker, door, stream, address);
            continue;
        }
        let Some(admission) = admit(&worker, address.ip()).await else {
            turn_away(&worker, address);
            continue;
        };
        take(&worker, door, stream, (address, admission));
    }
}

pub(crate) fn turn_away(worker: &Rc<Worker>, address: SocketAddr) {
    worker.counters.refuse();
    connection::turned_away(worker, address);
}

/// A connection that begins with a header of the PROXY protocol: the client that it names is admitted,
/// not the sender.
fn announce(worker: &Rc<Worker>, door: Door, mut stream: TcpStream, sender: SocketAddr) {
    if worker.announced.get() >= ANNOUNCED_MAX {
        return turn_away(worker, sender);
    }
    worker.announced.set(worker.announced.get() + 1);
    let worker = Rc::clone(worker);
    spawn_local(async move {
        let time = worker.plan().settings.limits.header_time;
        let read = timeout(time, proxy_protocol::read(&mut stream)).await;
        worker.announced.set(worker.announced.get().saturating_sub(1));
        let Ok(Ok(client)) = read else {
            return connection::unannounced(&worker, sender);
        };
        let client = client.unwrap_or(sender);
        match admit(&worker, client.ip()).await {
            Some(admission) => take(&worker, door, stream, (client, admission)),
            None => turn_away(&worker, client),
        }
    });
}

/// Serves an admitted connection in a task of its own.
fn take(
    worker: &Rc<Worker>,
    door: Door,
    stream: TcpStream,
    (address, admission): (SocketAddr, Admission),
) {
    worker.counters.connection();
    worker.connections.set(worker.connections.get() + 1);
    let seat = Arc::clone(&admission.seat);
    let (own, plan) = (Rc::clone(worker), worker.plan());
    let configured = door.configured;
    if plan.settings.metrics == Some(configured) {
        return run_connection(worker, admission, metrics::serve(own, stream));
    }
    if plan.streams_at(configured).next().is_some() {
        let task = streams::serve(own, plan, configured, stream, address, seat);
        run_connection(worker, admission, task);
    } else {
        run_connection(worker, admission, connection::serve(own, door, stream, address, seat));
    }
}

/// Serves an admitted connection that is no TCP connection.
pub(crate) fn enter(
    worker: &Rc<Worker>,
    admission: Admission,
    task: impl Future<Output = ()> + 'static,
) {
    worker.counters.connection();
    worker.connections.set(worker.connections.get() + 1);
    run_connection(worker, admission, task);
}

fn run_connection(
    worker: &Rc<Worker>,
    admission: Admission,
    task: impl Future<Output = ()> + 'static,
) {
    let leaving = Leaving(Rc::clone(worker));
    spawn_local(async move {
        tokio::select! {
            biased;
            () = task => {}
            () = admission.seat.displacement() => {}
            () = first_look(&admission.seat) => {}
        }
        drop((admission, leaving));
    });
}

/// Admits a connection; before one makes room that nobody has looked at, it is looked at.
pub(crate) async fn admit(worker: &Rc<Worker>, client: IpAddr) -> Option<Admission> {
    let limits = &worker.plan().settings.limits;
    for _ in 0..LOOK_TURNS {
        match worker.admissions.admit(client, limits, Displace::Waiting) {
            Ok(admission) => return Some(admission),
            Err(Full::Busy) => return None,
            Err(Full::Unheard) => yield_now().await,
        }
    }
    worker.admissions.admit(client, limits, Displace::Unheard).ok()
}

/// Tells the seat once the connection's task has had the chance to read; never ends.
async fn first_look(seat: &Seat) {
    // The first turn asks the kernel, the second hears what it says.
    for _ in 0..LOOK_TURNS {
        yield_now().await;
    }
    seat.looked_at();
    pending::<()>().await;
}

/// Counts a connection out, however its task ends.
struct Leaving(Rc<Worker>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left();
    }
}
