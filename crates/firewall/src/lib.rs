//! The machine's firewall as a pure function: from the configuration to the rules of one nftables table,
//! and from what the kernel lists to what would change.
//!
//! Invariants: no I/O, runs nothing; only the table `inet burgrave` is ever named in a script; each script
//! is one transaction, and puts the same in force however often it is loaded; banned addresses survive it.

mod desired;
mod listeners;
mod listing;
mod plan;
mod script;

pub use desired::{Desired, Opening, text_of};
pub use listeners::{LISTENERS_MAX, Listener, listeners};
pub use listing::{Listed, Listing, listing};
pub use plan::{Change, Plan, plan};
pub use script::{base, blocked, confirmed, ended, removed, rules_in, trial};

/// The family and name of the one table, as nft takes them.
pub const TABLE: &str = "inet burgrave";
/// Its name alone.
pub const TABLE_NAME: &str = "burgrave";
