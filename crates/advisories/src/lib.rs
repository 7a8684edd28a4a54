//! What is known of holes in the software that is installed: imported from files, compared by Debian's rules, sorted by
//! how near the hole is to those who would use it.
//!
//! Takes OSV, Debian's security tracker, CISA's catalogue of attacked holes and EPSS. Invariants: fetches nothing;
//! every file has bounds on its size, its unpacked size and its entries; what could not be taken is counted and told;
//! a release that no imported data covers is unknown and never without holes.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make the files they look at"))]

mod cvss;
mod error;
mod installed;
mod join;
mod read;
mod record;
mod sbom;
mod show;
mod store;

pub use error::AdvisoryError;
pub use installed::{Exposure, Host, host};
pub use join::{Comparison, Hole, Weight, compare};
pub use read::{Imported, import};
pub use record::{Affected, Data, Exploited, Holes, Record, Stamp, Table, Until};
pub use sbom::sbom;
pub use show::{imported_text, json, text};
pub use store::{keep, load};
