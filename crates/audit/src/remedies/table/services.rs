//! Remedies of services: what should not run, and what should listen for this machine alone.

use super::row;
use crate::remedies::Remedy;
use crate::remedies::way::Way;

pub(super) const SERVICES: &[Remedy] = &[row(
    "service-legacy-packages",
    Way::Mask,
    "who prints, shares or finds something by one of these services cannot any more",
)];
