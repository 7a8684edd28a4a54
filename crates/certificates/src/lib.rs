//! Certificates: fetches them from an ACME server, renews them, notices when files of the operator's have
//! changed, and says in time when one is about to end.
//!
//! Invariants: a file is replaced whole or not at all; keys have mode 0600; the account's key and an order's key
//! are on the disk before the server hears of them, so that a kill at any point loses neither; what was
//! fetched is used only if it fits its key and its names; whatever fails is tried again later, and ends
//! nothing. It serves no request and knows no gateway: who runs it reloads when it is told to.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod answers;
mod error;
mod fetch;
mod https;
mod pair;
mod schedule;
mod service;
mod store;
mod watch;

pub use answers::{Action, Hook, run_hook};
pub use error::CertificateError;
pub use https::authorities;
pub use pair::Pair;
pub use service::{Service, Told, check, folders};
pub use watch::fingerprint;
