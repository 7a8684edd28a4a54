//! `burgrave run`: a supervisor, and the gateway, the agent, the keeper of certificates and those that do backups and
//! tell people as processes of their own.
//!
//! The supervisor holds the listening sockets and opens the logs; it hears signals and nothing else.
//! The gateway takes both over, reads its configuration, keys and rules, then gives up its account,
//! its capabilities and every path but the web roots before it accepts the first connection. A new
//! configuration is a new gateway on the same sockets, so that what a gateway gave up stays given up.

mod agent;
mod alerts;
mod audits;
mod certificates;
mod confinement;
mod decisions;
mod keeper;
mod recorder;
mod serve;
mod share;
mod shipping;
mod signals;
mod sockets;
mod supervise;

use super::Exit;
use crate::error::Error;
pub(super) use alerts::beside;
pub(super) use serve::READY;
use std::path::Path;
use std::time::Duration;

/// How long requests may take to finish after SIGTERM.
const GRACE: Duration = Duration::from_secs(30);
/// How long kept connections may take to ask for their last answer, when another gateway takes over.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a process of `burgrave run` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Supervisor,
    Gateway,
    Agent,
    Certificates,
    Alerts,
    Hook,
    Shipping,
    Audits,
    Share,
    Decisions,
}

/// Serves until a signal ends it.
pub(super) fn run(config: &Path, threads: Option<usize>, role: Role) -> Result<Exit, Error> {
    // Where there are none, there is nothing to be done without.
    let _has_others = burgrave_sys::use_small_pages();
    let threads =
        threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    match role {
        Role::Supervisor => supervise::run(config, threads),
        Role::Gateway => serve::run(config, threads),
        Role::Agent => agent::run(config),
        Role::Certificates => certificates::run(config),
        Role::Alerts => alerts::run(config),
        Role::Hook => certificates::hooks(config),
        Role::Shipping => shipping::run(config),
        Role::Audits => audits::run(config),
        Role::Share => share::run(config),
        Role::Decisions => decisions::run(config),
    }
}
