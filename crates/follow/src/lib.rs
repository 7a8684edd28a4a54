//! Logs that others write, followed: what bans and what is shipped is read the same way.
//!
//! Invariants: every line is given once, whatever a rotation does to the file's name; so much at once and no more. Must not:
//! decide what a line means, write anything, keep a position; whoever reads keeps it, when what was read is safe.

mod source;

pub use source::{Position, Source};
