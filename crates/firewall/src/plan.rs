//! What would change, in words and in rules, and what the rules and the listeners say of each other.

use crate::desired::{Desired, Opening};
use crate::listeners::Listener;
use crate::listing::Listing;
use crate::script::{decisions, ways_out};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A rule that is to come.
    Add {
        /// For people.
        words: String,
        /// For nft.
        rule: String,
    },
    /// A rule that is to go.
    Remove {
        /// For people; the rule itself where it was not made here.
        words: String,
        /// As the kernel has it.
        rule: String,
    },
}

/// What an apply would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether the table is to be made.
    pub is_new: bool,
    /// The differences of the rules that decide, in their order.
    pub changes: Vec<Change>,
    /// Open, but nobody listens.
    pub unused: Vec<String>,
    /// Listens, but the firewall keeps everybody away.
    pub closed: Vec<Listener>,
    /// What else people should know.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether an apply would change nothing.
    pub fn is_empty(&self) -> bool {
        !self.is_new && self.changes.is_empty()
    }
}

/// Compares what is desired with what the kernel has and who listens. `listed`: `None` without the table.
pub fn plan(desired: &Desired, listed: Option<&Listing>, listeners: &[Listener]) -> Plan {
    let nothing = Listing::default();
    let found = listed.unwrap_or(&nothing);
    let mut changes = differences(&decisions(desired), found, "rules");
    changes.extend(differences(&ways_out(desired), found, "egress"));
    let (unused, closed) = answers(desired, listeners);
    let has_chains = ["bans", "rules", "input", "trial", "egress", "egress_trial", "output"]
        .iter()
        .all(|name| found.chains.iter().any(|chain| chain == name));
    Plan { is_new: !has_chains, changes, unused, closed, warnings: Vec::new() }
}

/// What is to come into a chain, and what is to go.
fn differences(wanted: &[(String, String)], found: &Listing, chain: &str) -> Vec<Change> {
    let mut left: Vec<Option<&str>> = found.of(chain).map(|rule| rule.words.as_deref()).collect();
    let mut changes = Vec::new();
    for (rule, words) in wanted {
        match left.iter().position(|known| *known == Some(words)) {
            Some(place) => drop(left.remove(place)),
            None => changes.push(Change::Add { words: words.clone(), rule: rule.clone() }),
        }
    }
    for rule in found.of(chain) {
        let place = left.iter().position(|known| *known == rule.words.as_deref());
        let Some(place) = place else { continue };
        left.remove(place);
        let words = rule.words.clone().unwrap_or_else(|| format!("foreign: {}", rule.rule));
        changes.push(Change::Remove { words, rule: rule.rule.clone() });
    }
    changes
}

/// Openings without a listener, and listeners without an opening.
fn answers(desired: &Desired, listeners: &[Listener]) -> (Vec<String>, Vec<Listener>) {
    if !desired.enabled {
        return (Vec::new(), Vec::new());
    }
    let unused = desired
        .openings
        .iter()
        .filter(|opening| !listeners.iter().any(|listener| reaches(opening, listener)))
        .map(Opening::words)
        .collect();
    let closed = listeners
        .iter()
        .filter(|listener| !listener.address.ip().is_loopback())
        .filter(|listener| !desired.openings.iter().any(|opening| reaches(opening, listener)))
        .copied()
        .collect();
    (unused, closed)
}

/// Whether what comes through the opening may be taken by the listener.
fn reaches(opening: &Opening, listener: &Listener) -> bool {
    let ip = listener.address.ip();
    // An IPv6 socket for any address often takes IPv4 as well.
    let is_any = ip.is_unspecified() && (ip.is_ipv6() || opening.to.is_none_or(|to| to.is_ipv4()));
    opening.protocol == listener.protocol
        && opening.port == listener.address.port()
        && (is_any
            || opening
                .to
                .is_none_or(|to| to == ip || (to.is_unspecified() && to.is_ipv4() == ip.is_ipv4())))
}

impl std::fmt::Display for Plan {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_new {
            writeln!(out, "the table `{}` is made, with the sets of bans", crate::TABLE)?;
        }
        for change in &self.changes {
            match change {
                Change::Add { words, rule } => writeln!(out, "+ {words}\n      {rule}")?,
                Change::Remove { words, rule } => writeln!(out, "- {words}\n      {rule}")?,
            }
        }
        if self.is_empty() {
            writeln!(out, "the kernel has these rules already")?;
        }
        for opening in &self.unused {
            writeln!(out, "nobody listens: {opening}")?;
        }
        for listener in &self.closed {
            writeln!(out, "closed: {listener} listens, and no rule lets anyone in")?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        Ok(())
    }
}
