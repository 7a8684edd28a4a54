//! Active checks: asks each upstream at a steady pace whether it is well (RFC 9110 status below 400).
//!
//! One event loop does it for all. At most one check of an upstream is under way.

use super::Pool;
use super::socket::Socket;
use super::target::Target;
use crate::http2::Local;
use crate::plan::Plan;
use crate::worker::Worker;
use burgrave_config::Health;
use bytes::Bytes;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

/// How often is looked whether the configuration is another one.
const LOOK_TIME: Duration = Duration::from_secs(1);
/// Largest header of an answer to a check.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Runs the checks of the configuration in force; never ends.
pub(crate) async fn run(worker: Rc<Worker>) {
    let mut running: Vec<JoinHandle<()>> = Vec::new();
    let mut generation = None;
    loop {
        let plan = worker.plan();
        if generation.replace(plan.generation) != Some(plan.generation) {
            running.drain(..).for_each(|task| task.abort());
            running = start(&worker, &plan);
        }
        sleep(LOOK_TIME).await;
    }
}

fn start(worker: &Rc<Worker>, plan: &Plan) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    for route in plan.sites.iter().flat_map(|site| &site.routes) {
        let Some(health) = &route.route.balance.health else { continue };
        for (upstream, target) in route.route.upstream.iter().zip(&route.targets.all) {
            let pool = worker.pool(upstream, route.verify.as_ref());
            tasks.push(spawn_local(watch(pool, Arc::clone(target), health.clone())));
        }
    }
    tasks
}

/// Checks one upstream for ever.
async fn watch(pool: Rc<Pool>, target: Arc<Target>, health: Health) {
    let (mut good, mut bad) = (0_u32, 0_u32);
    loop {
        let well = matches!(timeout(health.timeout, ask(&pool, &health)).await, Ok(Some(true)));
        (good, bad) = if well { (good.saturating_add(1), 0) } else { (0, bad.saturating_add(1)) };
        let now = burgrave_sys::monotonic().0;
        if bad >= health.fall {
            target.set_down(true, now);
        } else if good >= health.rise {
            target.set_down(false, now);
        }
        sleep(health.every).await;
    }
}

/// Whether it answers, and well; on a connection of its own, which ends with this.
async fn ask(pool: &Rc<Pool>, health: &Health) -> Option<bool> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::GET;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("health-check"));
    let socket = TokioIo::new(pool.socket(health.timeout).await.ok()?);
    let host = pool.host();
    let status = if pool.shared.is_some() {
        *request.uri_mut() = format!("http://{host}{}", health.path).parse().ok()?;
        ask_http2(socket, request).await?
    } else {
        *request.uri_mut() = health.path.parse().ok()?;
        request.headers_mut().insert(HOST, HeaderValue::from_str(&host).ok()?);
        ask_http1(socket, request).await?
    };
    Some(status.as_u16() < 400)
}

async fn ask_http2(socket: TokioIo<Socket>, request: Request<Empty<Bytes>>) -> Option<StatusCode> {
    let (mut sender, connection) = http2::Builder::new(Local).handshake(socket).await.ok()?;
    tokio::select! {
        answer = sender.send_request(request) => Some(answer.ok()?.status()),
        _ended = connection => None,
    }
}

async fn ask_http1(socket: TokioIo<Socket>, request: Request<Empty<Bytes>>) -> Option<StatusCode> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_BYTES_MAX).http09_responses(false);
    let (mut sender, connection) = builder.handshake(socket).await.ok()?;
    tokio::select! {
        answer = sender.send_request(request) => Some(answer.ok()?.status()),
        _ended = connection => None,
    }
}
