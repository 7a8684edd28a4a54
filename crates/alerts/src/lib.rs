//! Who is told what, when and how: alerts on their way from whoever raises them to people.
//!
//! Whoever raises one puts it into a spool, a file each ([`Spool`]). One process takes them, decides by a pure core
//! ([`State`]) what goes to which channel, and delivers from a queue on the disk ([`Service`]).
//!
//! Invariants: what was raised is on the disk before its raiser goes on; a message is in the queue before it is
//! sent and leaves it when it was taken, so that a kill at any moment loses none; every attempt at a message has
//! the same id. What is dropped, because there is too much, is counted and told. Everything is bounded.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod alert;
mod channel;
mod due;
mod event;
mod message;
mod orders;
mod secret;
mod sent;
mod service;
mod spool;
mod state;
mod store;
#[cfg(test)]
mod stories;
mod tick;

pub use alert::{Acknowledged, Alert, Told};
pub use channel::{Channel, Failure};
pub use event::{Event, Fingerprint, Order, Spooled};
pub use message::{Item, Message, Reason, Status};
pub use orders::Silence;
pub use service::{Said, Service};
pub use spool::{Spool, Taken};
pub use state::{Outcome, State};
pub use store::{AlertError, Store};
