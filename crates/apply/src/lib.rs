//! Changing a host, so that every change can be taken back.
//!
//! The only crate that changes what belongs to the host. A [`burgrave_model::Plan`] says what is to be
//! changed; [`Session::apply`] writes the way back of each step down, does the step, has it verified, and takes
//! all of it back when that fails; [`Session::undo`] takes it back later.
//!
//! Invariants: decides nothing; follows no symbolic link; whatever stops it, also a power failure,
//! the journal knows how everything was.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod back;
mod diff;
mod error;
mod facts;
mod host;
mod journal;
mod session;
mod show;

pub use error::ApplyError;
pub use host::Host;
pub use journal::{About, Id, Status};
pub use session::{Force, Outcome, Run, Session, Witness, runs};
pub use show::{json, text};
