//! The packet filter: what is configured for the next start, and what is loaded now.

// Checks of this family.
pub(super) mod accepts_all;
pub(super) mod accepts_by_default;
pub(super) mod forwards;
pub(super) mod inner_ports;
pub(super) mod ipv6;
pub(super) mod none;
pub(super) mod not_at_start;
pub(super) mod not_loaded;
pub(super) mod overridden;
pub(super) mod silent;
pub(super) mod stateless;
pub(super) mod unused_opening;
// End of the checks.

use crate::check::Rows;
use crate::evidence::Evidence;
use crate::facts::{Facts, Filter};

/// The rule sets that can be looked at: the configured and, on a running machine, the loaded one.
fn filters<'f>(facts: &'f Facts<'_>, rows: &mut Rows) -> Vec<(&'static str, &'f Filter)> {
    let mut out = Vec::new();
    for (name, filter) in [("configured", facts.filter()), ("loaded", facts.loaded())] {
        match filter {
            Ok(Some(filter)) if filter.place.is_some() => out.push((name, filter)),
            Ok(_) => {}
            Err(blind) => rows.unknown(blind.clone()),
        }
    }
    out
}

/// Where a rule set begins, as evidence.
fn beginning(filter: &Filter, text: &str) -> Evidence {
    filter.place.as_ref().map_or_else(|| Evidence::text(text), |place| Evidence::at(place, text))
}
