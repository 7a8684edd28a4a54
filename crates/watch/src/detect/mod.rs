//! What is made of events: detectors, one a file, over what is remembered of addresses, networks,
//! accounts and services.
//!
//! Invariants: pure functions of event and time; every table has a bound, what is evicted is counted; the
//! allow list is asked before every ban. The country or network operator of an administrator is not
//! looked at: that needs a data base of places.

mod account;
mod address;
mod engine;
mod login;
mod origin;
mod ports;
mod rule;
mod scan;
mod score;
mod spray;
mod stuffing;
mod sudo;
mod swarm;

pub use engine::{Detectors, Forgotten};
pub use origin::{News, Origins, Place};
pub use rule::Rule;
