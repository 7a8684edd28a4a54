//! Follows logs, bans in the kernel, remembers, and keeps both in step; and puts the firewall's rules in
//! force with a way back.
//!
//! Invariants: only the table `inet burgrave` is touched; nobody on the list of those who are never banned
//! is banned, whoever asks; a ban is in the kernel first and on the disk right after; what the disk says is
//! restored in the kernel at start and whenever somebody took it away. It listens on no network but, where it
//! is configured, to messages of syslog, from this machine or from clients that show a certificate; packets that rules log come from the kernel.

mod apply;
mod ban;
mod book;
mod error;
mod followed;
mod hand;
mod home;
mod journal;
mod kernel;
mod lists;
mod nflog;
mod origin;
mod packet;
mod places;
mod reading;
mod share;
mod shield;
mod syslog;
mod unit;
mod watcher;

pub use apply::{Applied, Confirmed, apply, confirm, has_trial, plan, rollback, settle};
pub use ban::{Ban, Entry, What, parse_target};
pub use book::{Book, ENGINE, TAKEN_MAX};
pub use error::AgentError;
pub use hand::{ban, bans, unban};
pub use home::Home;
pub use journal::Journal;
pub use kernel::{Kernel, NFT};
pub use reading::{Reading, filter};
pub use share::{Shared, Sharer, psql};
pub use shield::Shield;
pub use unit::JOURNALCTL;
pub use watcher::check;
pub use watcher::{Told, Watcher};
