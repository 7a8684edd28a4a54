//! The one door to the machine: files, clocks, randomness, sockets and commands.
//!
//! Everything that reads a host does so through [`System`], so that the same code runs on the live
//! machine ([`Live`]), on a root tree ([`Tree`]) and on a description ([`Fake`]).
//!
//! Invariants: decides nothing; every read has a limit in its signature; commands run by absolute
//! path, with an empty environment, a timeout and an output cap, never by a shell. It is the only
//! crate that may hold `unsafe`.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod beneath;
mod clock;
mod command;
mod disk;
mod error;
mod fake;
mod glob;
mod link;
mod live;
mod own;
mod run;
mod socket;
mod system;
mod time;
mod tree;
mod walk;

pub use beneath::{Facts, Opened, Root};
pub use clock::{monotonic, seed, wall_clock};
pub use command::{Ended, Invocation, Output};
pub use error::SysError;
pub use fake::{Fake, Refusal};
pub use link::{own_link, replace_link};
pub use live::Live;
pub use own::{Access, Appender, make_own_directory, read_own, replace_own};
pub use socket::{Sharing, listen_tcp};
pub use system::{Entry, Kind, Metadata, System};
pub use time::{Moment, UnixTime};
pub use tree::Tree;
pub use walk::{Step, Visitor, WalkLimits, Walked};
