//! The way back from rules that lock everybody out (CWE-636).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct TrialEnds;

impl Attack for TrialEnds {
    fn id(&self) -> &'static str {
        "trial-ends"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Firewall
    }

    fn title(&self) -> &'static str {
        "rules that lock everybody out end by themselves when nobody confirms them"
    }

    fn about(&self) -> &'static str {
        "In a network namespace of its own, rules that open a port are put in force for good, and then others on trial\n\
         for two seconds that shut it (CWE-636). No process\n\
         runs that could end the trial: the kernel has to. Held means that the port was shut, and open again in time.\n\
         Needs root.\n\n\
         If it fell: this kernel does not end elements of sets. Do not apply rules over a network: keep a console at\n\
         hand."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.trial.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.trial.as_ref(), "there is no [firewall], or it is not enabled")
    }
}
