//! Remedies: how what a check finds is mended. A pure function of facts to a plan; nothing is changed here.
//!
//! A remedy is a row of the tables below: a check's id, a [`way::Way`] with its parameters, and what
//! somebody may miss afterwards. The ways lay their edits over the host as it is ([`draft::Draft`]), and
//! the check is asked about the result: a plan holds only what was seen to help.
//!
//! Invariants: a remedy that does not help is refused with its reason and leaves no step; what can be
//! mended only in part says what is left; nothing is widened to mend something else.

mod draft;
mod files;
mod legacy;
mod listen;
mod manual;
mod modes;
mod nginx;
mod plan;
mod sshd;
mod sudo;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod units;
mod way;
mod web;

pub use manual::remedies_manual;
pub use plan::{Planned, Wanted, WaysIn, as_planned, plan};
pub use table::all as remedies;

/// How one check's findings are mended.
#[derive(Debug)]
pub struct Remedy {
    /// The check's id.
    pub id: &'static str,
    /// What somebody may miss afterwards, in one sentence.
    pub risk: &'static str,
    pub(crate) way: way::Way,
}

/// The remedy of a check.
pub fn remedy(id: &str) -> Option<&'static Remedy> {
    remedies().find(|remedy| remedy.id == id)
}

impl Remedy {
    /// What it does, in one sentence.
    pub fn does(&self) -> String {
        self.way.words()
    }
}
