//! Attacks that no one may make on the machine itself: they are played with its own configuration, kernel and program.
//! Those on the firewall and on the watch on a stage of network namespaces, by a stranger and beside somebody innocent;
//! those on what stands behind the gateway by a gateway on loopback, before stand-ins that hear all of it, or die.
//!
//! A port scan or a flood of passwords against the machine would end with its operator banned, and a flushed table with
//! nobody kept out; a Logon would open a session. On the stage all of it may happen. What is played there says what the configuration does; so each
//! rehearsal first looks whether the machine itself has what is played.
//!
//! Invariants: nothing of this machine is changed: rules are loaded, tables flushed and clients banned only in
//! namespaces that were made here and end with their threads; nothing leaves the stage, whose addresses are those for
//! benchmarks (RFC 2544) and local ones (RFC 4193), or loopback; no upstream of the machine's is contacted; every wait has an end; what could not be set up is not proven.

mod application;
mod authority;
mod bans;
mod challenge;
mod connections;
mod drops;
mod house;
mod lost_log;
mod program;
mod recorder;
mod request_ids;
mod room;
mod sign_in;
mod stage;
mod stand_in;
mod streams;
mod trial;
mod upstreams;

pub use bans::brute_force;
pub use challenge::challenge;
pub use connections::connections;
pub use drops::firewall_drops;
pub use lost_log::lost_log;
pub use request_ids::request_ids;
pub use sign_in::sign_in;
pub use streams::streams;
pub use trial::trial_ends;
pub use upstreams::upstreams;

use burgrave_model::{Evidence, Outcome};

/// One thing that was done, and what was seen.
fn evidence(did: impl Into<String>, saw: impl Into<String>, outcome: Outcome) -> Evidence {
    Evidence { did: did.into(), saw: saw.into(), outcome }
}

/// What could not be proven, and why.
fn not_proven(did: &str, why: impl std::fmt::Display) -> Evidence {
    evidence(did, why.to_string(), Outcome::NotProven)
}
