//! Which check is mended how. One row a check; ids are those of the checks.

mod files;
mod kernel;
mod lines;
mod modes;
mod services;
mod ssh;
mod web;

use super::Remedy;
use super::way::Way;

/// Every remedy.
pub fn all() -> impl Iterator<Item = &'static Remedy> {
    let parts = [
        ssh::SSH,
        kernel::KERNEL,
        modes::MODES,
        files::FILES,
        services::SERVICES,
        web::WEB,
        modes::LEFTOVERS,
    ];
    parts.into_iter().flatten()
}

const fn row(id: &'static str, way: Way, risk: &'static str) -> Remedy {
    Remedy { id, risk, way }
}

const NO_RISK: &str = "nothing that a server needs";
