//! Remedies of services: what should not run, and what should listen for this machine alone.

use super::row;
use crate::remedies::Remedy;
use crate::remedies::way::{Locally, Way};

const fn locally(id: &'static str, form: Locally) -> Remedy {
    row(
        id,
        Way::Locally(form),
        "after its next start machines that use it over the network cannot any more",
    )
}

pub(super) const SERVICES: &[Remedy] = &[
    row(
        "service-legacy-packages",
        Way::Mask,
        "who prints, shares or finds something by one of these services cannot any more",
    ),
    row(
        "service-inetd",
        Way::Inetd,
        "after the next start of inetd nobody can use the service any more",
    ),
    row(
        "service-ftp",
        Way::Ftp,
        "after the next start of the server who has no name there cannot fetch or leave files any more",
    ),
    locally("service-redis", Locally::Lines),
    locally("service-memcached", Locally::Memcached),
    locally("service-mysql", Locally::Lines),
    locally("service-postgresql-address", Locally::Lines),
    locally("service-mongodb-address", Locally::Yaml),
    locally("service-elasticsearch-address", Locally::Yaml),
];
