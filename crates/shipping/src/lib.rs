//! Sends the lines of the access log elsewhere: to a syslog server, to the journal, or as traces to a collector of OTLP.
//!
//! Lines are read from the file that the gateway writes, by a process of its own: a collector that is away holds no request
//! up, and what it has missed lies in the file and its rotated predecessors until it is back.
//!
//! Invariants: where reading has ended is kept only after the collector has what was read, so a kill sends again rather than
//! leaves out; one batch is in memory at a time, and its size has a bound; a collector's trouble is said once while it stays the same.
//! Must not: change or remove a log, send anything without TLS off the machine (the configuration refuses it), put a query
//! into a trace.

mod deliver;
mod error;
mod journal;
mod line;
mod otlp;
mod syslog;
mod worker;

pub use deliver::check;
pub use error::ShippingError;
pub use worker::{Shipper, Told, folder};
