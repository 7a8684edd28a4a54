//! What must hold for any input: one function a target, which panics where it does not.
//!
//! The fuzz targets in `fuzz/` call these, and so does a test that feeds them the corpus and thousands of
//! variations of it on every run. Each says more than "it did not crash": what is read is held against a
//! second reading, against the input itself, or against the engine without its first stage.

#![expect(clippy::panic, clippy::missing_panics_doc, reason = "an oracle speaks by a panic")]

mod bodies;
mod ledger;
mod rules;
mod transaction;
mod watch;

pub use bodies::{cookies, form, json, multipart, xml};
pub use ledger::ledger;
pub use rules::{rules, transformations};
pub use transaction::transaction;
pub use watch::watch;

/// A target: its name, which is that of its folder in the corpus, and its oracle.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub static ALL: &[Target] = &[
    ("cookies", cookies),
    ("form", form),
    ("json", json),
    ("ledger", ledger),
    ("multipart", multipart),
    ("rules", rules),
    ("transaction", transaction),
    ("transformations", transformations),
    ("watch", watch),
    ("xml", xml),
];

fn hold(condition: bool, what: &str, input: &[u8]) {
    assert!(condition, "{what}: {}", input.escape_ascii());
}
