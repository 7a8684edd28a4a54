//! Reads logs and sees attacks: bytes and time in, events and actions out.
//!
//! Invariants: no I/O, no clock, no lookup of names; nothing blocks. Every line is data that a stranger
//! may have written: parsers are anchored at what the program itself writes, run in linear time and
//! allocate nothing for a line; every table has a bound, and what is evicted from it is counted.

mod action;
mod address;
mod detect;
mod event;
pub mod fail2ban;
mod formats;
mod header;
mod lines;
mod manual;
mod never;
mod pattern;
mod piece;
mod reader;
mod service;
mod session;
mod table;
mod time;
mod window;

pub use action::{Action, Evidence, Target};
pub use detect::{Detectors, Forgotten, News, Origins, Place, Rule};
pub use event::{Event, Kind};
pub use lines::{lines, whole};
pub use manual::manual;
pub use never::{Never, NoNetwork};
pub use reader::{LINE_BYTES_MAX, Reader};
pub use service::{Service, all, by_name};
pub use time::Stamp;
