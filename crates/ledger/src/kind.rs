//! What a row can be about.

use std::fmt;

macro_rules! kinds {
    ($($variant:ident, $word:literal, $says:literal;)*) => {
        /// What happened. The words are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $says] $variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written in a row.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it says, in one line.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }
        }
    };
}

kinds! {
    LedgerBegun, "ledger.begun", "the first row: the ledger's name and its key's fingerprint";
    LedgerCheckpoint, "ledger.checkpoint", "a signature over all rows before it";
    LedgerTorn, "ledger.torn", "a line before it was never finished, as after a power failure or on a full disk";
    LedgerRecovered, "ledger.recovered", "rows before it had been written, but not signed, when the writer ended";
    LedgerBroken, "ledger.broken", "what was found did not fit what had been signed: rows were cut or changed";
    LedgerMissed, "ledger.missed", "so many events could not be written in time and have no row";
    BanAdded, "ban.added", "an address or a network was banned";
    BanRemoved, "ban.removed", "it was let in again by hand";
    BanRestored, "ban.restored", "rules or bans that somebody took out of the kernel were put back";
    FirewallPlanned, "firewall.planned", "what would change was shown";
    FirewallApplied, "firewall.applied", "rules were put in force, on trial or for good";
    FirewallConfirmed, "firewall.confirmed", "rules on trial were kept";
    FirewallRolledBack, "firewall.rolled-back", "the rules before were put in force again";
    HostApplied, "host.applied", "a change of the machine was done and verified";
    HostConfirmed, "host.confirmed", "a change on trial was kept";
    HostUndone, "host.undone", "a change of the machine was taken back";
    BackupRun, "backup.run", "a backup was made, or failed";
    BackupRestored, "backup.restored", "files or a database were restored";
    BackupVerified, "backup.verified", "a repository was read back";
    BackupDrilled, "backup.drilled", "a restore was rehearsed";
    BackupPruned, "backup.pruned", "snapshots were forgotten";
    CertificateRenewed, "certificate.renewed", "a certificate was fetched";
    CertificateFailed, "certificate.failed", "a certificate could not be fetched";
    CertificateEnding, "certificate.ending", "a certificate is near its end, or past it";
    GatewayRestarted, "gateway.restarted", "the gateway ended by itself and was started again";
    ProofEnded, "proof.ended", "a proof held, fell, or could not be made";
    AlertRaised, "alert.raised", "something to be looked at, as it went to the channels";
    AlertAcknowledged, "alert.acknowledged", "somebody took an alert on";
    AlertSilenced, "alert.silenced", "alerts were silenced until a time";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_dotted_and_unlike() {
        let mut words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        for word in &words {
            let (family, rest) = word.split_once('.').unwrap();
            let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            assert!(plain(family) && plain(rest) && !rest.is_empty(), "{word}");
        }
        let manual = include_str!("../../../docs/ledger.md");
        for kind in Kind::ALL {
            let row = format!("\n| `{kind}` | {} |\n", kind.says());
            assert!(manual.contains(&row), "docs/ledger.md lacks{row}");
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Kind::ALL.len());
    }
}
