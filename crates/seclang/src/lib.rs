//! The rule engine: ModSecurity's `SecLang`, exactly.
//!
//! `SecLang` text is compiled once into a [`RuleSet`]; each request is a [`Transaction`] that is fed
//! what arrives and answers after each phase. Values are bytes from end to end.
//!
//! Invariants: knows no HTTP library; does no I/O at request time; what it does not implement is
//! refused at load with file and line, never ignored; an engine that runs past its budget refuses.

mod action;
pub mod application;
mod audit;
mod compatibility;
mod compile;
mod decode;
mod error;
mod facts;
mod geo;
mod interface;
mod layer;
mod lists;
mod macros;
mod operator;
mod plan;
mod prelude;
mod regex;
mod ruleset;
mod source;
mod stage;
mod store;
mod strings;
mod target;
mod trace;
mod transaction;
mod transform;
mod variable;

pub mod probe;

pub use compatibility::compatibility;
pub use error::LoadError;
pub use facts::{LinkFacts, RuleChange, RuleFacts};
pub use interface::{
    BodyIntake, Connection, Decision, Disruption, Interruption, Layer, MatchedRule, Options,
    Record, RequestLine, RuleFiles,
};
pub use lists::{Listing, Listings, question};
pub use ruleset::RuleSet;
pub use trace::{Event, Focus, LeftOut, Named, Source, Trace};
pub use transaction::Transaction;
