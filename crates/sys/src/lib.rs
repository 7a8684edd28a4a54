//! The one door to the machine: files, clocks, randomness, sockets and commands.
//!
//! Everything that reads a host does so through [`System`], so that the same code runs on the live
//! machine ([`Live`]), on a root tree ([`Tree`]) and on a description ([`Fake`]).
//!
//! Invariants: decides nothing; every read has a limit in its signature; commands run by absolute
//! path, with an empty environment, a timeout and an output cap, never by a shell. It is the only
//! crate that may hold `unsafe`.

mod error;
mod time;

pub use error::SysError;
pub use time::{Moment, UnixTime};
