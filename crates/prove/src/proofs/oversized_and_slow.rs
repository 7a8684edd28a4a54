//! Requests that are too large or too slow (CWE-400, CWE-770).

use super::{oversized, slow};
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct OversizedAndSlow;

impl Attack for OversizedAndSlow {
    fn id(&self) -> &'static str {
        "oversized-and-slow"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::DenialOfService
    }

    fn title(&self) -> &'static str {
        "a request that is larger or slower than its limits is cut off"
    }

    fn about(&self) -> &'static str {
        "Announces a body over `body_bytes`, and sends it if the announcement is not refused; sends it \
         in chunks without an\nannouncement; sends a header over `header_bytes` and one with more \
         fields than `header_count`; and holds connections open\nwith a header that drips (Slowloris), \
         a body that drips and a body that stops (CWE-400, CWE-770). Held means refused or\nclosed, \
         the slow ones within the configured time and five seconds. Bodies over 32 MiB are announced \
         only, and limits of\nmore than a minute are not waited for: both are then not proven.\n\nIf it \
         fell: see what stands in front of Burgrave and holds requests back, and look at `[limits]`, \
         the site's and the\nroute's."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        let mut out = oversized::run(target, wire);
        out.extend(slow::run(target, wire));
        out
    }
}
