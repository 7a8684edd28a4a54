//! What the firewall lets in and what it drops (CWE-284).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct FirewallDrops;

impl Attack for FirewallDrops {
    fn id(&self) -> &'static str {
        "firewall-drops"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Firewall
    }

    fn title(&self) -> &'static str {
        "a stranger reaches what the configuration opens, and nothing else"
    }

    fn about(&self) -> &'static str {
        "First, whether the kernel has the configured rules. Then these rules are loaded in a network namespace of its\n\
         own, where something listens at every opened port and at ports that nothing opens, and a stranger from a second\n\
         namespace knocks at all of them, over IPv4, IPv6 and UDP, and scans (CWE-284; CWE-923). The control: before the\n\
         rules are loaded everything answers. This machine's own rules are read and not touched. Needs root.\n\n\
         If it fell: run `burgrave firewall plan` and `apply`. Where a port answers that nothing should open, look for an\n\
         `allow` that is wider than it says."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.firewall.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.firewall.as_ref(), "there is no [firewall], or it is not enabled")
    }
}
