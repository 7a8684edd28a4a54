//! The words that every part of Burgrave shares.
//!
//! A safeguard is *enforced*, *watched* and *proven*; these types name the safeguards, the three
//! possible answers of a check, the three outcomes of a proof, and the evidence that goes with them; and
//! the order of versions, which more than one part asks for.
//!
//! Invariants: this crate depends on no other crate of ours, does no I/O, and holds no logic beyond
//! naming and ordering.

mod plan;
mod proof;
mod safeguard;
mod topic;
mod verdict;
mod version;

pub use plan::{BadTarget, Change, MASK, Mend, Plan, Program, Step, Target, UnitName};
pub use proof::{Evidence, Outcome, Proof};
pub use safeguard::{Safeguard, UnknownSafeguard};
pub use topic::{Topic, UnknownTopic};
pub use verdict::{Mode, Profile, Severity, Verdict};
pub use version::compare_versions;
