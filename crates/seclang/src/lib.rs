//! The rule engine: ModSecurity's `SecLang`, exactly.
//!
//! `SecLang` text is compiled once into a [`RuleSet`]; each request is a [`Transaction`] that is fed
//! what arrives and answers after each phase. Values are bytes from end to end.
//!
//! Invariants: knows no HTTP library; does no I/O at request time; what it does not implement is
//! refused at load with file and line, never ignored; an engine that runs past its budget refuses.

mod interface;
mod stub;

pub use interface::{
    BodyIntake, Connection, Decision, Disruption, Interruption, MatchedRule, Options, Record,
    RequestLine, RuleFiles,
};
pub use stub::{LoadError, RuleSet, Transaction};
