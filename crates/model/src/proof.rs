//! What `burgrave prove` shows.

use crate::Safeguard;
use serde::Serialize;
use std::fmt;

/// How an attack or a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The attack was made and the safeguard held against it.
    Held,
    /// The attack could not be made, or its result could not be seen. Never counted as held.
    NotProven,
    /// The attack was made and went through.
    Fell,
}

impl Outcome {
    /// The words shown to people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotProven => "not proven",
            Self::Fell => "fell",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// One exchange or observation that an outcome rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was sent or done, in one line.
    pub did: String,
    /// What came back or was seen, in one line.
    pub saw: String,
    /// What this single exchange shows.
    pub outcome: Outcome,
}

/// The result of one proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The proof's id, unique among all proofs.
    pub id: &'static str,
    /// The safeguard that it proves.
    pub safeguard: Safeguard,
    /// What is claimed, in one sentence.
    pub title: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

impl Outcome {
    /// The outcome of several exchanges: one that fell makes all fall, one that is not proven
    /// leaves the whole not proven, and none at all proves nothing.
    pub fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().max().unwrap_or(Self::NotProven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exchange_decides() {
        use Outcome::{Fell, Held, NotProven};
        let cases: [(&[Outcome], Outcome); 5] = [
            (&[], NotProven),
            (&[Held, Held], Held),
            (&[Held, NotProven], NotProven),
            (&[NotProven, Fell, Held], Fell),
            (&[Fell], Fell),
        ];
        for (parts, whole) in cases {
            assert_eq!(Outcome::of_all(parts.iter().copied()), whole, "{parts:?}");
        }
    }
}
