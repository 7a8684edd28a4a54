//! Backups out of reach of whoever has this machine (CWE-732; MITRE ATT&CK T1490).

use crate::Attack;
use crate::evidence::{evidence, not_proven};
use crate::target::Target;
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct Backups;

impl Attack for Backups {
    fn id(&self) -> &'static str {
        "backups-out-of-reach"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Backups
    }

    fn title(&self) -> &'static str {
        "whoever has this machine can neither remove nor overwrite its backups"
    }

    fn about(&self) -> &'static str {
        "With the credentials of each job whose identity is `writer`, a decoy is written into the \
         repository, overwritten and\nremoved, in buckets version by version (CWE-732; MITRE ATT&CK \
         T1490, what ransomware does first). Where that is refused, so\nmust be the removal of \
         snapshots, indexes and keys: tried with names that nothing has. No backup is touched; the \
         decoy is\nnoise that no index names, and the next `prune` of the keeper removes it. Held means \
         that the decoy can still be read afterwards.\n\nIf it fell: an intruder deletes the backups \
         with the machine. Use a server with `--append-only`, or a bucket with object lock\nin \
         compliance mode, and let another machine be the keeper. A directory or an account of SFTP \
         cannot hold."
    }

    fn applies(&self, target: &Target) -> bool {
        !target.backups.is_empty()
    }

    fn run(&self, target: &Target, _: &mut Wire) -> Vec<Evidence> {
        if target.backups.is_empty() {
            let why = "no [[backup]] has `identity = \"writer\"`: whoever has this machine may remove what it has backed up";
            return vec![not_proven("looking for a job that only adds", why)];
        }
        let shown = |tried: Evidence| evidence(&tried.did, &tried.saw, tried.outcome);
        target.backups.iter().flat_map(|place| (place.assault)()).map(shown).collect()
    }
}
