//! fail2ban's filters and jails: read as they are, run where they can be, and told where they cannot.
//!
//! Invariants: no I/O (files are asked for by name); every file, include and substitution has a bound;
//! a filter that cannot be run exactly is refused with its file and line, never run in part.

mod custom;
mod date;
mod expand;
mod filter;
mod import;
mod ini;
mod translate;

pub use custom::Custom;
pub use filter::{FilterError, load_filter};
pub use import::{Import, import};

/// Gives the text of a file by its path below the folder of fail2ban's configuration; `None`: not there.
pub type Files<'a> = &'a dyn Fn(&str) -> Option<String>;
