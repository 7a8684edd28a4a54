//! Logs that an intruder stops (MITRE ATT&CK T1562.001).

use super::rehearsed::play;
use crate::Attack;
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct LostLog;

impl Attack for LostLog {
    fn id(&self) -> &'static str {
        "lost-log-told"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Logs
    }

    fn title(&self) -> &'static str {
        "a log that goes silent, or is taken away, is told to people"
    }

    fn about(&self) -> &'static str {
        "First, whether there is an `[[alert]]` and every watched file is there. Then `burgrave run` is started in a\n\
         network namespace of its own with one log, into which nobody writes for longer than it may be silent, and in\n\
         whose place a directory is put then (CWE-778; MITRE ATT&CK T1562.001). Held means that an alert arrived for\n\
         both. Needs root.\n\n\
         If it fell: give an `[[alert]]` a channel that people read, and mend the paths of `[[watch]]`."
    }

    fn applies(&self, target: &Target) -> bool {
        target.rehearsals.lost_log.is_some()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        play(target.rehearsals.lost_log.as_ref(), "there is no [[watch]]: no log is looked at")
    }
}
