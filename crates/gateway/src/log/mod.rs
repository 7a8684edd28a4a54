//! The access log: one line for every request and every refusal, written without ever making an
//! event loop wait.
//!
//! [`line`] makes the bytes; [`buffer`] gathers them in each event loop; [`writer`] is the one thread
//! that writes.

pub(crate) mod buffer;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod writer;
