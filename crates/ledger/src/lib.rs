//! What happened, as rows that nobody can change, cut, insert or reorder without being found out.
//!
//! A row is a line of JSON whose hash is the SHA-256 of the line's own bytes up to `,"hash"`, and which holds the
//! hash of the row before it. Every 256th row is a checkpoint signed with Ed25519, and a small signed file, the
//! head, says which row is the last. So a change anywhere is found without any secret; a cut tail by the head;
//! and a history that was rewritten by someone who holds the key by a head that an auditor had noted before.
//!
//! Invariants: rows are only ever added; a row is on the disk before its append returns; nothing is ever mended in
//! silence: what a crash or a stranger has left is told by a row of its own. The chain and its verification
//! ([`Verifier`]) do no I/O.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests spoil the files they look at"))]

mod book;
mod chain;
mod check;
mod error;
mod fault;
mod hash;
mod head;
mod key;
mod kind;
mod read;
mod row;
mod scribe;
mod tail;
#[cfg(test)]
mod tests;
mod verify;

pub use book::Ledger;
pub use chain::{CHECKPOINT_EVERY, Link};
pub use check::{Check, check};
pub use error::LedgerError;
pub use fault::{Fault, Place};
pub use hash::Hash;
pub use head::{Head, Noted};
pub use key::{Key, PublicKey};
pub use kind::Kind;
pub use read::{Filter, folder, last};
pub use row::{Event, LINE_BYTES_MAX, Row};
pub use scribe::{Scribe, Wrote};
pub use verify::{Verdict, Verifier};
