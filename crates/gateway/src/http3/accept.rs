//! New QUIC connections: who is let in, and when.
//!
//! A datagram's sender is whoever it says: until it has answered, a client costs no place of its
//! address, and when many are at it at once, it must first show that it gets our answers (RFC 9000
//! §8.1.2). What the kernel is asked to send before is bounded by what came, three times (§8.1).

use super::connection;
use super::socket::{QuicSocket, Shared};
use crate::connection::Client;
use crate::handshake::TlsFacts;
use crate::worker::{Worker, admit, enter, turn_away};
use h3::error::Code;
use quinn::{Endpoint, EndpointConfig, Incoming};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// Handshakes under way past which a client must show that its address is its own, and past which none
/// is begun.
const HANDSHAKES_TRUSTED: usize = 32;
const HANDSHAKES_MAX: usize = 512;

/// What QUIC is spoken over, and the way to tell it that another process reads the socket now.
pub(crate) fn endpoint(
    socket: QuicSocket,
    server: &quinn::ServerConfig,
) -> std::io::Result<(Endpoint, Arc<Shared>)> {
    let mark = socket.mark;
    let shared = Arc::new(Shared::new(socket)?);
    let mut key = [0; 64];
    let seeds = [burgrave_sys::seed(), burgrave_sys::seed()];
    for (half, seed) in key.chunks_mut(32).zip(seeds) {
        half.copy_from_slice(&seed.map_err(std::io::Error::other)?);
    }
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let mut config = EndpointConfig::new(Arc::new(key));
    config.cid_generator(move || Box::new(super::socket::Names::new(mark)));
    let (socket, server) = (Arc::clone(&shared), Some(server.clone()));
    let runtime = Arc::new(quinn::TokioRuntime);
    Ok((Endpoint::new_with_abstract_socket(config, server, socket, runtime)?, shared))
}

/// Accepts connections for as long as the endpoint is there.
pub(crate) async fn accept(worker: Rc<Worker>, configured: SocketAddr, endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        let under_way = worker.handshakes.get();
        if under_way >= HANDSHAKES_MAX {
            worker.counters.refuse();
            incoming.ignore();
        } else if under_way >= HANDSHAKES_TRUSTED
            && !incoming.remote_address_validated()
            && incoming.may_retry()
        {
            // It comes again with the proof, or not at all.
            drop(incoming.retry());
        } else {
            // Counted now, not when it is first looked at: many may come at once.
            let under_way = UnderWay::at(&worker);
            spawn_local(connect(Rc::clone(&worker), configured, incoming, under_way));
        }
    }
}

/// A handshake under way, counted for as long as this lives.
struct UnderWay(Rc<Worker>);

impl UnderWay {
    fn at(worker: &Rc<Worker>) -> Self {
        worker.handshakes.set(worker.handshakes.get() + 1);
        Self(Rc::clone(worker))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.handshakes.set(self.0.handshakes.get().saturating_sub(1));
    }
}

async fn connect(
    worker: Rc<Worker>,
    configured: SocketAddr,
    incoming: Incoming,
    under_way: UnderWay,
) {
    let plan = worker.plan();
    let speaks = plan.settings.speaks_http3(configured);
    let Some(config) = plan.quic.clone().filter(|_| speaks) else { return incoming.refuse() };
    let (address, server) = (incoming.remote_address(), incoming.local_ip());
    let Ok(connecting) = incoming.accept_with(config) else { return worker.counters.refuse() };
    let limit = plan.settings.limits.header_time;
    // Nobody knows yet whose address that is: there is nobody to tell of.
    let Ok(Ok(connection)) = timeout(limit, connecting).await else {
        return worker.counters.refuse();
    };
    drop(under_way);
    let Some(admission) = admit(&worker, address.ip()).await else {
        connection.close(connection::code(Code::H3_EXCESSIVE_LOAD), b"");
        return turn_away(&worker, address);
    };
    let server = SocketAddr::new(server.unwrap_or(configured.ip()), configured.port());
    let facts = TlsFacts { version: "TLSv1.3", sni: name(&connection), certificate: None };
    let seat = Arc::clone(&admission.seat);
    let client = Client::new((address, server), configured, Some(facts), seat);
    let own = Rc::clone(&worker);
    enter(&worker, admission, async move {
        connection::serve(own, Rc::new(client), connection, &plan).await;
    });
}

/// The name that the client asked for.
fn name(connection: &quinn::Connection) -> Option<String> {
    let data = connection.handshake_data()?;
    data.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?.server_name
}
