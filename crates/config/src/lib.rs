//! TOML text → checked settings.
//!
//! Parse, don't validate: a [`Settings`] value can be acted upon as it is. [`parse`] reports *all*
//! errors at once, each with line, column, what was found, what is allowed and the nearest known key.
//! A section or value of the contract that this release does not act on is an error, never ignored.
//!
//! Invariants: reads nothing but the text it is given; no file, clock or environment.

mod settings;

pub use settings::*;
