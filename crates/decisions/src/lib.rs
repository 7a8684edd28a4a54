//! The part of `CrowdSec`'s Local API that bouncers use, from both of its ends: decisions of an engine become bans here, and
//! bouncers are told who is banned here.
//!
//! It is the form in which engines and bouncers of that project meet (swagger of the Local API, version 1; tried with
//! 1.4.6 and `crowdsec-firewall-bouncer` 0.0.25), so that neither has to be replaced to begin with Burgrave.
//!
//! Invariants: a decision is asked the same questions as a ban of our own before it is taken, and never ends one of our
//! own; an engine that is away changes nothing; who shows no key learns nothing; what is read, held and answered is bounded.
//! Must not: touch the kernel, which is the agent's; let anybody change anything who only asks.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod answers;
mod decision;
mod engine;
mod error;
mod key;
mod query;
mod server;

pub use engine::{Heard, Source};
pub use error::DecisionsError;
pub use server::Server;

use burgrave_config::Bans;

/// Reads every key and certificate that a start would read.
///
/// # Errors
///
/// One of them cannot be used.
pub fn check(bans: &Bans) -> Result<(), DecisionsError> {
    for engine in &bans.crowdsec {
        engine::client(engine)?;
    }
    if let Some(bouncers) = &bans.bouncers {
        server::keys(&bouncers.clients)?;
        server::secure(bouncers)?;
    }
    Ok(())
}
